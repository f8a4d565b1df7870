#include "cache/eviction/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace edgeward::cache {

namespace {

constexpr std::array kPolicies = {
    PolicyKind{.name = "fifo", .summary = "first in, first out", .make = make_fifo},
    PolicyKind{.name = "lru", .summary = "least recently used", .make = make_lru},
    PolicyKind{.name = "clock", .summary = "second chance, one bit", .make = make_clock},
    PolicyKind{.name = "sieve", .summary = "lazy promotion, quick demotion", .make = make_sieve},
    PolicyKind{.name = "s3fifo",
               .summary = "small, main and ghost queue; small=0.1 ghost=0.9 oversize=admit|refuse",
               .make = make_s3fifo},
    PolicyKind{.name = "slru",
               .summary = "segmented LRU; segments=4 oversize=admit|refuse",
               .make = make_slru},
    PolicyKind{.name = "twoq",
               .summary = "2Q: FIFO, then LRU; in=0.25 out=0.5 oversize=admit|refuse",
               .make = make_twoq},
    PolicyKind{.name = "arc",
               .summary = "adaptive: recency against frequency; ghost=0.5",
               .make = make_arc},
    PolicyKind{.name = "lirs",
               .summary = "low inter-reference recency; hir=0.01 ghost=2 oversize=admit|refuse",
               .make = make_lirs},
    PolicyKind{.name = "lfu", .summary = "least frequently used", .make = make_lfu},
    PolicyKind{.name = "lfuda", .summary = "LFU with dynamic ageing", .make = make_lfuda},
    PolicyKind{.name = "gdsf",
               .summary = "frequency / size with ageing: the request hit ratio first",
               .make = make_gdsf},
    PolicyKind{.name = "lhd", .summary = "least hit density; samples=32", .make = make_lhd},
    PolicyKind{.name = "wtinylfu",
               .summary = "W-TinyLFU; window=0.01, protected=0.8, adaptive=1",
               .make = make_wtinylfu},
    PolicyKind{.name = "hyperbolic",
               .summary = "requests / time in the cache; samples=64, size_aware=0",
               .make = make_hyperbolic},
    PolicyKind{.name = "random", .summary = "any object, evenly", .make = make_random},
    PolicyKind{.name = "belady",
               .summary = "farthest next access; bypass=0",
               .is_ceiling = true,
               .make = make_belady},
    PolicyKind{.name = "belady_size",
               .summary = "greatest size x distance to the next access; samples=128",
               .is_ceiling = true,
               .make = make_belady_size},
    PolicyKind{.name = "unbounded",
               .summary = "no limit: compulsory misses only",
               .is_ceiling = true,
               .make = make_unbounded},
    PolicyKind{.name = "pfoo_lower",
               .summary = "no policy misses less; objective=requests|bytes",
               .is_ceiling = true,
               .make = make_pfoo_lower},
    PolicyKind{.name = "pfoo_upper",
               .summary = "the optimum misses no more; objective=requests|bytes",
               .is_ceiling = true,
               .make = make_pfoo_upper},
};

}  // namespace

std::span<const PolicyKind> policy_kinds() {
  return kPolicies;
}

const PolicyKind& policy_kind(std::string_view name) {
  const auto* const found = std::find_if(kPolicies.begin(), kPolicies.end(),
                                         [&](const auto& kind) { return kind.name == name; });
  if (found != kPolicies.end()) return *found;
  std::vector<std::string_view> names;
  for (const PolicyKind& kind : kPolicies) names.push_back(kind.name);
  const std::string_view nearest = nearest_name(name, names);
  throw ParameterError(fmt::format("unknown policy '{}'{}", name,
                                   nearest.empty() ? "; `edgeward replay --help` lists them"
                                                   : fmt::format(", did you mean '{}'?", nearest)));
}

std::unique_ptr<EvictionPolicy> make_policy(const NamedSettings& settings, const CacheSpec& spec) {
  const PolicyKind& kind = policy_kind(settings.name);
  Parameters parameters(settings);
  auto policy = kind.make(spec, parameters);
  parameters.finish();
  return policy;
}

}  // namespace edgeward::cache
