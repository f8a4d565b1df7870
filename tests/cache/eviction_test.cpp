#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/eviction/registry.hpp"
#include "cache/parameters.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

struct Trace {
  std::vector<ObjectIndex> requests;
  std::vector<std::uint64_t> sizes_bytes;
  std::vector<RequestIndex> next_access;

  void derive_next_access() {
    std::vector<RequestIndex> next(sizes_bytes.size(), kNever);
    next_access.resize(requests.size());
    for (std::size_t i = requests.size(); i-- > 0;) {
      next_access[i] = next[requests[i]];
      next[requests[i]] = static_cast<RequestIndex>(i);
    }
  }
};

enum class Sizes { unit, mixed };

/// A few popular objects, many rare ones, now and then a scan. Mixed sizes have zeros, many small
/// objects and some that fill most of a small cache or do not fit it.
Trace random_trace(std::uint64_t seed, Sizes sizes, std::size_t requests) {
  Random random(seed);
  Trace trace;
  constexpr ObjectIndex kObjects = 60;
  for (ObjectIndex object = 0; object < kObjects; ++object) {
    const std::uint64_t small = random.below(6);
    const std::uint64_t mixed = random.below(8) == 0 ? random.below(60) : small;
    trace.sizes_bytes.push_back(sizes == Sizes::unit ? 1 : mixed);
  }
  ObjectIndex scan = 0;
  while (trace.requests.size() < requests) {
    const double skewed = random.unit() * random.unit() * random.unit();
    const bool scans = random.below(4) == 0;
    scan = (scan + 1) % kObjects;
    trace.requests.push_back(scans ? scan : static_cast<ObjectIndex>(skewed * kObjects));
  }
  trace.derive_next_access();
  return trace;
}

std::unique_ptr<EvictionPolicy> make(std::string_view policy, const Trace& trace,
                                     std::uint64_t capacity_bytes) {
  return make_policy(NamedSettings::parse(policy),
                     {.sizes_bytes = trace.sizes_bytes,
                      .capacity_bytes = capacity_bytes,
                      .seed = 7,
                      .future = {.requests = trace.requests, .next_access = trace.next_access}});
}

std::vector<std::uint8_t> replay(EvictionPolicy& policy, const Trace& trace,
                                 std::size_t batch = SIZE_MAX) {
  std::vector<std::uint8_t> hits(trace.requests.size(), 2);
  const std::span<const ObjectIndex> requests(trace.requests);
  for (std::size_t from = 0; from < requests.size();) {
    const std::size_t count = std::min(batch, requests.size() - from);
    policy.replay(requests.subspan(from, count), nullptr, hits.data() + from);
    from += count;
  }
  return hits;
}

/// Every kind with its defaults, and the settings whose code paths differ.
std::vector<std::string> policies(bool with_ceilings) {
  std::vector<std::string> names{"s3fifo:oversize=refuse", "s3fifo:small=0.9:ghost=0",
                                 "slru:oversize=refuse",   "slru:segments=1",
                                 "slru:segments=64",       "twoq:oversize=refuse",
                                 "twoq:in=0.9:out=0.05",   "arc:ghost=0",
                                 "arc:ghost=10",           "lirs:oversize=refuse",
                                 "lirs:hir=0.5:ghost=0.1", "lirs:hir=0.3:ghost=10"};
  for (const PolicyKind& kind : policy_kinds()) {
    if (with_ceilings || !kind.is_ceiling) names.emplace_back(kind.name);
  }
  return names;
}

constexpr std::uint64_t kCapacities[] = {0, 1, 2, 3, 5, 13, 40, 100};
constexpr Sizes kSizes[] = {Sizes::unit, Sizes::mixed};

template <class Property>
void for_each_case(bool with_ceilings, std::size_t requests, Property property) {
  for (const std::string& policy : policies(with_ceilings)) {
    for (const Sizes sizes : kSizes) {
      for (const std::uint64_t capacity_bytes : kCapacities) {
        const std::uint64_t seed = 100 + capacity_bytes;
        INFO(policy << ", capacity " << capacity_bytes << ", seed " << seed
                    << (sizes == Sizes::unit ? ", unit sizes" : ", mixed sizes"));
        property(policy, random_trace(seed, sizes, requests), capacity_bytes);
      }
    }
  }
}

