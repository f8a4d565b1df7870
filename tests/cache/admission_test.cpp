#include <catch2/catch.hpp>

#include "cache/frequency_sketch.hpp"
#include "tests/cache/replays.hpp"

namespace edgeward::cache {

namespace {

/// `objects` objects requested evenly at random, of which the first tenth are small and take nine
/// tenths of the requests.
Stream mixed_sizes(std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint64_t> sizes(5000);
  for (std::size_t i = 0; i < sizes.size(); ++i) sizes[i] = i < 500 ? 1000 : 100'000;
  std::vector<ObjectIndex> requests(120'000);
  for (ObjectIndex& object : requests) {
    object = static_cast<ObjectIndex>(random.below(10) < 7 ? random.below(500)
                                                           : 500 + random.below(4500));
  }
  return {std::move(requests), std::move(sizes)};
}

}  // namespace

TEST_CASE("second_hit admits exactly at the second miss") {
  const Stream stream({0, 0, 0, 1, 2, 1, 2, 2, 1}, {1, 1, 1});
  CHECK(replay(stream, "lru", 3, "second_hit") ==
        std::vector<std::uint8_t>{0, 0, 1, 0, 0, 0, 0, 1, 1});
}

TEST_CASE("second_hit takes few strangers for objects that it has seen") {
  std::vector<ObjectIndex> once(20'000);
  for (std::size_t i = 0; i < once.size(); ++i) once[i] = static_cast<ObjectIndex>(i);
  const Stream stream(once, std::vector<std::uint64_t>(once.size(), 1));
  const CacheSpec spec = stream.spec(1000);
  const auto cache = make_policy(NamedSettings::parse("lru"), spec);
  const auto admission = make_admission(NamedSettings::parse("second_hit:ids=2000"), spec);
  std::uint64_t admitted = 0;
  for (const ObjectIndex object : once) admitted += admission->admits(object, *cache) ? 1 : 0;
  CHECK(admitted < once.size() / 100);
}

TEST_CASE("second_hit forgets a miss once enough others came after it") {
  std::vector<ObjectIndex> requests;
  for (ObjectIndex object = 0; object < 100; ++object) requests.push_back(object);
  const Stream stream(requests, std::vector<std::uint64_t>(100, 1));
  const CacheSpec spec = stream.spec(100);
  const auto cache = make_policy(NamedSettings::parse("lru"), spec);
  const auto missed_again_after = [&](ObjectIndex others) {
    const auto admission = make_admission(NamedSettings::parse("second_hit:ids=10"), spec);
    CHECK_FALSE(admission->admits(0, *cache));
    for (ObjectIndex other = 1; other <= others; ++other) {
      CHECK_FALSE(admission->admits(other, *cache));
    }
    return admission->admits(0, *cache);
  };
  CHECK(missed_again_after(0));
  CHECK(missed_again_after(9));
  CHECK(missed_again_after(18));
  CHECK_FALSE(missed_again_after(19));
  CHECK_FALSE(missed_again_after(50));
}

TEST_CASE("size admits what is small enough, and asks for its setting") {
  const Stream stream({0, 1, 0, 1}, {1000, 1001});
  CHECK(replay(stream, "lru", 5000, "size:1000") == std::vector<std::uint8_t>{0, 0, 1, 0});
  CHECK_THROWS_AS(replay(stream, "lru", 5000, "size"), ParameterError);
  CHECK_THROWS_AS(replay(stream, "lru", 5000, "size:1000:more=1"), ParameterError);
}

TEST_CASE("adaptsize beats no admission on mixed sizes") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Stream stream = mixed_sizes(seed);
    const std::uint64_t plain = misses(replay(stream, "lru", 2'000'000));
    const std::uint64_t tuned = misses(replay(stream, "lru", 2'000'000, "adaptsize:window=10000"));
    CAPTURE(seed, plain, tuned);
    CHECK(tuned < plain * 9 / 10);
  }
}

TEST_CASE("adaptsize admits everything of a few bytes before its first window ends") {
  Random random(4);
  const Stream stream = random_stream(random, 5000, 50, 1);
  CHECK(replay(stream, "lru", 1'000'000'000, "adaptsize") == replay(stream, "lru", 1'000'000'000));
}

TEST_CASE("tinylfu lets no burst of strangers replace what is requested often") {
  std::vector<ObjectIndex> requests;
  for (int round = 0; round < 5; ++round) {
    for (ObjectIndex object = 0; object < 10; ++object) requests.push_back(object);
  }
  for (ObjectIndex stranger = 10; stranger < 40; ++stranger) requests.push_back(stranger);
  for (ObjectIndex object = 0; object < 10; ++object) requests.push_back(object);
  const Stream stream(requests, std::vector<std::uint64_t>(40, 1));
  const auto hits = replay(stream, "lru", 10, "tinylfu");
  CHECK(misses(hits) == 40);
  CHECK(misses(replay(stream, "lru", 10)) == 50);
}

TEST_CASE("tinylfu asks a larger object to be as much more frequent as it is larger") {
  // 0 (one byte) is requested twice; 1 (three bytes) needs more than 6 requests to replace it.
  const Stream stream({0, 0, 1, 1, 1, 1, 1, 1, 1, 1}, {1, 3});
  CHECK(replay(stream, "lru", 3, "tinylfu") ==
        std::vector<std::uint8_t>{0, 1, 0, 0, 0, 0, 0, 0, 0, 1});
}

TEST_CASE("a sketch never underestimates between halvings, and seldom overestimates") {
  Random random(5);
  FrequencySketch sketch(1000);
  std::vector<std::uint32_t> counts(1000);
  for (int i = 0; i < 5000; ++i) {
    const auto object = static_cast<ObjectIndex>(std::min(random.below(1000), random.below(1000)));
    sketch.add(object);
    ++counts[object];
  }
  std::uint64_t excess = 0;
  for (ObjectIndex object = 0; object < 1000; ++object) {
    const std::uint32_t actual = std::min(counts[object], FrequencySketch::kMax);
    REQUIRE(sketch.frequency(object) >= actual);
    excess += sketch.frequency(object) - actual;
  }
  CHECK(excess < 1000);
}

TEST_CASE("a sketch halves its counters after fifteen additions for each object") {
  FrequencySketch sketch(8);
  for (int i = 0; i < 12; ++i) sketch.add(7);
  CHECK(sketch.frequency(7) == 12);
  for (int i = 12; i < 8 * 15 - 1; ++i) sketch.add(3);
  CHECK(sketch.frequency(3) == 15);
  CHECK(sketch.frequency(7) == 12);
  sketch.add(3);
  CHECK(sketch.frequency(3) == 7);
  CHECK(sketch.frequency(7) == 6);
}

TEST_CASE("sketches are sized by objects") {
  CHECK(FrequencySketch(1).blocks() == 1);
  CHECK(FrequencySketch(8).blocks() == 1);
  CHECK(FrequencySketch(9).blocks() == 2);
  const std::vector<std::uint64_t> sizes{1'000'000'000, 3'000'000'000};
  CHECK(objects_that_fit(sizes, 0) == 1);
  CHECK(objects_that_fit(sizes, 2'000'000'001) == 2);
  CHECK(objects_that_fit(sizes, ~std::uint64_t{0}) == 2);
  CHECK(objects_that_fit({}, 5) == 1);
}

}  // namespace edgeward::cache
