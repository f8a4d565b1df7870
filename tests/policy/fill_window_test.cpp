#include "policy/fill_window.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>

#include "tests/support.hpp"

namespace edgeward::policy {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;
// A Wednesday in winter and one in summer, midnight UTC.
constexpr std::int64_t kWinterMs = 1'704'844'800'000;  // 2024-01-10
constexpr std::int64_t kSummerMs = 1'720'569'600'000;  // 2024-07-10

double part(const FillWindow& window, std::int64_t from_ms, double hours = 1) {
  return window.part_of(from_ms, from_ms + static_cast<std::int64_t>(hours * kHourMs));
}

}  // namespace

TEST_CASE("a window is open from its first minute up to its last, over midnight too") {
  const FillWindow morning({60, 450}, "UTC");
  CHECK(part(morning, kWinterMs) == 0);
  CHECK(part(morning, kWinterMs + kHourMs) == 1);
  CHECK(part(morning, kWinterMs + 7 * kHourMs) == 0.5);
  CHECK(part(morning, kWinterMs, 24) == Approx(6.5 / 24));
  const FillWindow night({1320, 390}, "UTC");
  CHECK(part(night, kWinterMs + 21 * kHourMs) == 0);
  CHECK(part(night, kWinterMs + 22 * kHourMs, 8.5) == 1);
  CHECK(part(night, kWinterMs, 24) == Approx(8.5 / 24));
  CHECK(part(FillWindow({0, 0}, "UTC"), kWinterMs + 1, 24) == 1);
  CHECK(morning.part_of(kWinterMs, kWinterMs) == 0);
  CHECK(part(morning, -kDayMs + kHourMs) == 1);  // before the epoch
}

TEST_CASE("a window goes by the clock of the edge's time zone, in summer as well") {
  if (!std::filesystem::exists("/usr/share/zoneinfo/Asia/Kolkata")) {
    return test::skip("no time zones on this system");
  }
  const cache::DailyHours hours{60, 420};
  // 01:00 is midnight UTC in a Berlin winter, 23:00 of the day before in summer.
  const FillWindow berlin(hours, "Europe/Berlin");
  CHECK(part(berlin, kWinterMs, 6) == 1);
  CHECK(part(berlin, kWinterMs - kHourMs) == 0);
  CHECK(part(berlin, kSummerMs - kHourMs, 6) == 1);
  CHECK(part(berlin, kSummerMs + 5 * kHourMs) == 0);
  // UTC-5 and UTC-4, and half an hour in India, UTC+5:30.
  CHECK(part(FillWindow(hours, "America/New_York"), kWinterMs + 6 * kHourMs, 6) == 1);
  CHECK(part(FillWindow(hours, "America/New_York"), kSummerMs + 5 * kHourMs, 6) == 1);
  CHECK(part(FillWindow(hours, "Asia/Kolkata"), kWinterMs + 19 * kHourMs) == 0.5);
  // The clock is put back at 01:00 UTC of that night: the window is an hour longer.
  constexpr std::int64_t kLateOctoberMs = 1'729'980'000'000;  // 2024-10-26 22:00 UTC
  CHECK(part(berlin, kLateOctoberMs, 24) == Approx(7.0 / 24));
  CHECK(part(FillWindow(hours, "No/Such_Zone"), kWinterMs + kHourMs, 6) == 1);
}

}  // namespace edgeward::policy
