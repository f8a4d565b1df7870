#include "sim/replay/in_flight.hpp"

#include <catch2/catch.hpp>
#include <map>

#include "cache/random.hpp"

namespace edgeward::sim {

TEST_CASE("what is in flight is what a map of it says, however long and often") {
  cache::Random random(3);
  InFlight in_flight;
  std::map<cache::ObjectIndex, std::int64_t> plain;
  std::int64_t now_us = 0;
  std::uint64_t found = 0;
  for (int i = 0; i < 200'000; ++i) {
    now_us += static_cast<std::int64_t>(random.below(20));
    const auto object = static_cast<cache::ObjectIndex>(random.below(500));
    const auto known = plain.find(object);
    const bool is_under_way = known != plain.end() && known->second > now_us;
    const auto ready_us = in_flight.ready_us(object, now_us);
    if (ready_us.has_value() != is_under_way) FAIL("access " << i);
    if (is_under_way) {
      CHECK(*ready_us == known->second);
      ++found;
      continue;
    }
    const std::int64_t done_us = now_us + static_cast<std::int64_t>(random.below(2000));
    in_flight.add(object, now_us, done_us);
    plain[object] = done_us;
  }
  CHECK(found > 10'000);
  CHECK(in_flight.size() < 500);
}

TEST_CASE("a fetch that takes no time is never in flight") {
  InFlight in_flight;
  in_flight.add(7, 100, 100);
  CHECK(in_flight.size() == 0);
  CHECK_FALSE(in_flight.ready_us(7, 100));
}

}  // namespace edgeward::sim
