#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"
#include "tests/cache/traces.hpp"

namespace edgeward::cache {

namespace {

/// What a replay missed.
struct Misses {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
};

Misses misses(const Trace& trace, std::uint64_t capacity_bytes, std::string_view policy,
              std::string_view admission = "none") {
  const CacheSpec spec = trace.spec(capacity_bytes);
  const auto cache = make_policy(NamedSettings::parse(policy), spec);
  const auto gate = make_admission(NamedSettings::parse(admission), spec);
  std::vector<std::uint8_t> hits(trace.requests.size(), 2);
  cache->replay(trace.requests, gate.get(), hits.data());
  cache->check_invariants();
  Misses sum;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (hits[i] == 1) continue;
    ++sum.requests;
    sum.bytes += trace.sizes_bytes[trace.requests[i]];
  }
  return sum;
}

struct Combination {
  std::string policy;
  std::string admission;
};

/// All that keep to their capacity; the other two kinds are below any optimum.
std::vector<Combination> combinations() {
  std::vector<std::string> policies{"belady:bypass=1", "pfoo_upper:objective=bytes"};
  for (const PolicyKind& kind : policy_kinds()) {
    if (kind.name != "unbounded" && kind.name != "pfoo_lower") policies.emplace_back(kind.name);
  }
  std::vector<Combination> all;
  for (const std::string& policy : policies) {
    for (const AdmissionKind& kind : admission_kinds()) {
      all.push_back({policy, kind.name == "size" ? "size:4" : std::string(kind.name)});
    }
  }
  return all;
}

/// Somewhere a policy that sees only the past must come so near to the bound, or the bound is too
/// low to notice anything.
constexpr double kClose = 1.05;

double ratio(std::uint64_t missed, std::uint64_t bound) {
  return static_cast<double>(missed) / static_cast<double>(bound);
}

/// Whether it says something to be close: the policy sees no future, at least a quarter of the
/// requests can hit, and twice as many must miss as the first of each object.
bool is_contest(const std::string& policy, const Trace& trace, std::uint64_t bound) {
  return !policy_kind(NamedSettings::parse(policy).name).is_ceiling &&
         bound > 2 * misses(trace, 0, "unbounded").requests &&
         4 * bound < 3 * trace.requests.size();
}

/// A trace and a capacity to replay it at.
struct Case {
  Trace trace;
  std::uint64_t capacity_bytes = 0;
};

std::vector<Case> cases(Sizes sizes) {
  std::vector<Case> all;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    const Trace trace = random_trace({.seed = seed,
                                      .sizes = sizes,
                                      .requests = 200 + random.below(1800),
                                      .objects = static_cast<ObjectIndex>(10 + random.below(51)),
                                      .scan_one_in = 1 + random.below(8)});
    const std::uint64_t footprint = trace.footprint_bytes();
    for (const std::uint64_t percent : {0U, 1U, 3U, 10U, 30U, 60U, 101U}) {
      all.push_back({trace, footprint * percent / 100 + (percent == 0 ? 0 : 1)});
    }
  }
  return all;
}

}  // namespace

TEST_CASE("with unit sizes no policy and admission miss less than belady with bypass") {
  double closest = 2;
  for (const auto& [trace, capacity_bytes] : cases(Sizes::unit)) {
    const std::uint64_t bound = misses(trace, capacity_bytes, "belady:bypass=1").requests;
    for (const auto& [policy, admission] : combinations()) {
      CAPTURE(policy, admission, capacity_bytes, trace.requests.size());
      const std::uint64_t missed = misses(trace, capacity_bytes, policy, admission).requests;
      CHECK(missed >= bound);
      if (is_contest(policy, trace, bound)) closest = std::min(closest, ratio(missed, bound));
    }
  }
  CAPTURE(closest);
  CHECK(closest < kClose);
}

