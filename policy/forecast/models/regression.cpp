#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "policy/forecast/models/autoregressive.hpp"
#include "policy/forecast/models/models.hpp"
#include "policy/forecast/models/transform.hpp"

namespace edgeward::policy {

namespace {

/// What a day takes from the weight of what came before.
constexpr double kDayDecay = 0.97;
/// A mean of cycles is shrunk towards 0 as by so many cycles more that have no pattern.
constexpr double kPriorCycles = 1;

/// The mean of a whole period around each value, the classical centred moving average; nearer to an
/// end than half a period on the line of the last one and that of a period before.
std::vector<double> levels(const std::vector<double>& values, std::size_t period) {
  const std::size_t n = values.size();
  const std::size_t half = period / 2;
  std::vector<double> sums(n + 1);
  for (std::size_t t = 0; t < n; ++t) sums[t + 1] = sums[t] + values[t];
  std::vector<double> level(n, sums[n] / static_cast<double>(n));
  if (n < period + 1) return level;
  const std::size_t first = half;
  const std::size_t last = n - 1 - half;
  const bool is_even = period % 2 == 0;
  for (std::size_t t = first; t <= last; ++t) {
    double sum = sums[t + half + 1] - sums[t - half];
    if (is_even) sum -= (values[t - half] + values[t + half]) / 2;
    level[t] = sum / static_cast<double>(period);
  }
  const std::size_t reach = std::min(period, last - first);
  const auto slope = [&](std::size_t from) {
    return reach > 0 ? (level[from + reach] - level[from]) / static_cast<double>(reach) : 0;
  };
  const double first_slope = slope(first);
  const double last_slope = slope(last - reach);
  for (std::size_t t = 0; t < first; ++t) {
    level[t] = level[first] - first_slope * static_cast<double>(first - t);
  }
  for (std::size_t t = last + 1; t < n; ++t) {
    level[t] = level[last] + last_slope * static_cast<double>(t - last);
  }
  return level;
}

/// The mean of each step of a period, recent ones weighing more, shrunk towards 0. Takes it off
/// `rest`.
std::vector<double> take_pattern(std::vector<double>& rest, std::size_t period, std::size_t day,
                                 double prior) {
  std::vector<double> pattern(period);
  std::vector<double> weights(period, prior);
  const double decay = std::pow(kDayDecay, 1 / static_cast<double>(day));
  double weight = 1;
  for (std::size_t t = rest.size(); t-- > 0; weight *= decay) {
    pattern[t % period] += weight * rest[t];
    weights[t % period] += weight;
  }
  for (std::size_t i = 0; i < period; ++i) {
    if (weights[i] > 0) pattern[i] /= weights[i];
  }
  for (std::size_t t = 0; t < rest.size(); ++t) rest[t] -= pattern[t % period];
  return pattern;
}

/// Patterns of the day, and of what longer periods add to it; what they leave is autoregressive.
class Regression final : public ForecastModel {
 public:
  [[nodiscard]] std::string_view name() const override { return "regression"; }

  void forecast(const History& history, std::span<double> expected) const override {
    Recent recent(history);
    const std::size_t n = recent.values.size();
    std::vector<std::vector<double>> patterns;
    std::vector<std::size_t> lags{1, 2, 3};
    if (!recent.periods.empty()) {
      const std::size_t day = recent.periods.front();
      std::vector<double> rest = recent.values;
      const std::vector<double> level = levels(recent.values, recent.periods.back());
      for (std::size_t t = 0; t < n; ++t) rest[t] -= level[t];
      for (const std::size_t period : recent.periods) {
        patterns.push_back(take_pattern(rest, period, day, period == day ? 0 : kPriorCycles));
      }
      for (const std::size_t lag : {day - 1, day, day + 1, 2 * day - 1, 2 * day, 2 * day + 1}) {
        if (lag > 3) lags.push_back(lag);
      }
      std::sort(lags.begin(), lags.end());
      lags.erase(std::unique(lags.begin(), lags.end()), lags.end());
    }
    const auto pattern_at = [&patterns](std::size_t t) {
      double sum = 0;
      for (const std::vector<double>& pattern : patterns) sum += pattern[t % pattern.size()];
      return sum;
    };
    for (std::size_t t = 0; t < n; ++t) recent.values[t] -= pattern_at(t);
    Autoregressive(recent.values, lags).extend(recent.values, expected.size());
    for (std::size_t step = 0; step < expected.size(); ++step) {
      const std::size_t t = n + step;
      expected[step] = recent.transform.back(recent.values[t] + pattern_at(t));
    }
  }
};

}  // namespace

ForecastModelPtr make_regression() {
  return std::make_unique<Regression>();
}

}  // namespace edgeward::policy
