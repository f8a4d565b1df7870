#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "policy/forecast/models/models.hpp"
#include "policy/forecast/models/transform.hpp"

namespace edgeward::policy {

namespace {

constexpr std::size_t kSeasonsMax = 3;
/// The rate of the level, those of the seasons, and the persistence of the error.
constexpr std::size_t kRatesMax = kSeasonsMax + 2;

/// What is learned of each error, and how much of an error is left a step later. All in (0, 1).
struct Rates {
  double level = 0;
  std::array<double, kSeasonsMax> seasons{};
  double persistence = 0;
};

/// The steps of all periods at one time, moved on without a division.
class Clock {
 public:
  Clock(std::span<const std::size_t> periods, std::size_t t) : periods_(periods) {
    for (std::size_t i = 0; i < periods.size(); ++i) {
      slots_[i] = begins_[i] + t % periods[i];
      begins_[i + 1] = begins_[i] + periods[i];
    }
  }

  void advance() {
    for (std::size_t i = 0; i < periods_.size(); ++i) {
      if (++slots_[i] == begins_[i + 1]) slots_[i] = begins_[i];
    }
  }

  /// Where the step of a period stands in State::seasons.
  [[nodiscard]] std::size_t slot(std::size_t i) const { return slots_[i]; }

 private:
  std::span<const std::size_t> periods_;
  std::array<std::size_t, kSeasonsMax + 1> begins_{};
  std::array<std::size_t, kSeasonsMax> slots_{};
};

struct State {
  double level = 0;
  double error = 0;             ///< what level and seasons left of the last value
  std::vector<double> seasons;  ///< the pattern of each period, one behind the other
};

/// The recursion, and the rates with which it would have forecast best.
class Smoothing {
 public:
  Smoothing(std::span<const double> values, std::span<const std::size_t> periods,
            std::size_t horizon)
      : values_(values), periods_(periods) {
    const std::size_t shortest = periods.empty() ? 1 : periods.front();
    const std::size_t longest = periods.empty() ? 1 : periods.back();
    start_steps_ = std::min(values.size(), 2 * longest);
    stride_ = std::max<std::size_t>(1, shortest / 4);
    horizon_ = std::clamp<std::size_t>(horizon, 1, 2 * shortest);
    start();
  }

  [[nodiscard]] Rates best_rates() {
    Logits best{};
    best[0] = logit(0.05);
    for (std::size_t i = 0; i < periods_.size(); ++i) best[i + 1] = logit(0.1);
    best[persistence_at()] = logit(0.7);
    double least = cost(rates_of(best));
    for (double width = 2; width > 0.2; width /= 2) {
      for (int round = 0; round < 2; ++round) search_around(best, least, width);
    }
    return rates_of(best);
  }

  void forecast(const Rates& rates, const Transform& transform, std::span<double> expected) {
    state_ = started_;
    Clock clock(periods_, 0);
    for (const double value : values_) {
      learn(value, clock, rates);
      clock.advance();
    }
    double error = state_.error;
    for (double& value : expected) {
      error *= rates.persistence;
      value = transform.back(without_error(clock) + error);
      clock.advance();
    }
  }

 private:
  using Logits = std::array<double, kRatesMax>;

  static double mean(std::span<const double> values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return values.empty() ? 0 : sum / static_cast<double>(values.size());
  }
  static double logit(double ratio) { return std::log(ratio / (1 - ratio)); }
  static double ratio(double logit) { return 1 / (1 + std::exp(-logit)); }
  [[nodiscard]] std::size_t persistence_at() const { return periods_.size() + 1; }

  [[nodiscard]] Rates rates_of(const Logits& logits) const {
    Rates rates{.level = ratio(logits[0]), .persistence = ratio(logits[persistence_at()])};
    for (std::size_t i = 0; i < periods_.size(); ++i) rates.seasons[i] = ratio(logits[i + 1]);
    return rates;
  }

