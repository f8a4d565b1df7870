// RangeMap against a std::map of the same ranges.

#include "geo/range_map.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::geo {

namespace {

template <class Key>
using Ranges = std::map<Key, std::uint32_t>;

template <class Key>
RangeMap<Key> map_of(const Ranges<Key>& ranges) {
  std::vector<typename RangeMap<Key>::Range> list;
  for (const auto& [begin, value] : ranges) list.push_back({.begin = begin, .value = value});
  return RangeMap<Key>(list);
}

/// Every range, asked for at its ends, beside them and within.
template <class Key>
void check_all(const Ranges<Key>& ranges, cache::Random& random) {
  constexpr Key kMax = std::numeric_limits<Key>::max();
  const RangeMap<Key> map = map_of(ranges);
  CHECK(map.size() == ranges.size());
  std::size_t wrong = 0;
  for (auto at = ranges.begin(); at != ranges.end(); ++at) {
    const Key last = std::next(at) == ranges.end() ? kMax : std::next(at)->first - 1;
    const Key width = last - at->first;
    const Key within = at->first + (width == 0 ? 0 : static_cast<Key>(random.next()) % width);
    for (const Key key : {at->first, last, within}) {
      const auto found = map.find_range(key);
      if (map.find(key) != at->second || found.begin != at->first || found.last != last ||
          found.value != at->second) {
        ++wrong;
      }
    }
  }
  CHECK(wrong == 0);
  Ranges<Key> visited;
  map.visit([&](Key begin, std::uint32_t value) { visited.emplace(begin, value); });
  CHECK(visited == ranges);
}

std::uint32_t random_value(cache::Random& random) {
  return static_cast<std::uint32_t>(random.below(RangeMap<std::uint32_t>::kValueMax + 1));
}

/// Begins that are multiples of 2^`bits`, in `clusters` places.
template <class Key>
Ranges<Key> random_ranges(std::size_t count, int bits, std::size_t clusters, Key width,
                          cache::Random& random) {
  Ranges<Key> ranges{{0, 7}};
  std::vector<Key> places;
  for (std::size_t i = 0; i < clusters; ++i) places.push_back(static_cast<Key>(random.next()));
  while (ranges.size() < count) {
    const Key begin = places[random.next() % clusters] + static_cast<Key>(random.next()) % width;
    ranges.emplace(static_cast<Key>(begin >> bits << bits), random_value(random));
  }
  return ranges;
}

}  // namespace

TEMPLATE_TEST_CASE("a range map knows the range of every key", "", std::uint32_t, std::uint64_t) {
  constexpr int kBits = std::numeric_limits<TestType>::digits;
  cache::Random random(20'261'127);
  // Around a whole leaf, a whole node of leaves, a whole node of nodes.
  for (const std::size_t count : {1, 2, 24, 25, 26, 375, 376, 6000, 6001, 20'000}) {
    CAPTURE(count);
    // Prefixes, single addresses, and both in one leaf, near one another and far.
    for (const int bits : {0, kBits / 4}) {
      CAPTURE(bits);
      check_all(random_ranges<TestType>(count, bits, 1, TestType{1} << (kBits - 4), random),
                random);
      check_all(random_ranges<TestType>(count, bits, 40, TestType{1} << (kBits / 2 + 6), random),
                random);
    }
    auto mixed =
        random_ranges<TestType>(count, kBits / 2 - 8, 5, TestType{1} << (kBits - 6), random);
    for (std::size_t i = 0; i < count / 8; ++i) {
      mixed.emplace(static_cast<TestType>(random.next()), static_cast<std::uint32_t>(i));
    }
    check_all(mixed, random);
  }
}

TEST_CASE("a range map holds ranges at the end of what its keys can be") {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  cache::Random random(1);
  Ranges<std::uint64_t> ranges{{0, 1}};
  for (std::uint64_t i = 0; i < 100; ++i) {
    ranges.emplace(kMax - i, static_cast<std::uint32_t>(i));
    check_all(ranges, random);
  }
}

}  // namespace edgeward::geo