/// Objects are letters of size 1; a hit is written h, a miss a dot.
std::string hits_of(std::string_view policy, std::uint64_t capacity_bytes,
                    std::string_view letters) {
  Trace trace;
  trace.sizes_bytes.assign(26, 1);
  for (const char letter : letters) {
    trace.requests.push_back(static_cast<ObjectIndex>(letter - 'a'));
  }
  trace.derive_next_access();
  const auto cache = make(policy, trace, capacity_bytes);
  std::string result;
  for (const std::uint8_t hit : replay(*cache, trace)) result += hit != 0 ? 'h' : '.';
  cache->check_invariants();
  return result;
}

}  // namespace

TEST_CASE("a request is a hit iff its object was contained, and invariants hold after each") {
  for_each_case(false, 600, [](const std::string& policy, const Trace& trace, std::uint64_t bytes) {
    const auto cache = make(policy, trace, bytes);
    std::size_t hits = 0;
    for (std::size_t i = 0; i < trace.requests.size(); ++i) {
      const ObjectIndex object = trace.requests[i];
      const bool contained = cache->contains(object);
      std::uint8_t hit = 2;
      cache->replay(std::span(&object, 1), nullptr, &hit);
      hits += hit;
      CAPTURE(i, object);
      REQUIRE(hit == (contained ? 1 : 0));
      REQUIRE((!contained || cache->contains(object)));
      REQUIRE(cache->used_bytes() <= bytes);
      REQUIRE((trace.sizes_bytes[object] <= bytes || !cache->contains(object)));
      REQUIRE_NOTHROW(cache->check_invariants());
    }
    if (bytes >= 5) CHECK(hits > 0);
  });
}

TEST_CASE("used bytes and objects are those of the objects contained") {
  for_each_case(false, 500, [](const std::string& policy, const Trace& trace, std::uint64_t bytes) {
    const auto cache = make(policy, trace, bytes);
    replay(*cache, trace);
    std::uint64_t used_bytes = 0;
    std::uint64_t objects = 0;
    for (ObjectIndex object = 0; object < trace.sizes_bytes.size(); ++object) {
      if (!cache->contains(object)) continue;
      used_bytes += trace.sizes_bytes[object];
      ++objects;
    }
    CHECK(cache->used_bytes() == used_bytes);
    CHECK(cache->objects() == objects);
  });
}

TEST_CASE("batch boundaries do not matter, and a replay repeats itself") {
  for_each_case(true, 900, [](const std::string& policy, const Trace& trace, std::uint64_t bytes) {
    const auto whole = make(policy, trace, bytes);
    const std::vector<std::uint8_t> expected = replay(*whole, trace);
    for (const std::size_t batch : {1U, 7U, 64U, 900U}) {
      const auto cache = make(policy, trace, bytes);
      CAPTURE(batch);
      CHECK(replay(*cache, trace, batch) == expected);
      CHECK(cache->used_bytes() == whole->used_bytes());
      CHECK(cache->evictions() == whole->evictions());
    }
  });
}

TEST_CASE("the victim is cached, and stays the same until the cache changes") {
  for_each_case(false, 300, [](const std::string& policy, const Trace& trace, std::uint64_t bytes) {
    const auto cache = make(policy, trace, bytes);
    for (const ObjectIndex object : trace.requests) {
      std::uint8_t hit = 2;
      cache->replay(std::span(&object, 1), nullptr, &hit);
      const ObjectIndex victim = cache->victim();
      REQUIRE((victim == kNoObject) == (cache->objects() == 0));
      REQUIRE((victim == kNoObject || cache->contains(victim)));
      REQUIRE(cache->victim() == victim);
      REQUIRE_NOTHROW(cache->check_invariants());
    }
  });
}

