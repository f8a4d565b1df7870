#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"
#include "tests/cache/oracles/oracle.hpp"
#include "tests/cache/traces.hpp"

namespace edgeward::cache {

namespace {

using oracle::Bug;

/// One replay to compare.
struct Case {
  TraceOptions options;
  std::uint64_t capacity_bytes = 0;
};

/// Capacities from nothing to more than everything, on traces that differ in everything.
std::vector<Case> cases(std::size_t traces) {
  std::vector<Case> all;
  for (std::uint64_t seed = 1; seed <= traces; ++seed) {
    Random random(seed);
    TraceOptions options{.seed = seed,
                         .sizes = seed % 2 == 0 ? Sizes::unit : Sizes::mixed,
                         .requests = 200 + random.below(1800),
                         .objects = static_cast<ObjectIndex>(10 + random.below(51)),
                         .scan_one_in = 1 + random.below(8)};
    const std::uint64_t footprint = random_trace(options).footprint_bytes();
    for (const std::uint64_t capacity_bytes :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{5},
          footprint / 10, footprint * 3 / 10, footprint * 7 / 10, footprint + 1}) {
      all.push_back({options, capacity_bytes});
    }
  }
  return all;
}

/// Says where policy and oracle part; empty if they agree on every hit and on the contents left.
std::optional<std::string> difference(const std::string& policy, const std::string& admission,
                                      const Case& replayed, Bug bug = Bug::none) {
  const Trace trace = random_trace(replayed.options);
  const CacheSpec spec = trace.spec(replayed.capacity_bytes);
  const oracle::World world{.sizes_bytes = trace.sizes_bytes,
                            .capacity_bytes = spec.capacity_bytes,
                            .seed = spec.seed,
                            .requests = trace.requests,
                            .bug = bug};
  const auto expected_cache = oracle::make_cache(NamedSettings::parse(policy), world);
  REQUIRE(expected_cache != nullptr);
  const std::vector<std::uint8_t> expected = oracle::replay(*expected_cache, nullptr, world);

  const auto cache = make_policy(NamedSettings::parse(policy), spec);
  const auto gate = make_admission(NamedSettings::parse(admission), spec);
  std::vector<std::uint8_t> hits(trace.requests.size(), 2);
  cache->replay(trace.requests, gate.get(), hits.data());

  const auto where = fmt::format(
      "{} with {}, trace {} ({} objects, {} requests, {}), capacity {}", policy, admission,
      replayed.options.seed, replayed.options.objects, replayed.options.requests,
      replayed.options.sizes == Sizes::unit ? "unit sizes" : "mixed", replayed.capacity_bytes);
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (hits[i] == expected[i]) continue;
    return fmt::format("{}: request {} for object {} gives {}, expected {}", where, i,
                       trace.requests[i], hits[i], expected[i]);
  }
  for (ObjectIndex object = 0; object < trace.sizes_bytes.size(); ++object) {
    if (cache->contains(object) == expected_cache->contains(object)) continue;
    return fmt::format("{}: object {} is left in one cache only", where, object);
  }
  return std::nullopt;
}

struct Slip {
  const char* policy;
  Bug bug;
};

constexpr Slip kSlips[] = {
    {"fifo", Bug::fifo_promotes},
    {"lru", Bug::lru_does_not_promote},
    {"clock", Bug::clock_inserts_with_the_bit_set},
    {"sieve", Bug::sieve_hand_starts_over},
    {"s3fifo", Bug::s3fifo_promotes_at_one},
    {"s3fifo", Bug::s3fifo_has_no_cold_start},
    {"slru", Bug::slru_drops_to_the_lowest},
    {"twoq", Bug::twoq_promotes_in_a1in},
    {"arc", Bug::arc_never_adapts},
    {"arc", Bug::arc_prefers_t2_at_the_target},
    {"lirs", Bug::lirs_forgets_to_prune},
    {"lirs:hir=0.3", Bug::lirs_ignores_the_stack},
};

}  // namespace

TEST_CASE("list policies have the hits of their oracles") {
  for (const std::string policy : {"fifo",
                                   "lru",
                                   "clock",
                                   "sieve",
                                   "s3fifo",
                                   "s3fifo:oversize=refuse",
                                   "s3fifo:small=0.4:ghost=0.2",
                                   "s3fifo:small=0.9:ghost=0",
                                   "slru",
                                   "slru:oversize=refuse",
                                   "slru:segments=1",
                                   "slru:segments=2:oversize=refuse",
                                   "slru:segments=7",
                                   "twoq",
                                   "twoq:oversize=refuse",
                                   "twoq:in=0.9:out=0.05",
                                   "twoq:in=0.1:out=2",
                                   "arc",
                                   "arc:ghost=0",
                                   "arc:ghost=0.13",
                                   "arc:ghost=3",
                                   "lirs",
                                   "lirs:oversize=refuse",
                                   "lirs:hir=0.5:ghost=0.1",
                                   "lirs:hir=0.3:ghost=10",
                                   "lirs:hir=0.2:ghost=1:oversize=refuse"}) {
    for (const Case& replayed : cases(20)) {
      const auto found = difference(policy, "none", replayed);
      INFO(found.value_or(""));
      REQUIRE_FALSE(found);
    }
  }
}

TEST_CASE("the comparison notices a slip in any policy") {
  for (const auto& [policy, bug] : kSlips) {
    CAPTURE(policy, static_cast<int>(bug));
    bool noticed = false;
    for (const Case& replayed : cases(20)) {
      noticed = noticed || difference(policy, "none", replayed, bug).has_value();
    }
    CHECK(noticed);
  }
}

}  // namespace edgeward::cache
