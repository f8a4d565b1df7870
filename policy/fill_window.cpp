#include "policy/fill_window.hpp"

#include <cctz/time_zone.h>

#include <chrono>

namespace edgeward::policy {

namespace {

constexpr std::int64_t kMinuteMs = 60'000;
constexpr int kMinutesAnHour = 60;

bool holds(const cache::DailyHours& hours, int minute) {
  if (hours.begin_minute < hours.end_minute) {
    return hours.begin_minute <= minute && minute < hours.end_minute;
  }
  return minute >= hours.begin_minute || minute < hours.end_minute;
}

}  // namespace

struct FillWindow::Clock {
  cctz::time_zone zone;

  /// Minutes from midnight.
  [[nodiscard]] int minute_of_day(std::int64_t at_ms) const {
    const cctz::time_point<cctz::seconds> at(
        std::chrono::floor<cctz::seconds>(std::chrono::milliseconds(at_ms)));
    const cctz::civil_second local = zone.lookup(at).cs;
    return local.hour() * kMinutesAnHour + local.minute();
  }
};

FillWindow::FillWindow(const cache::DailyHours& hours, const std::string& time_zone)
    : hours_(hours) {
  auto clock = std::make_unique<Clock>();
  cctz::load_time_zone(time_zone, &clock->zone);  // UTC where that fails
  clock_ = std::move(clock);
}
FillWindow::~FillWindow() = default;
FillWindow::FillWindow(FillWindow&&) noexcept = default;
FillWindow& FillWindow::operator=(FillWindow&&) noexcept = default;

double FillWindow::part_of(std::int64_t from_ms, std::int64_t until_ms) const {
  // Minute by minute: a day has 1,440, and clocks are put forward and back in the middle of it.
  std::int64_t minutes = 0;
  std::int64_t within = 0;
  for (std::int64_t at_ms = from_ms; at_ms < until_ms; at_ms += kMinuteMs) {
    within += holds(hours_, clock_->minute_of_day(at_ms)) ? 1 : 0;
    ++minutes;
  }
  return minutes == 0 ? 0 : static_cast<double>(within) / static_cast<double>(minutes);
}

}  // namespace edgeward::policy