TEST_CASE("what a sharer keeps is never used and invariants hold beside it") {
  for_each_case(false, 600, [](const std::string& policy, const Trace& trace, std::uint64_t bytes) {
    const auto cache = make(policy, trace, bytes);
    Random random(bytes);
    std::uint64_t reserved_bytes = 0;
    for (const ObjectIndex object : trace.requests) {
      if (random.below(20) == 0) {
        reserved_bytes = random.below(bytes + 1);
        cache->share(nullptr, reserved_bytes, 0);
        CAPTURE(reserved_bytes);
        REQUIRE(cache->used_bytes() + reserved_bytes <= bytes);
      }
      const bool contained = cache->contains(object);
      std::uint8_t hit = 2;
      cache->replay(std::span(&object, 1), nullptr, &hit);
      CAPTURE(reserved_bytes, object);
      REQUIRE(hit == (contained ? 1 : 0));
      REQUIRE(cache->used_bytes() + reserved_bytes <= bytes);
      REQUIRE_NOTHROW(cache->check_invariants());
    }
  });
}

TEST_CASE("a cache that shares its capacity is one of what is left") {
  const Trace trace = random_trace(5, Sizes::mixed, 900);
  for (const std::string policy : {"lru", "fifo", "gdsf", "lfu"}) {
    CAPTURE(policy);
    const auto whole = make(policy, trace, 40);
    const auto shared = make(policy, trace, 100);
    shared->share(nullptr, 60, 0);
    CHECK(replay(*shared, trace) == replay(*whole, trace));
  }
}

TEST_CASE("a ceiling shares its capacity with nobody") {
  const Trace trace = random_trace(5, Sizes::unit, 10);
  CHECK_THROWS_AS(make("belady", trace, 10)->share(nullptr, 1, 0), std::logic_error);
}

TEST_CASE("list policies evict the victim they named when a new object comes") {
  const std::string policy = GENERATE("fifo", "lru", "clock", "sieve", "s3fifo", "slru", "twoq",
                                      "arc", "lirs", "lirs:hir=0.4", "s3fifo:small=0.5");
  for (const std::uint64_t capacity_bytes : {1U, 2U, 5U, 13U}) {
    CAPTURE(policy, capacity_bytes);
    Trace trace = random_trace(capacity_bytes, Sizes::unit, 500);
    const auto fresh_from = static_cast<ObjectIndex>(trace.sizes_bytes.size());
    trace.sizes_bytes.resize(fresh_from + trace.requests.size(), 1);
    const auto cache = make(policy, trace, capacity_bytes);
    for (std::size_t i = 0; i < trace.requests.size(); ++i) {
      std::uint8_t hit = 2;
      cache->replay(std::span(&trace.requests[i], 1), nullptr, &hit);
      if (i % 5 != 0 || cache->used_bytes() < capacity_bytes) continue;
      const ObjectIndex victim = cache->victim();
      const std::uint64_t evictions = cache->evictions();
      const auto fresh = static_cast<ObjectIndex>(fresh_from + i);
      cache->replay(std::span(&fresh, 1), nullptr, &hit);
      REQUIRE(cache->evictions() == evictions + 1);
      REQUIRE_FALSE(cache->contains(victim));
      REQUIRE(cache->contains(fresh));
    }
  }
}

TEST_CASE("the smallest caches hit") {
  for (const std::string& policy : policies(false)) {
    CAPTURE(policy);
    CHECK(hits_of(policy, 0, "aaa") == "...");
    CHECK(hits_of(policy, 1, "aaa") == ".hh");
    CHECK(hits_of(policy, 2, "abababab").substr(4) == "hhhh");
    CHECK(hits_of(policy, 3, "abcabcabcabc").substr(9) == "hhh");
  }
}

TEST_CASE("small caches of segments hit repeated objects and follow a change of them") {
  const std::string policy = GENERATE("s3fifo", "slru", "twoq", "arc", "lirs");
  const std::string refuses = policy == "arc" ? "" : ":oversize=refuse";
  for (const std::string& name : {policy, policy + refuses}) {
    CAPTURE(name);
    CHECK(hits_of(name, 1, "aabbaabb") == ".h.h.h.h");
    CHECK(hits_of(name, 13, "abcdefabcdefabcdef").substr(6) == "hhhhhhhhhhhh");
  }
}

