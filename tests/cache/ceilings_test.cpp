#include <catch2/catch.hpp>

#include "cache/eviction/max_set.hpp"
#include "cache/eviction/occupancy.hpp"
#include "tests/cache/replays.hpp"

namespace edgeward::cache {

namespace {

struct Rules {
  bool may_bypass = true;
  bool count_bytes = false;
};

/// The least misses that any sequence of decisions can have, by trying them all: for each set of
/// objects that the cache may hold, the least misses so far. At most 10 objects or so.
std::uint64_t least_misses(const Stream& stream, std::uint64_t capacity, Rules rules) {
  constexpr std::uint64_t kImpossible = ~std::uint64_t{0};
  const std::size_t sets = std::size_t{1} << stream.sizes_bytes.size();
  std::vector<std::uint64_t> bytes(sets);
  for (std::size_t set = 0; set < sets; ++set) {
    for (std::size_t i = 0; i < stream.sizes_bytes.size(); ++i) {
      if ((set >> i & 1) != 0) bytes[set] += stream.sizes_bytes[i];
    }
  }
  std::vector<std::uint64_t> least(sets, kImpossible);
  least[0] = 0;
  for (const ObjectIndex object : stream.requests) {
    const std::size_t bit = std::size_t{1} << object;
    const bool must_hold = !rules.may_bypass && stream.sizes_bytes[object] <= capacity;
    std::vector<std::uint64_t> after(sets, kImpossible);
    for (std::size_t before = 0; before < sets; ++before) {
      if (least[before] == kImpossible) continue;
      const std::uint64_t price = rules.count_bytes ? stream.sizes_bytes[object] : 1;
      const std::uint64_t cost = least[before] + ((before & bit) != 0 ? 0 : price);
      const std::size_t most = before | bit;
      for (std::size_t kept = most;; kept = (kept - 1) & most) {
        const bool allowed = bytes[kept] <= capacity && (!must_hold || (kept & bit) != 0);
        if (allowed) after[kept] = std::min(after[kept], cost);
        if (kept == 0) break;
      }
    }
    least = std::move(after);
  }
  return *std::min_element(least.begin(), least.end());
}

}  // namespace

TEST_CASE("belady that may bypass is the optimum for unit sizes") {
  Random random(11);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const Stream stream = random_stream(random, 5 + random.below(20), 5, 1);
    const std::uint64_t capacity = random.below(5);
    CHECK(misses(replay(stream, "belady:bypass=1", capacity)) ==
          least_misses(stream, capacity, {.may_bypass = true}));
  }
}

TEST_CASE("belady is the optimum for unit sizes among caches that admit everything") {
  Random random(12);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const Stream stream = random_stream(random, 5 + random.below(20), 5, 1);
    const std::uint64_t capacity = random.below(5);
    CHECK(misses(replay(stream, "belady", capacity)) ==
          least_misses(stream, capacity, {.may_bypass = false}));
  }
}

TEST_CASE("pfoo's bounds enclose the optimum for sized objects") {
  Random random(13);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    const Stream stream = random_stream(random, 5 + random.below(20), 6, 1 + random.below(6));
    const std::uint64_t capacity = random.below(13);
    const std::uint64_t least = least_misses(stream, capacity, {});
    CHECK(misses(replay(stream, "pfoo_lower", capacity)) <= least);
    CHECK(misses(replay(stream, "pfoo_upper", capacity)) >= least);
    const std::uint64_t least_bytes = least_misses(stream, capacity, {.count_bytes = true});
    CHECK(missed_bytes(stream, replay(stream, "pfoo_lower:objective=bytes", capacity)) <=
          least_bytes);
    CHECK(missed_bytes(stream, replay(stream, "pfoo_upper:objective=bytes", capacity)) >=
          least_bytes);
  }
}

TEST_CASE("pfoo's bounds meet where everything fits or nothing does") {
  Random random(14);
  const Stream stream = random_stream(random, 500, 40, 20);
  for (const std::uint64_t capacity : {std::uint64_t{0}, stream.footprint()}) {
    CHECK(replay(stream, "pfoo_lower", capacity) == replay(stream, "pfoo_upper", capacity));
  }
  CHECK(misses(replay(stream, "pfoo_lower", 0)) == 500);
  CHECK(replay(stream, "pfoo_upper", stream.footprint()) == replay(stream, "unbounded", 0));
}

TEST_CASE("no policy misses less than pfoo's lower bound, nor with unit sizes than belady") {
  Random random(15);
  for (int round = 0; round < 20; ++round) {
    const std::uint64_t size_most = round % 2 == 0 ? 1 : 30;
    const Stream stream = random_stream(random, 2000, 150, size_most);
    const std::uint64_t capacity = 1 + random.below(stream.footprint() / 2);
    const std::uint64_t bound = misses(replay(stream, "pfoo_lower", capacity));
    const std::uint64_t belady = misses(replay(stream, "belady:bypass=1", capacity));
    CHECK(bound <= belady);
    for (const PolicyKind& kind : policy_kinds()) {
      if (kind.name == "unbounded" || kind.name == "pfoo_lower") continue;
      for (const char* admission : {"none", "second_hit", "tinylfu", "adaptsize", "size:9"}) {
        CAPTURE(round, kind.name, admission, capacity);
        const std::uint64_t missed = misses(replay(stream, kind.name, capacity, admission));
        CHECK(missed >= bound);
        if (size_most == 1) CHECK(missed >= belady);
      }
    }
  }
}

