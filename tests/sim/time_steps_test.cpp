#include "sim/trace/time_steps.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::sim {

TEST_CASE("times read back as they were appended, and are found by position") {
  cache::Random random(GENERATE(1, 2, 3));
  MemoryBudget budget;
  TimeSteps times(budget);
  std::vector<std::uint32_t> expected;
  std::uint32_t time = 5;
  for (int i = 0; i < 5000; ++i) {
    if (random.below(4) == 0) time += static_cast<std::uint32_t>(random.below(3));
    times.push_back(time);
    expected.push_back(time);
  }
  REQUIRE(times.size() == expected.size());
  TimeSteps::Cursor every(times);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (every.at(i) != expected[i]) FAIL("position " << i);
  }
  TimeSteps::Cursor some(times);
  for (std::size_t i = 0; i < expected.size(); i += 1 + random.below(50)) {
    if (some.at(i) != expected[i] || some.at(i) != expected[i]) FAIL("position " << i);
  }
  for (std::uint32_t wanted = 0; wanted < time + 3; ++wanted) {
    const auto found = std::lower_bound(expected.begin(), expected.end(), wanted);
    if (times.first_from(wanted) != static_cast<std::uint64_t>(found - expected.begin())) {
      FAIL("time " << wanted);
    }
  }
}

}  // namespace edgeward::sim
