#include "policy/demand_profile.hpp"

#include <algorithm>
#include <cmath>

#include "cache/bytes.hpp"

namespace edgeward::policy {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::string_view kMagic = "edgeward demand profile 1\n";

/// Weight of the newest value in a mean that follows with a half-life of so many steps.
double step_of(double half_life) {
  return 1 - std::exp2(-1 / half_life);
}

constexpr double kMeanHalfLifeHours = 336;
constexpr double kLevelHalfLifeHours = 24;
constexpr double kRecentHalfLifeHours = 2;
constexpr double kTrendHalfLifeHours = 168;
/// Trends that go on for ever do not: Gardner, McKenzie, "Forecasting trends in time series",
/// Management Science 31(10), 1985.
constexpr double kTrendDamping = 0.98;
constexpr double kHourBoostMin = 0.5;
constexpr double kHourBoostMax = 3;
constexpr double kBoostFade = 0.8;  ///< of its logarithm, an hour
/// Weeks, and days, that a mean remembers.
constexpr double kWeeksKept = 4;
constexpr double kDaysKept = 10;
/// What is finer is learned when what is coarser is known.
constexpr std::uint64_t kHoursBeforeWeekdays = 24;
constexpr std::uint64_t kHoursBeforeTrend = 48;
constexpr std::uint64_t kHoursBeforeWeeks = 168;
/// Of an interval: how fast it follows, the part that is to lie beyond it, its bounds.
constexpr double kErrorStep = 0.1;
constexpr double kBeyond = 0.2;
constexpr double kErrorMin = 0.001;
constexpr double kErrorMax = 10;
/// An hour without demand has no index to divide by.
constexpr double kIndexMin = 0.01;

std::int64_t hour_of(std::int64_t at_ms) {
  return at_ms >= 0 ? at_ms / kHourMs : (at_ms - kHourMs + 1) / kHourMs;
}

std::size_t modulo(std::int64_t value, std::int64_t modulus) {
  return static_cast<std::size_t>((value % modulus + modulus) % modulus);
}

}  // namespace

void DemandProfile::Mean::learn(double amount, double remembered) {
  seen = std::min(seen + 1, remembered);
  value += (amount - value) / seen;
}

void DemandProfile::note(std::int64_t at_ms, double amount) {
  if (!state_.has_begun) {
    state_.has_begun = true;
    state_.hour = hour_of(at_ms);
  }
  advance(at_ms);
  state_.amount += amount;
}

void DemandProfile::advance(std::int64_t now_ms) {
  if (!state_.has_begun) return;
  const std::int64_t hour = hour_of(now_ms);
  // After two weeks of silence there is no more to be learned from more of it.
  constexpr std::int64_t kSilentHoursMax = 336;
  if (hour - state_.hour > kSilentHoursMax) {
    close_hour();
    state_.hour = hour - kSilentHoursMax;
  }
  while (state_.hour < hour) close_hour();
}

void DemandProfile::close_hour() {
  State& s = state_;
  const double amount = s.amount;
  s.amount = 0;
  // The first hour was seen in part only.
  if (++s.hours == 1) {
    s.mean = s.level = s.recent = amount;
    ++s.hour;
    return;
  }
  note_errors(amount);
  const double index = std::max(index_of(s.hour), kIndexMin);
  const double seen = static_cast<double>(s.hours);
  // A plain mean at first, so that the part hour it began with is soon forgotten.
  s.mean += (amount - s.mean) * std::max(step_of(kMeanHalfLifeHours), 1 / seen);
  const double by_day = s.mean * std::max(day_index(s.hour), kIndexMin);
  if (s.hours > kHoursBeforeWeekdays && by_day > 0) {
    s.weekday[modulo(s.hour / 24, 7)].learn(amount / by_day, kWeeksKept * 24);
  }
  const double by_weekday = by_day * std::max(weekday_index(s.hour), kIndexMin);
  if (s.hours > kHoursBeforeWeeks && by_weekday > 0) {
    s.week[modulo(s.hour, 168)].learn(amount / by_weekday, kWeeksKept);
  }
  s.day[modulo(s.hour, 24)].learn(amount, kDaysKept);
  const double level_before = s.level;
  s.level += (amount / index - s.level) * std::max(step_of(kLevelHalfLifeHours), 1 / seen);
  s.recent += (amount / index - s.recent) * std::max(step_of(kRecentHalfLifeHours), 1 / seen);
  if (s.hours > kHoursBeforeTrend) {
    s.trend += (s.level - level_before - s.trend) * step_of(kTrendHalfLifeHours);
  }
  const std::int64_t closed = s.hour++;
  s.day_ahead[modulo(closed, 24)] = expected_hour(closed + 24);
}

