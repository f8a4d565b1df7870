#include "policy/forecast/gaps.hpp"

#include <cmath>
#include <optional>

namespace edgeward::policy {

namespace {

constexpr std::size_t kGapPeriodsMax = 4;

std::optional<double> periods_apart(std::span<const double> known, std::size_t at,
                                    std::size_t period) {
  double sum = 0;
  int sides = 0;
  for (std::size_t k = 1; k <= kGapPeriodsMax && k * period <= at; ++k) {
    if (std::isnan(known[at - k * period])) continue;
    sum += known[at - k * period];
    ++sides;
    break;
  }
  for (std::size_t k = 1; k <= kGapPeriodsMax && at + k * period < known.size(); ++k) {
    if (std::isnan(known[at + k * period])) continue;
    sum += known[at + k * period];
    ++sides;
    break;
  }
  if (sides == 0) return std::nullopt;
  return sum / sides;
}

/// Between the last known value before the gap and the first one behind it.
void fill_straight(std::span<double> values, std::size_t begin, std::size_t end) {
  const bool has_before = begin > 0;
  const bool has_after = end < values.size();
  const double before = has_before ? values[begin - 1] : has_after ? values[end] : 0;
  const double after = has_after ? values[end] : before;
  const auto steps = static_cast<double>(end - begin + 1);
  for (std::size_t at = begin; at < end; ++at) {
    const double share = static_cast<double>(at - begin + 1) / steps;
    values[at] = before * (1 - share) + after * share;
  }
}

}  // namespace

std::size_t fill_gaps(std::span<double> values, std::span<const std::size_t> periods) {
  const std::vector<double> known(values.begin(), values.end());
  std::size_t filled = 0;
  for (std::size_t at = 0; at < values.size(); ++at) {
    if (!std::isnan(known[at])) continue;
    ++filled;
    for (std::size_t i = periods.size(); i-- > 0 && std::isnan(values[at]);) {
      if (const auto value = periods_apart(known, at, periods[i])) values[at] = *value;
    }
  }
  for (std::size_t begin = 0; begin < values.size(); ++begin) {
    if (!std::isnan(values[begin])) continue;
    std::size_t end = begin;
    while (end < values.size() && std::isnan(values[end])) ++end;
    fill_straight(values, begin, end);
  }
  return filled;
}

}  // namespace edgeward::policy