TEST_CASE("belady with more capacity never misses more with unit sizes") {
  Random random(16);
  const Stream stream = random_stream(random, 3000, 200, 1);
  for (const char* policy : {"belady", "belady:bypass=1"}) {
    std::uint64_t before = stream.requests.size();
    for (std::uint64_t capacity = 0; capacity < 200; capacity += 7) {
      const std::uint64_t now = misses(replay(stream, policy, capacity));
      CHECK(now <= before);
      before = now;
    }
  }
}

TEST_CASE("belady refuses only when it may and only what comes back last") {
  // Room for two; 2 comes back after both 0 and 1 do.
  const Stream stream({0, 1, 2, 0, 1, 2}, {1, 1, 1});
  CHECK(replay(stream, "belady:bypass=1", 2) == std::vector<std::uint8_t>{0, 0, 0, 1, 1, 0});
  CHECK(replay(stream, "belady", 2) == std::vector<std::uint8_t>{0, 0, 0, 1, 0, 1});
}

TEST_CASE("belady_size is belady where sizes are equal and all objects are looked at") {
  Random random(17);
  for (int round = 0; round < 20; ++round) {
    const Stream stream = random_stream(random, 1000, 100, 1);
    const std::uint64_t capacity = random.below(100);
    CHECK(replay(stream, "belady_size", capacity) == replay(stream, "belady", capacity));
  }
}

TEST_CASE("belady_size evicts the large object among equally distant ones") {
  // Capacity 6 holds 0 (4 bytes) and 1 (2 bytes); 2 (2 bytes) evicts 0: 4 x 1 against 2 x 2.
  const Stream stream({0, 1, 2, 0, 1, 2}, {4, 2, 2});
  CHECK(replay(stream, "belady_size", 6) == std::vector<std::uint8_t>{0, 0, 0, 0, 1, 0});
}

TEST_CASE("unbounded misses each object once, whatever the capacity") {
  Random random(18);
  const Stream stream = random_stream(random, 400, 60, 1000);
  std::vector<bool> seen(60);
  std::vector<std::uint8_t> expected;
  for (const ObjectIndex object : stream.requests) {
    expected.push_back(seen[object]);
    seen[object] = true;
  }
  CHECK(replay(stream, "unbounded", 0) == expected);
  CHECK(replay(stream, "unbounded", 1) == expected);
}

TEST_CASE("ceilings and no others are marked as such") {
  for (const PolicyKind& kind : policy_kinds()) {
    const bool sees_future = kind.name.starts_with("belady") || kind.name.starts_with("pfoo") ||
                             kind.name == "unbounded";
    CHECK(kind.is_ceiling == sees_future);
  }
}

TEST_CASE("a set of numbers knows its greatest, as a sorted vector does") {
  Random random(19);
  for (const std::size_t limit : {std::size_t{1}, std::size_t{64}, std::size_t{65},
                                  std::size_t{4097}, std::size_t{300'000}}) {
    MaxSet set(limit);
    std::vector<std::size_t> members;
    for (int step = 0; step < 2000; ++step) {
      const std::size_t number = random.below(limit);
      const auto at = std::lower_bound(members.begin(), members.end(), number);
      const bool present = at != members.end() && *at == number;
      REQUIRE(set.contains(number) == present);
      if (present) {
        set.erase(number);
        members.erase(at);
      } else {
        set.insert(number);
        members.insert(at, number);
      }
      REQUIRE(set.max() == (members.empty() ? MaxSet::kNone : members.back()));
      const std::size_t probe = random.below(limit);
      const auto above = std::lower_bound(members.begin(), members.end(), probe);
      REQUIRE(set.below(probe) == (above == members.begin() ? MaxSet::kNone : *(above - 1)));
    }
  }
}

TEST_CASE("occupancy over ranges agrees with an array") {
  Random random(20);
  for (const std::size_t slots :
       {std::size_t{1}, std::size_t{2}, std::size_t{37}, std::size_t{64}}) {
    Occupancy occupancy(slots);
    std::vector<std::uint64_t> plain(slots);
    for (int step = 0; step < 1000; ++step) {
      const std::size_t first = random.below(slots);
      const std::size_t last = first + 1 + random.below(slots - first);
      const auto begin = plain.begin() + static_cast<std::ptrdiff_t>(first);
      const auto end = plain.begin() + static_cast<std::ptrdiff_t>(last);
      REQUIRE(occupancy.most(first, last) == *std::max_element(begin, end));
      const std::uint64_t bytes = random.below(100);
      occupancy.add(first, last, bytes);
      std::for_each(begin, end, [&](std::uint64_t& slot) { slot += bytes; });
    }
  }
}

}  // namespace edgeward::cache
