#pragma once

#include <string>
#include <vector>

#include "policy/forecast/model.hpp"

namespace edgeward::policy {

/// The value a period ago; of less history than a period, the last value.
[[nodiscard]] ForecastModelPtr make_seasonal_naive(std::string name, std::size_t period);

inline constexpr double kProfileHourWeight = 0.6;  ///< the rest is the day's
inline constexpr double kBoostMin = 0.5;
inline constexpr double kBoostMax = 3;

/// (0.6 · hour-of-day index + 0.4 · day-of-week index) × level × boost of the step, from the last
/// 30 days; indices have mean 1. An hour is a step, a day the shortest period, a week the longest;
/// the level is that of the last week. `boost`: for each step of the horizon, 1 beyond its end;
/// clamped to kBoostMin … kBoostMax.
[[nodiscard]] ForecastModelPtr make_profile(std::vector<double> boost = {});

// Those below add on the scale of Transform and look back at most twelve of the longest period.

/// Level, one pattern a period, and an error that fades: double seasonal exponential smoothing with
/// autoregressive errors (Taylor, J. Oper. Res. Soc. 54:799, 2003) without a trend. Its rates are
/// those that would have forecast best over the horizon.
[[nodiscard]] ForecastModelPtr make_exponential_smoothing();

/// Autoregression on the last steps and on the steps around the same one of earlier periods.
[[nodiscard]] ForecastModelPtr make_autoregression();

/// Patterns of the day and of the week as means of the past, shrunk; what they leave is continued
/// by an autoregression: a dynamic regression (Pankratz 1991) on the time of day and week.
[[nodiscard]] ForecastModelPtr make_regression();

}  // namespace edgeward::policy
