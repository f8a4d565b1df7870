#include "controller/config/quantity.hpp"

#include <catch2/catch.hpp>
#include <random>

namespace edgeward::controller {

TEST_CASE("quantities are read with their units") {
  CHECK(parse_size("2TiB") == 2ULL << 40);
  CHECK(parse_size("1.5GiB") == 3ULL << 29);
  CHECK(parse_size("500GB") == 500'000'000'000);
  CHECK(parse_size("9223372036854775807B") == 9'223'372'036'854'775'807ULL);
  CHECK(parse_bandwidth("100Gbps") == 100'000'000'000);
  CHECK(parse_bandwidth("2.5Gbps") == 2'500'000'000);
  CHECK(parse_bandwidth("64kbps") == 64'000);
  CHECK(parse_duration("250ms") == 250);
  CHECK(parse_duration("1.5h") == 5'400'000);
  CHECK(parse_duration("0s") == 0);
}

TEST_CASE("a quantity without a unit, with a wrong one, negative or too large is none") {
  const auto* const bad =
      GENERATE("", "2", "TiB", "-1B", "2 TiB", "2tib", "1e3B", "1..2GB", ".B", "16777216TiB", "inf",
               "nanB", "99999999999999999999B", "0x10B", "2TiBB", "9000000000000000000.0KB");
  CHECK_FALSE(parse_size(bad));
  const auto* const slow = GENERATE("100", "100gbps", "100GBps", "-1bps", "20000000Tbps");
  CHECK_FALSE(parse_bandwidth(slow));
  const auto* const never = GENERATE("15", "15 s", "15sec", "-1s", "200000000000d");
  CHECK_FALSE(parse_duration(never));
}

TEST_CASE("hours of the day are two times, the second as late as midnight") {
  CHECK(parse_daily_hours("01:00-07:30") == cache::DailyHours{60, 450});
  CHECK(parse_daily_hours("22:00-06:00") == cache::DailyHours{1320, 360});
  CHECK(parse_daily_hours("00:00-24:00") == cache::DailyHours{0, 0});
  const auto* const bad =
      GENERATE("", "01:00", "1:00-7:00", "01:00-07:60", "01:60-07:00", "24:00-01:00", "01:00-24:01",
               "05:00-05:00", "01.00-07.00", "01:00-07:00 ", "-1:00-07:00", "01:00-25:00");
  CHECK_FALSE(parse_daily_hours(bad));
  for (const char* text : {"01:00-07:30", "23:59-00:01", "22:00-24:00", "00:00-24:00"}) {
    CHECK(daily_hours_text(*parse_daily_hours(text)) == text);
  }
}

TEST_CASE("the text of a quantity reads back to it") {
  CHECK(size_text(2ULL << 40) == "2TiB");
  CHECK(size_text(1'000'000) == "1MB");
  CHECK(size_text(0) == "0B");
  CHECK(bandwidth_text(2'500'000'000) == "2500Mbps");
  CHECK(duration_text(15'000) == "15s");
  CHECK(duration_text(90'000) == "90s");
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t value = random() >> (1 + random() % 63);
    REQUIRE(parse_size(size_text(value)) == value);
    REQUIRE(parse_bandwidth(bandwidth_text(value)) == value);
    const auto ms = static_cast<std::int64_t>(value);
    REQUIRE(parse_duration(duration_text(ms)) == ms);
  }
}

}  // namespace edgeward::controller
