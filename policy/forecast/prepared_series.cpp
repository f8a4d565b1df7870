#include "policy/forecast/prepared_series.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "policy/forecast/gaps.hpp"

namespace edgeward::policy {

namespace {

double power_of_two_near(double size) {
  return size > 0 ? std::exp2(std::ilogb(size)) : 1;
}

}  // namespace

PreparedSeries::PreparedSeries(std::span<const double> raw, std::span<const std::size_t> periods) {
  std::size_t finite = 0;
  for (const double value : raw) {
    if (std::isfinite(value)) ++finite;
  }
  double size = 0;
  for (const double value : raw) {
    if (!std::isfinite(value)) continue;
    size += std::abs(value) / static_cast<double>(finite);  // not summed first: sums overflow
    if (value < 0) is_non_negative = false;
  }
  scale = power_of_two_near(size);
  observed.reserve(raw.size());
  for (const double value : raw) {
    observed.push_back(std::isfinite(value) ? value / scale : std::nan(""));
  }
  values = observed;
  fill_gaps(values, periods);
}

void PreparedSeries::keep_possible(std::span<double> expected) const {
  for (double& value : expected) {
    if (!std::isfinite(value)) value = values.back();
    if (is_non_negative) value = std::max(value, 0.0);
  }
}

std::vector<ForecastStep> PreparedSeries::steps(std::span<const double> expected,
                                                std::span<const double> widths) const {
  constexpr double kGreatest = std::numeric_limits<double>::max();
  const double least = is_non_negative ? 0 : -kGreatest;
  const auto possible = [&](double value) { return std::clamp(value * scale, least, kGreatest); };
  std::vector<ForecastStep> steps(expected.size());
  for (std::size_t i = 0; i < steps.size(); ++i) {
    steps[i] = {.expected = possible(expected[i]),
                .low = possible(expected[i] - widths[i]),
                .high = possible(expected[i] + widths[i])};
  }
  return steps;
}

}  // namespace edgeward::policy
