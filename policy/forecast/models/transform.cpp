#include "policy/forecast/models/transform.hpp"

#include <algorithm>
#include <cmath>

namespace edgeward::policy {

namespace {

constexpr double kSmallestRatio = 0.01;  ///< of the mean
constexpr double kZeroRatioMax = 0.1;

/// Older history neither helps nor is worth its time: twelve weeks of an hourly series, and of a
/// finer one at least three of its longest period.
constexpr std::size_t kPeriodsMax = 12;
constexpr std::size_t kStepsMax = 20'000;
constexpr std::size_t kPeriodsMin = 3;

std::span<const double> recent(const History& history) {
  const std::size_t longest = history.periods.empty() ? 168 : history.periods.back();
  const std::size_t steps =
      std::min(kPeriodsMax * longest, std::max(kStepsMax, kPeriodsMin * longest));
  return history.values.last(std::min(steps, history.values.size()));
}

}  // namespace

Transform::Transform(std::span<const double> values) {
  double mean = 0;
  std::size_t zeros = 0;
  const double smallest = *std::min_element(values.begin(), values.end());
  for (const double value : values) {
    mean += value / static_cast<double>(values.size());
    if (value == 0) ++zeros;
  }
  is_log_ = smallest >= 0 && mean > 0 &&
            static_cast<double>(zeros) <= kZeroRatioMax * static_cast<double>(values.size());
  if (is_log_) offset_ = std::max(0.0, kSmallestRatio * mean - smallest);
}

double Transform::forward(double value) const {
  return is_log_ ? std::log(value + offset_) : value;
}

double Transform::back(double value) const {
  return is_log_ ? std::exp(value) - offset_ : value;
}

Recent::Recent(const History& history) : transform(recent(history)) {
  const std::span<const double> raw = recent(history);
  values.reserve(raw.size());
  for (const double value : raw) values.push_back(transform.forward(value));
  for (const std::size_t period : history.periods) {
    if (raw.size() >= 2 * period) periods.push_back(period);
  }
}

}  // namespace edgeward::policy
