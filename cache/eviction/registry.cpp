#include "cache/eviction/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace edgeward::cache {

namespace {

constexpr std::array kKinds = {
    PolicyKind{.name = "fifo", .summary = "first in, first out", .make = make_fifo},
    PolicyKind{.name = "lru", .summary = "least recently used", .make = make_lru},
};

}  // namespace

std::span<const PolicyKind> policy_kinds() { return kKinds; }

const PolicyKind& policy_kind(std::string_view name) {
  const auto* const found =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const auto& kind) { return kind.name == name; });
  if (found != kKinds.end()) return *found;
  std::vector<std::string_view> names;
  for (const PolicyKind& kind : kKinds) names.push_back(kind.name);
  const std::string_view nearest = nearest_name(name, names);
  throw ParameterError(fmt::format(
      "unknown policy '{}'{}", name,
      nearest.empty() ? "; `edgeward replay --help` lists them" : fmt::format(", did you mean '{}'?", nearest)));
}

std::unique_ptr<EvictionPolicy> make_policy(const NamedSettings& settings, const CacheSpec& spec) {
  const PolicyKind& kind = policy_kind(settings.name);
  Parameters parameters(settings);
  auto policy = kind.make(spec, parameters);
  parameters.finish();
  return policy;
}

}  // namespace edgeward::cache
