#include "policy/forecast/backtest.hpp"

#include <algorithm>
#include <cmath>

namespace edgeward::policy {

BacktestPlan BacktestPlan::rolling(std::size_t values, std::size_t horizon, std::size_t spacing,
                                   std::size_t history_min, std::size_t origins_max) {
  BacktestPlan plan{.horizon = horizon};
  if (values < horizon) return plan;
  for (std::size_t origin = values - horizon;
       origin >= std::max<std::size_t>(history_min, 1) && plan.origins.size() < origins_max;
       origin -= spacing) {
    plan.origins.push_back(origin);
    if (origin < spacing) break;
  }
  std::reverse(plan.origins.begin(), plan.origins.end());
  return plan;
}

std::vector<double> backtest(const ForecastModel& model, const History& history,
                             const BacktestPlan& plan) {
  std::vector<double> expected(plan.origins.size() * plan.horizon);
  for (std::size_t i = 0; i < plan.origins.size(); ++i) {
    model.forecast(history.before(history.values.size() - plan.origins[i]),
                   std::span(expected).subspan(i * plan.horizon, plan.horizon));
  }
  return expected;
}

AccuracySums compare(std::span<const double> expected, const BacktestPlan& plan,
                     std::span<const double> observed) {
  AccuracySums sums;
  for (std::size_t i = 0; i < plan.origins.size(); ++i) {
    for (std::size_t step = 0; step < plan.horizon; ++step) {
      const std::size_t at = plan.origins[i] + step;
      if (at >= observed.size() || std::isnan(observed[at])) continue;
      sums.add(observed[at], expected[i * plan.horizon + step]);
    }
  }
  return sums;
}

double naive_error(std::span<const double> observed, std::size_t size, std::size_t period) {
  double sum = 0;
  std::size_t pairs = 0;
  for (std::size_t t = period; t < std::min(size, observed.size()); ++t) {
    if (std::isnan(observed[t]) || std::isnan(observed[t - period])) continue;
    sum += std::abs(observed[t] - observed[t - period]);
    ++pairs;
  }
  return pairs > 0 ? sum / static_cast<double>(pairs) : 0;
}

}  // namespace edgeward::policy
