#include <catch2/catch.hpp>

#include <set>
#include <tuple>

#include "cache/eviction/hill_climber.hpp"
#include "cache/eviction/lazy_heap.hpp"
#include "cache/eviction/sample_set.hpp"
#include "tests/cache/replays.hpp"

namespace edgeward::cache {

namespace {

using Hits = std::vector<std::uint8_t>;

constexpr std::array kPolicies = {"lfu",        "lfuda",  "gdsf",   "lhd",         "wtinylfu",
                                  "hyperbolic", "random", "belady", "belady_size", "unbounded"};

}  // namespace

TEST_CASE("policies hold their invariants after every few requests at any capacity") {
  const auto* const policy = GENERATE(from_range(kPolicies));
  Random random(21);
  for (const std::uint64_t size_most : {1U, 40U}) {
    const Stream stream = random_stream(random, 1500, 120, size_most);
    for (const std::uint64_t capacity : {0U, 1U, 2U, 3U, 13U, 100U, 700U, 100'000U}) {
      CAPTURE(policy, capacity, size_most);
      const auto cache = make_policy(NamedSettings::parse(policy), stream.spec(capacity));
      Hits hits(stream.requests.size());
      const std::span<const ObjectIndex> all(stream.requests);
      for (std::size_t at = 0; at < all.size(); at += 50) {
        for (std::size_t i = at; i < at + 50; ++i) {
          const bool was_cached = cache->contains(all[i]);
          cache->replay(all.subspan(i, 1), nullptr, &hits[i]);
          REQUIRE(was_cached == (hits[i] != 0));
        }
        cache->check_invariants();
        const ObjectIndex victim = cache->victim();
        CHECK(victim == cache->victim());
        if (std::string_view(policy) == "unbounded") continue;
        CHECK(cache->used_bytes() <= capacity);
        CHECK((victim == kNoObject) == (cache->objects() == 0));
        if (victim != kNoObject) CHECK(cache->contains(victim));
      }
    }
  }
}

TEST_CASE("a replay in pieces is the replay of the whole, and repeats itself") {
  const auto* const policy = GENERATE(from_range(kPolicies));
  Random random(22);
  const Stream stream = random_stream(random, 4000, 300, 50);
  const Hits whole = replay(stream, policy, 1500);
  CHECK(replay(stream, policy, 1500) == whole);
  const auto cache = make_policy(NamedSettings::parse(policy), stream.spec(1500));
  Hits pieces(whole.size());
  const std::span<const ObjectIndex> all(stream.requests);
  for (std::size_t at = 0; at < all.size(); at += 37) {
    cache->replay(all.subspan(at, std::min<std::size_t>(37, all.size() - at)), nullptr,
                  &pieces[at]);
  }
  CHECK(pieces == whole);
}

TEST_CASE("empty objects are cached like others") {
  const auto* const policy = GENERATE(from_range(kPolicies));
  Random random(23);
  Stream stream = random_stream(random, 1000, 50, 3);
  for (std::uint64_t& size : stream.sizes_bytes) --size;
  for (const std::uint64_t capacity : {0U, 4U, 20U}) {
    CAPTURE(policy, capacity);
    CHECK(misses(replay(stream, policy, capacity)) <= stream.requests.size());
  }
}

TEST_CASE("lfu evicts the least frequent, of equals the one accessed longest ago") {
  // Room for three. 3 evicts 1 (once; accessed before 2), 1 evicts 2, and 0 (twice) stays.
  const Stream stream({0, 1, 2, 0, 3, 1, 2, 0}, {1, 1, 1, 1});
  CHECK(replay(stream, "lfu", 3) == Hits{0, 0, 0, 1, 0, 0, 0, 1});
  // 0 and 1 both twice, 0 accessed last: 2 evicts 1.
  const Stream later({0, 1, 1, 0, 2, 0, 1}, {1, 1, 1});
  CHECK(replay(later, "lfu", 2) == Hits{0, 0, 1, 1, 0, 1, 0});
}

TEST_CASE("lfuda forgets what lfu keeps for ever") {
  // 0 is popular at first only; 1 and 2 then take turns in what is left of two places.
  std::vector<ObjectIndex> requests(5, 0);
  for (int i = 0; i < 10; ++i) requests.insert(requests.end(), {1, 2});
  const Stream stream(requests, {1, 1, 1});
  CHECK(misses(replay(stream, "lfu", 2)) == 1 + 20);
  // 1, 2, 1, 2, … leave with 1, 2, 3, …: once that reaches 0's priority of 5 it is the oldest.
  CHECK(misses(replay(stream, "lfuda", 2)) < 1 + 8);
}

TEST_CASE("gdsf keeps small objects, refuses what ranks lowest and ages by it") {
  // Capacity 4. 0 (1 byte): 1; 1 (2 bytes): 1/2; twice 2 (4 bytes, 1/4) ranks lowest: refused, and
  // L = 1/4, then 1/2: 1/4 + 1/4 is not below 1's 1/2, so 1 goes, but is below 0's 1: refused.
  const Stream stream({0, 1, 2, 1, 2, 2, 1, 0}, {1, 2, 4});
  const auto cache = make_policy(NamedSettings::parse("gdsf"), stream.spec(4));
  Hits hits(8);
  const auto request = [&](std::size_t i) {
    cache->replay(std::span(stream.requests).subspan(i, 1), nullptr, &hits[i]);
  };
  for (std::size_t i = 0; i < 3; ++i) request(i);
  CHECK_FALSE(cache->contains(2));  // 0 + 1/4 < 1/2: nothing is evicted, L = 1/4
  CHECK(cache->objects() == 2);
  CHECK(cache->evictions() == 0);
  request(3);  // 1: 1/4 + 2/2 = 5/4, above 0's 1
  CHECK(cache->victim() == 0);
  request(4);  // 2: 1/4 + 1/4 < 1: refused, L = 1/2
  request(5);  // 2: 1/2 + 1/4 < 1: refused, L = 3/4
  CHECK(cache->evictions() == 0);
  request(6);  // 1: 3/4 + 3/2 = 9/4
  request(7);  // 0: 3/4 + 2 = 11/4
  CHECK(cache->victim() == 1);
  CHECK(hits == Hits{0, 0, 0, 1, 0, 0, 1, 1});
  cache->check_invariants();
}

TEST_CASE("gdsf drops what ranks below a new object even if that is then refused") {
  // Capacity 4. 0 (2 bytes): 1/2, 1 (1 byte): 1. Refusals of 2 (4 bytes) raise L to 1/4, then its
  // rank is 1/2: 0, as high but older, goes; 1 ranks above, so 2 is refused all the same.
  const Stream stream({0, 1, 2, 2, 1, 0}, {2, 1, 4});
  CHECK(replay(stream, "gdsf", 4) == Hits{0, 0, 0, 0, 1, 0});
}

TEST_CASE("hyperbolic evicts the least requests a time in the cache") {
  // Room for two, so all are looked at, no draws. Request 4 (object 1) finds 0 with 3 requests in 4
  // and 2 with 1 in 1: 0 goes. Request 5 finds 2 with 1 in 2 and 1 with 1 in 1: 2 goes. Request 6
  // finds 1 with 1 in 2 and 3 with 1 in 1: 1 goes, and is missed at the end.
  const Stream stream({0, 0, 0, 2, 1, 3, 0, 1}, {1, 1, 1, 1});
  CHECK(replay(stream, "hyperbolic", 2) == Hits{0, 1, 1, 0, 0, 0, 0, 0});
}

TEST_CASE("size_aware makes hyperbolic prefer small objects") {
  Random random(24);
  const Stream stream = random_stream(random, 20'000, 500, 100);
  CHECK(misses(replay(stream, "hyperbolic:size_aware=1", 3000)) <
        misses(replay(stream, "hyperbolic", 3000)));
}

TEST_CASE("wtinylfu hits in tiny caches") {
  Random random(25);
  const Stream stream = random_stream(random, 20'000, 60, 1);
  for (const std::uint64_t capacity : {1U, 2U, 13U}) {
    CAPTURE(capacity);
    const auto hits = stream.requests.size() - misses(replay(stream, "wtinylfu", capacity));
    CHECK(hits > stream.requests.size() * capacity / 60);
  }
}

TEST_CASE("wtinylfu keeps a working set through a scan that flushes lru") {
  std::vector<ObjectIndex> requests;
  ObjectIndex stranger = 50;
  for (int round = 0; round < 40; ++round) {
    for (ObjectIndex object = 0; object < 50; ++object) requests.push_back(object);
    for (int i = 0; i < 100; ++i) requests.push_back(stranger++);
  }
  const Stream stream(requests, std::vector<std::uint64_t>(stranger, 1));
  CHECK(misses(replay(stream, "lru", 80)) == requests.size());
  CHECK(misses(replay(stream, "wtinylfu", 80)) < 40 * 100 + 40 * 50 / 4);
}

TEST_CASE("wtinylfu weighs a candidate against all its victims together") {
  // One byte of window, four of main: 0 and 1 (2 bytes each, twice) fill it, and 2 (4 bytes) has to
  // be requested more often than both together.
  const Stream stream({0, 0, 1, 1, 2, 2, 2, 2, 2, 2}, {2, 2, 4});
  CHECK(replay(stream, "wtinylfu:window=0:adaptive=0", 5) == Hits{0, 1, 0, 1, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("lhd learns that a scan's objects are worth nothing") {
  std::vector<ObjectIndex> requests;
  Random random(26);
  ObjectIndex stranger = 60;
  for (int i = 0; i < 40'000; ++i) {
    requests.push_back(i % 2 == 0 ? static_cast<ObjectIndex>(random.below(60)) : stranger++);
  }
  const Stream stream(requests, std::vector<std::uint64_t>(stranger, 1));
  CHECK(misses(replay(stream, "lhd", 100)) < misses(replay(stream, "lru", 100)) * 85 / 100);
}

TEST_CASE("random evicts evenly") {
  // Ten cached objects and one that is new each time: each survives a given eviction in 9 of 10.
  std::uint64_t gone = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Stream stream({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 4}, std::vector<std::uint64_t>(11, 1));
    const auto cache = make_policy(NamedSettings::parse("random"), stream.spec(10, seed));
    Hits hits(12);
    cache->replay(stream.requests, nullptr, hits.data());
    gone += hits[11] == 0;
  }
  CHECK(gone > 150);
  CHECK(gone < 250);
}

TEST_CASE("settings outside their range and unknown ones are refused") {
  const Stream stream({0}, {1});
  for (const char* policy :
       {"lfu:samples=2", "lhd:samples=0", "hyperbolic:samples=9999", "wtinylfu:window=0.9",
        "wtinylfu:protected=-1", "belady:bypass=2", "pfoo_lower:objective=hits", "random:seed=1"}) {
    CHECK_THROWS_AS(replay(stream, policy, 1), ParameterError);
  }
}

TEST_CASE("a lazy heap yields the least true key, as a sorted set does") {
  Random random(27);
  constexpr std::uint32_t kObjects = 60;
  LazyHeap heap(kObjects);
  std::set<std::tuple<std::uint64_t, std::uint32_t, ObjectIndex>> sorted;
  for (std::uint32_t at = 1; at <= 20'000; ++at) {
    const auto object = static_cast<ObjectIndex>(random.below(kObjects));
    if (heap.contains(object)) {
      LazyHeap::Node& node = heap.node(object);
      sorted.erase({node.priority, node.last_access, object});
      node.priority += random.below(3);
      node.accessed(at);
      sorted.insert({node.priority, node.last_access, object});
    } else {
      const std::uint64_t priority = random.below(50) + at / 100;
      heap.push(object, {.priority = priority, .last_access = at, .frequency = 1});
      sorted.insert({priority, at, object});
    }
    for (std::uint64_t pops = random.below(5) == 0 ? random.below(9) : 0; pops > 0; --pops) {
      if (sorted.empty()) break;
      REQUIRE(heap.top() == std::get<2>(*sorted.begin()));
      heap.pop();
      sorted.erase(sorted.begin());
    }
    REQUIRE(heap.size() == sorted.size());
    if (at % 64 == 0) heap.check();
  }
}

TEST_CASE("a lazy heap notices a key that fell") {
  LazyHeap heap(3);
  heap.push(0, {.priority = 5, .last_access = 1, .frequency = 1});
  heap.push(1, {.priority = 6, .last_access = 2, .frequency = 1});
  CHECK_NOTHROW(heap.check());
  heap.node(1).priority = 4;
  CHECK_THROWS_AS(heap.check(), std::logic_error);
}

TEST_CASE("a sample set moves its last object into the gap") {
  SampleSet<int> set(5);
  for (ObjectIndex object = 0; object < 4; ++object)
    set.insert(object, static_cast<int>(object) * 10);
  set.erase(1);
  CHECK_FALSE(set.contains(1));
  CHECK(set.size() == 3);
  CHECK(set.slot(1).object == 3);
  CHECK(set.state(3) == 30);
  set.erase(2);
  CHECK(set.slot(1).object == 3);
  Random random(1);
  CHECK(set.least(8, random, [](const auto& slot) { return -slot.state; }) == 3);
}

TEST_CASE("a hill climber turns when the hit ratio falls and restarts when it leaps") {
  HillClimber climber(8.0, 100);
  const auto period = [&](int hits) {
    std::optional<double> step;
    for (int i = 0; i < 100; ++i) {
      CHECK_FALSE(step.has_value());
      step = climber.observe(i < hits);
    }
    return *step;
  };
  CHECK(period(50) == -8.0);
  CHECK(period(51) == -8.0);  // the leap from nothing to a half began anew
  CHECK(period(52) == Approx(-8.0 * 0.98));
  CHECK(period(50) == Approx(8.0 * 0.98 * 0.98 / 2));
  CHECK(period(60) > 0);
  CHECK(period(61) == 8.0);
}

}  // namespace edgeward::cache
