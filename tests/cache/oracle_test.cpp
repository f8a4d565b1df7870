#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"
#include "tests/cache/oracles/oracle.hpp"
#include "tests/cache/traces.hpp"
#include "tests/instrumented.hpp"

namespace edgeward::cache {

namespace {

using oracle::Bug;

constexpr std::size_t kTraces = test::kIsInstrumented ? 8 : 30;

/// One replay to compare.
struct Case {
  TraceOptions options;
  std::uint64_t capacity_bytes = 0;
  bool is_one_of_many = false;
};

/// Capacities from nothing to more than everything, on traces that differ in everything. With
/// `requests` they are all as long as that, else 200 to 2000 requests.
std::vector<Case> cases(std::size_t traces, std::size_t requests = 0) {
  std::vector<Case> all;
  for (std::uint64_t seed = 1; seed <= traces; ++seed) {
    Random random(seed);
    const std::size_t few = 200 + random.below(1800);
    const TraceOptions options{.seed = seed,
                               .sizes = seed % 2 == 0 ? Sizes::unit : Sizes::mixed,
                               .requests = requests == 0 ? few : requests,
                               .objects = static_cast<ObjectIndex>(10 + random.below(51)),
                               .scan_one_in = 1 + random.below(8)};
    const std::uint64_t footprint = random_trace(options).footprint_bytes();
    for (const std::uint64_t capacity_bytes :
         {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}, std::uint64_t{5},
          footprint / 10, footprint * 3 / 10, footprint * 7 / 10, footprint + 1}) {
      all.push_back({options, capacity_bytes, seed % 4 < 2});
    }
  }
  return all;
}

/// Long enough for lhd to learn five times, wtinylfu and adaptsize often.
std::vector<Case> long_cases() {
  return cases(2, 80'000);
}

/// Where policy and oracle part; nothing if they agree on every hit and on the contents left.
std::optional<std::string> difference(const std::string& policy, const std::string& admission,
                                      const Case& replayed, Bug bug = Bug::none) {
  const Trace trace = random_trace(replayed.options);
  CacheSpec spec = trace.spec(replayed.capacity_bytes);
  spec.is_one_of_many = replayed.is_one_of_many;
  const oracle::World world{.sizes_bytes = trace.sizes_bytes,
                            .capacity_bytes = spec.capacity_bytes,
                            .seed = spec.seed,
                            .requests = trace.requests,
                            .bug = bug};
  const auto expected_cache = oracle::make_cache(NamedSettings::parse(policy), world);
  REQUIRE(expected_cache != nullptr);
  const auto expected_gate = oracle::make_admission(NamedSettings::parse(admission), world);
  const std::vector<std::uint8_t> expected =
      oracle::replay(*expected_cache, expected_gate.get(), world);

  const auto cache = make_policy(NamedSettings::parse(policy), spec);
  const auto gate = make_admission(NamedSettings::parse(admission), spec);
  REQUIRE((gate == nullptr) == (expected_gate == nullptr));
  std::vector<std::uint8_t> hits(trace.requests.size(), 2);
  cache->replay(trace.requests, gate.get(), hits.data());

  const auto where = fmt::format(
      "{}{} with {}, trace {} ({} objects, {} requests, {}), capacity {}", policy,
      replayed.is_one_of_many ? " as one of many" : "", admission, replayed.options.seed,
      replayed.options.objects, replayed.options.requests,
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

/// A replay that shows a slip.
struct Slip {
  const char* policy;
  const char* admission;
  Bug bug;
};

constexpr Slip kSlips[] = {
    {"fifo", "none", Bug::fifo_promotes},
    {"lru", "none", Bug::lru_does_not_promote},
    {"clock", "none", Bug::clock_inserts_with_the_bit_set},
    {"sieve", "none", Bug::sieve_hand_starts_over},
    {"s3fifo", "none", Bug::s3fifo_promotes_at_one},
    {"s3fifo", "none", Bug::s3fifo_has_no_cold_start},
    {"slru", "none", Bug::slru_drops_to_the_lowest},
    {"twoq", "none", Bug::twoq_promotes_in_a1in},
    {"arc", "none", Bug::arc_never_adapts},
    {"arc", "none", Bug::arc_prefers_t2_at_the_target},
    {"lirs", "none", Bug::lirs_forgets_to_prune},
    {"lirs:hir=0.3", "none", Bug::lirs_ignores_the_stack},
    {"lfu", "none", Bug::lfu_remembers_the_evicted},
    {"lfuda", "none", Bug::lfuda_does_not_age},
    {"gdsf", "none", Bug::gdsf_does_not_age},
    {"gdsf", "none", Bug::gdsf_never_refuses},
    {"random", "none", Bug::random_shifts_the_slots},
    {"hyperbolic", "none", Bug::hyperbolic_ages_from_the_last_access},
    {"lhd:samples=4", "none", Bug::lhd_ignores_classes},
    {"lhd", "none", Bug::lhd_never_learns},
    {"wtinylfu", "none", Bug::wtinylfu_lets_equals_win},
    {"wtinylfu", "none", Bug::wtinylfu_never_adapts},
    {"belady", "none", Bug::belady_misses_a_request},
    {"belady", "none", Bug::belady_always_bypasses},
    {"belady_size", "none", Bug::belady_size_ignores_sizes},
    {"unbounded", "none", Bug::unbounded_is_bounded},
    {"pfoo_lower:objective=bytes", "none", Bug::pfoo_lower_skips_what_is_too_large},
    {"pfoo_upper", "none", Bug::pfoo_upper_counts_the_end},
    {"lru", "size:5", Bug::size_is_strict},
    {"lru", "second_hit:ids=8", Bug::second_hit_never_forgets},
    {"lru", "tinylfu", Bug::tinylfu_ignores_sizes},
    {"lru", "tinylfu", Bug::tinylfu_counts_misses_only},
    {"lru", "adaptsize:window=100", Bug::adaptsize_never_tunes},
    {"lru", "adaptsize:window=100", Bug::adaptsize_forgets_the_past},
};

/// Every policy, with the settings whose steps differ.
constexpr const char* kPolicies[] = {"fifo",
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
                                     "lirs:hir=0.2:ghost=1:oversize=refuse",
                                     "lfu",
                                     "lfuda",
                                     "gdsf",
                                     "lhd",
                                     "lhd:samples=4",
                                     "wtinylfu",
                                     "wtinylfu:adaptive=0",
                                     "wtinylfu:window=0.3",
                                     "wtinylfu:window=0.2:protected=0.4:adaptive=0",
                                     "wtinylfu:protected=1",
                                     "wtinylfu:window=0:protected=0",
                                     "hyperbolic",
                                     "hyperbolic:samples=5",
                                     "hyperbolic:samples=3:size_aware=1",
                                     "random",
                                     "belady",
                                     "belady:bypass=1",
                                     "belady_size",
                                     "belady_size:samples=3",
                                     "unbounded",
                                     "pfoo_lower",
                                     "pfoo_lower:objective=bytes",
                                     "pfoo_upper",
                                     "pfoo_upper:objective=bytes"};

constexpr const char* kAdmissions[] = {
    "size:5",  "second_hit", "second_hit:ids=8",    "second_hit:ids=40",
    "tinylfu", "adaptsize",  "adaptsize:window=100"};

void check(const std::string& policy, const std::string& admission,
           const std::vector<Case>& replays) {
  for (const Case& replayed : replays) {
    const auto found = difference(policy, admission, replayed);
    INFO(found.value_or(""));
    REQUIRE_FALSE(found);
  }
}

template <class Specifications>
bool is_among(std::string_view name, const Specifications& specifications) {
  return std::any_of(std::begin(specifications), std::end(specifications),
                     [&](const char* text) { return NamedSettings::parse(text).name == name; });
}

}  // namespace

TEST_CASE("every policy and admission is compared, and with an oracle that slips") {
  std::vector<const char*> slipping;
  for (const Slip& slip : kSlips) {
    slipping.push_back(slip.policy);
    slipping.push_back(slip.admission);
  }
  for (const PolicyKind& kind : policy_kinds()) {
    CAPTURE(kind.name);
    CHECK(is_among(kind.name, kPolicies));
    CHECK(is_among(kind.name, slipping));
  }
  for (const AdmissionKind& kind : admission_kinds()) {
    CAPTURE(kind.name);
    CHECK((kind.name == "none" || is_among(kind.name, kAdmissions)));
    CHECK(is_among(kind.name, slipping));
  }
}

TEST_CASE("policies have the hits of their oracles") {
  const std::vector<Case> replays = cases(kTraces);
  for (const char* const policy : kPolicies) check(policy, "none", replays);
}

TEST_CASE("policies under admission have the hits of their oracles") {
  const std::vector<Case> replays = cases(8);
  for (const PolicyKind& kind : policy_kinds()) {
    for (const char* const admission : kAdmissions) {
      check(std::string(kind.name), admission, replays);
    }
  }
}

TEST_CASE("what learns has the hits of its oracle after it has learned") {
  const std::vector<Case> replays = long_cases();
  check("lhd", "none", replays);
  check("lhd:samples=4", "none", replays);
  check("wtinylfu", "none", replays);
  check("lru", "tinylfu", replays);
  check("lru", "adaptsize:window=40000", replays);
  check("lru", "adaptsize:window=3000", replays);
}

TEST_CASE("the comparison notices a slip in any policy or admission") {
  std::vector<Case> replays = cases(kTraces);
  const std::vector<Case> more = long_cases();
  replays.insert(replays.end(), more.begin(), more.end());
  for (const Slip& slip : kSlips) {
    CAPTURE(slip.policy, slip.admission, static_cast<int>(slip.bug));
    CHECK(std::any_of(replays.begin(), replays.end(), [&](const Case& replayed) {
      return difference(slip.policy, slip.admission, replayed, slip.bug).has_value();
    }));
  }
}

}  // namespace edgeward::cache