TEST_CASE("with sizes no policy and admission miss less than the lower bound of pfoo") {
  double closest = 2;
  double closest_bytes = 2;
  for (const auto& [trace, capacity_bytes] : cases(Sizes::mixed)) {
    const Misses bound = {
        .requests = misses(trace, capacity_bytes, "pfoo_lower").requests,
        .bytes = misses(trace, capacity_bytes, "pfoo_lower:objective=bytes").bytes};
    for (const auto& [policy, admission] : combinations()) {
      CAPTURE(policy, admission, capacity_bytes, trace.requests.size());
      const Misses missed = misses(trace, capacity_bytes, policy, admission);
      CHECK(missed.requests >= bound.requests);
      CHECK(missed.bytes >= bound.bytes);
      if (!is_contest(policy, trace, bound.requests)) continue;
      closest = std::min(closest, ratio(missed.requests, bound.requests));
      closest_bytes = std::min(closest_bytes, ratio(missed.bytes, bound.bytes));
    }
  }
  CAPTURE(closest, closest_bytes);
  CHECK(closest < kClose);
  CHECK(closest_bytes < kClose);
}

TEST_CASE("the bounds notice a cache that holds more than its capacity") {
  std::size_t unit = 0;
  for (const auto& [trace, capacity_bytes] : cases(Sizes::unit)) {
    const std::uint64_t bound = misses(trace, capacity_bytes, "belady:bypass=1").requests;
    unit += misses(trace, capacity_bytes + 1, "belady").requests < bound ? 1 : 0;
  }
  CHECK(unit > 0);

  for (const std::string objective : {"requests", "bytes"}) {
    std::size_t mixed = 0;
    for (const auto& [trace, capacity_bytes] : cases(Sizes::mixed)) {
      const Misses bound = misses(trace, capacity_bytes, "pfoo_lower:objective=" + objective);
      const Misses cheat =
          misses(trace, capacity_bytes * 5 / 4, "pfoo_upper:objective=" + objective);
      const bool is_caught =
          objective == "bytes" ? cheat.bytes < bound.bytes : cheat.requests < bound.requests;
      mixed += is_caught ? 1 : 0;
    }
    CAPTURE(objective);
    CHECK(mixed > 0);
  }
}

TEST_CASE("the lower bound of pfoo is no greater than the upper") {
  for (const Sizes sizes : {Sizes::unit, Sizes::mixed}) {
    for (const auto& [trace, capacity_bytes] : cases(sizes)) {
      CAPTURE(capacity_bytes, trace.requests.size());
      CHECK(misses(trace, capacity_bytes, "pfoo_lower").requests <=
            misses(trace, capacity_bytes, "pfoo_upper").requests);
      CHECK(misses(trace, capacity_bytes, "pfoo_lower:objective=bytes").bytes <=
            misses(trace, capacity_bytes, "pfoo_upper:objective=bytes").bytes);
    }
  }
}

TEST_CASE("with unit sizes more capacity never makes lru or belady miss more") {
  for (const auto policy : {"lru", "belady", "belady:bypass=1"}) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
      const Trace trace = random_trace({.seed = seed, .scan_one_in = 1 + seed % 6});
      std::uint64_t before = trace.requests.size();
      for (std::uint64_t capacity_bytes = 0; capacity_bytes <= 61; ++capacity_bytes) {
        CAPTURE(policy, seed, capacity_bytes);
        const std::uint64_t missed = misses(trace, capacity_bytes, policy).requests;
        CHECK(missed <= before);
        before = missed;
      }
      CHECK(before == misses(trace, 0, "unbounded").requests);
    }
  }
}

TEST_CASE("an unbounded cache misses each object once, at its first request") {
  for (const auto& [trace, capacity_bytes] : cases(Sizes::mixed)) {
    const auto cache = make_policy(NamedSettings::parse("unbounded"), trace.spec(capacity_bytes));
    std::vector<std::uint8_t> hits(trace.requests.size(), 2);
    cache->replay(trace.requests, nullptr, hits.data());
    std::vector<bool> seen(trace.sizes_bytes.size());
    for (std::size_t i = 0; i < hits.size(); ++i) {
      REQUIRE(hits[i] == (seen[trace.requests[i]] ? 1 : 0));
      seen[trace.requests[i]] = true;
    }
  }
}

}  // namespace edgeward::cache