TEST_CASE("an object larger than the entry segment is refused or admitted as asked") {
  Trace trace;
  trace.sizes_bytes = {60, 1};
  trace.requests = {0, 0, 1, 0, 1};
  trace.derive_next_access();
  const std::string policy = GENERATE("s3fifo", "slru", "twoq", "lirs:hir=0.1");
  const auto admitting = make(policy, trace, 100);
  CHECK(replay(*admitting, trace) == std::vector<std::uint8_t>{0, 1, 0, 1, 1});
  const auto refusing = make(policy + ":oversize=refuse", trace, 100);
  CHECK(replay(*refusing, trace) == std::vector<std::uint8_t>{0, 0, 0, 0, 1});
}

TEST_CASE("settings out of range, and unknown ones, are refused") {
  const Trace trace = random_trace(1, Sizes::unit, 1);
  const auto* const bad = GENERATE(
      "s3fifo:small=0", "s3fifo:ghost=-1", "s3fifo:oversize=maybe", "s3fifo:smal=0.1",
      "slru:segments=0", "slru:segments=65", "slru:segments=2.5", "twoq:in=1", "twoq:out=11",
      "arc:ghost=x", "arc:oversize=admit", "lirs:hir=0", "lirs:hir=1", "clock:bits=2", "sieve:a=1");
  CHECK_THROWS_AS(make(bad, trace, 10), ParameterError);
}

// Worked by hand from the rules in cache/eviction/README.md.

TEST_CASE("fifo ignores hits, lru follows them") {
  CHECK(hits_of("fifo", 3, "abcadab") == "...h...");
  CHECK(hits_of("lru", 3, "abcadab") == "...h.h.");
}

TEST_CASE("clock gives a second chance, once a hit") {
  // After e the queue is b a e; f clears b and a and takes e; e takes b, and a is still there.
  CHECK(hits_of("clock", 3, "abcadbaeabfea") == "...h..h.hh..h");
}

TEST_CASE("sieve keeps its hand, and new objects do not push old ones out") {
  // d: the hand clears a, takes b. e takes c, f takes d, g takes e: a stays. h takes f, c takes g.
  CHECK(hits_of("sieve", 3, "abcadeafgahch") == "...h..h..h..h");
}

TEST_CASE("s3fifo promotes what was hit twice in small, and what its ghosts remember") {
  // a fills small, b to j main. k takes a, whose ghost brings it to main, taking k. l takes b from
  // main, which leaves no ghost; b is new again, hit twice, and m moves it to main, taking c. c is
  // new again and hit once, which is not enough: n takes it, not d.
  CHECK(hits_of("s3fifo", 10, "abcdefghijkalbbbmbcacnd") == "..............hh.h.hh.h");
}

TEST_CASE("a cold s3fifo fills main, so that a scan passes through small alone") {
  CHECK(hits_of("s3fifo", 10, "abcdefghijklmnbcd") == "..............hhh");
}

TEST_CASE("slru moves a hit object up by one segment, and what it displaces down by one") {
  // One object a segment: a, b, c, d from the lowest up. e takes a; its hit pushes b to the lowest,
  // where f takes it, and b takes f. e rises again, above c; then c above e, and b above e.
  CHECK(hits_of("slru", 4, "abcdeefbdecbge") == ".....h..hhhh..");
}

TEST_CASE("twoq brings to Am what A1out remembers") {
  // A1in keeps 1, A1out remembers 2. a, b and d come back through A1out. g finds A1in at its limit
  // and takes a from Am, which nothing remembers. d and b are hit in Am, in this order, and e joins
  // them; so h takes d.
  CHECK(hits_of("twoq", 4, "abcdeabfdgadbehb") == "...........hh..h");
}

TEST_CASE("arc moves its target by ghost hits") {
  // e takes c; c and d come back through B1, so p is 2 and d takes a from T2. a comes back through
  // B2: p is 1, T1 is as large, so it takes e. e through B1 takes c, T1 being empty.
  CHECK(hits_of("arc", 4, "ababcdecdabedac") == "..hh......h.hh.");
}

TEST_CASE("lirs makes an object LIR at its second request within the stack") {
  // a and b are LIR, c and d pass the queue. c comes back within the stack: LIR, a gives way. The
  // second hit of a makes it LIR, b gives way, is evicted by d without a ghost, and starts anew.
  CHECK(hits_of("lirs:hir=0.34", 3, "abcdcaadbcabd") == ".....hh..hhh.");
}

}  // namespace edgeward::cache