  /// A straight line through the first values, the mean of each step of the shortest period around
  /// it, and for longer periods what that leaves, shrunk as by one more cycle that leaves nothing.
  /// Without the line a trend would be taken for a week that rises from its first day to its last.
  void start() {
    const std::size_t steps = start_steps_;
    const std::size_t half = steps / 2;
    const double early = mean(values_.first(half));
    const double late = mean(values_.subspan(half, steps - half));
    const double slope = half > 1 ? (late - early) / static_cast<double>(half) : 0;
    const auto middle = static_cast<double>(steps - 1) / 2;
    started_.level = mean(values_.first(steps)) - slope * middle;
    std::vector<double> rest(values_.begin(), values_.begin() + static_cast<std::ptrdiff_t>(steps));
    for (std::size_t t = 0; t < steps; ++t) {
      rest[t] -= started_.level + slope * static_cast<double>(t);
    }
    for (const std::size_t period : periods_) {
      const double prior = started_.seasons.empty() ? 0 : 1;
      for (std::size_t step = 0; step < period; ++step) {
        double sum = 0;
        double count = prior;
        for (std::size_t t = step; t < steps; t += period, ++count) sum += rest[t];
        const double step_mean = count > 0 ? sum / count : 0;
        for (std::size_t t = step; t < steps; t += period) rest[t] -= step_mean;
        started_.seasons.push_back(step_mean);
      }
    }
  }

  [[nodiscard]] double without_error(const Clock& clock) const {
    double sum = state_.level;
    for (std::size_t i = 0; i < periods_.size(); ++i) sum += state_.seasons[clock.slot(i)];
    return sum;
  }

  void learn(double value, const Clock& clock, const Rates& rates) {
    const double left = value - without_error(clock);
    const double error = left - rates.persistence * state_.error;
    state_.error = left;
    state_.level += rates.level * error;
    for (std::size_t i = 0; i < periods_.size(); ++i) {
      state_.seasons[clock.slot(i)] += rates.seasons[i] * error;
    }
  }

  /// Mean absolute error of forecasts for the whole horizon, made every few steps. A forecast of
  /// many steps asks for slower rates than one of the next step.
  [[nodiscard]] double cost(const Rates& rates) {
    state_ = started_;
    Clock clock(periods_, 0);
    double sum = 0;
    std::size_t count = 0;
    for (std::size_t t = 0; t < values_.size(); ++t) {
      learn(values_[t], clock, rates);
      clock.advance();
      if (t < start_steps_ || t % stride_ != stride_ - 1) continue;
      Clock ahead = clock;
      double error = state_.error;
      const std::size_t end = std::min(values_.size(), t + 1 + horizon_);
      for (std::size_t at = t + 1; at < end; ++at, ahead.advance()) {
        error *= rates.persistence;
        sum += std::abs(values_[at] - without_error(ahead) - error);
      }
      count += end - t - 1;
    }
    return count > 0 ? sum / static_cast<double>(count) : 0;
  }

  /// Coordinate by coordinate, a step of `width` either way where that is better.
  void search_around(Logits& best, double& least, double width) {
    constexpr double kLogitMin = -7;
    for (std::size_t i = 0; i <= persistence_at(); ++i) {
      const double greatest = i == persistence_at() ? 4.5 : 2;
      for (const double way : {-width, width}) {
        const double before = best[i];
        best[i] = std::clamp(before + way, kLogitMin, greatest);
        const double here = cost(rates_of(best));
        if (here < least) {
          least = here;
        } else {
          best[i] = before;
        }
      }
    }
  }

  std::span<const double> values_;
  std::span<const std::size_t> periods_;
  std::size_t start_steps_ = 1;
  std::size_t stride_ = 1;
  std::size_t horizon_ = 1;
  State started_;
  State state_;
};

class ExponentialSmoothing final : public ForecastModel {
 public:
  [[nodiscard]] std::string_view name() const override { return "exponential_smoothing"; }

  void forecast(const History& history, std::span<double> expected) const override {
    const Recent recent(history);
    const std::size_t seasons = std::min(recent.periods.size(), kSeasonsMax);
    Smoothing smoothing(recent.values, std::span(recent.periods).first(seasons), expected.size());
    smoothing.forecast(smoothing.best_rates(), recent.transform, expected);
  }
};

}  // namespace

ForecastModelPtr make_exponential_smoothing() {
  return std::make_unique<ExponentialSmoothing>();
}

}  // namespace edgeward::policy