void DemandProfile::note_errors(double amount) {
  State& s = state_;
  const auto learn = [&](double& error, double expected) {
    const bool is_beyond = std::abs(amount - expected) > error * expected;
    error = std::clamp(error * std::exp(kErrorStep * ((is_beyond ? 1 : 0) - kBeyond)), kErrorMin,
                       kErrorMax);
  };
  if (s.hours > kHoursBeforeWeekdays) learn(s.near_error, expected_hour(s.hour));
  const double day_before = s.day_ahead[modulo(s.hour, 24)];
  if (s.hours > 2 * kHoursBeforeWeekdays) learn(s.far_error, day_before);
}

double DemandProfile::day_index(std::int64_t hour) const {
  double sum = 0;
  double count = 0;
  for (const Mean& each : state_.day) {
    sum += each.seen > 0 ? each.value : 0;
    count += each.seen > 0 ? 1 : 0;
  }
  const Mean& day = state_.day[modulo(hour, 24)];
  return day.seen > 0 && sum > 0 ? day.value * count / sum : 1;
}

double DemandProfile::weekday_index(std::int64_t hour) const {
  // A day of the week is worth believing when half of it was seen.
  const Mean& weekday = state_.weekday[modulo(hour / 24, 7)];
  return weekday.seen >= 12 ? weekday.value : 1;
}

double DemandProfile::index_of(std::int64_t hour) const {
  // One hour of one week is as noisy as it is particular: half of it, later more.
  const Mean& week = state_.week[modulo(hour, 168)];
  const double weight = week.seen / (week.seen + 1);
  return day_index(hour) * weekday_index(hour) * (1 + weight * (week.value - 1));
}

double DemandProfile::expected_hour(std::int64_t hour) const {
  const auto ahead = static_cast<double>(std::max<std::int64_t>(hour - state_.hour + 1, 1));
  const double damped = kTrendDamping * (1 - std::pow(kTrendDamping, ahead)) / (1 - kTrendDamping);
  const double level = std::max(state_.level + state_.trend * damped, 0.0);
  double boost = 1;
  if (state_.level > 0) {
    boost = std::clamp(state_.recent / state_.level, kHourBoostMin, kHourBoostMax);
    boost = std::pow(boost, std::pow(kBoostFade, ahead));
  }
  return level * index_of(hour) * boost;
}

std::optional<double> DemandProfile::expected(std::int64_t from_ms, std::int64_t until_ms) const {
  if (state_.hours == 0) return std::nullopt;
  double sum = 0;
  for (std::int64_t at_ms = from_ms; at_ms < until_ms;) {
    const std::int64_t hour = hour_of(at_ms);
    const std::int64_t end_ms = std::min(until_ms, (hour + 1) * kHourMs);
    sum += expected_hour(hour) * static_cast<double>(end_ms - at_ms) / kHourMs;
    at_ms = end_ms;
  }
  return sum;
}

std::optional<DemandProfile::Expectation> DemandProfile::hour(std::int64_t at_ms) const {
  if (state_.hours == 0) return std::nullopt;
  const std::int64_t hour = hour_of(at_ms);
  const auto ahead = static_cast<double>(std::clamp<std::int64_t>(hour - state_.hour, 0, 23));
  const double error = state_.near_error + (state_.far_error - state_.near_error) * ahead / 23;
  const double expected = expected_hour(hour);
  return Expectation{.expected = expected,
                     .low = std::max(expected * (1 - error), 0.0),
                     .high = expected * (1 + error)};
}

std::optional<bool> DemandProfile::is_off_peak(std::int64_t at_ms, int hours) const {
  if (state_.hours < 24) return std::nullopt;
  const std::int64_t first = hour_of(at_ms);
  const double now = index_of(first);
  int lower = 0;
  for (std::int64_t hour = first + 1; hour < first + 24; ++hour) {
    lower += index_of(hour) < now ? 1 : 0;
  }
  return lower < hours;
}

std::string DemandProfile::save() const {
  cache::ByteWriter bytes;
  bytes.put(state_);
  return cache::sealed(kMagic, std::move(bytes).text());
}

bool DemandProfile::restore(std::string_view saved) {
  const auto content = cache::unsealed(kMagic, saved);
  if (!content) return false;
  cache::ByteReader reader(*content);
  State state;
  if (!reader.get(state) || !reader.is_at_end()) return false;
  state_ = state;
  return true;
}

}  // namespace edgeward::policy
