#include <algorithm>
#include <cmath>
#include <vector>

#include "policy/forecast/models/models.hpp"

namespace edgeward::policy {

namespace {

constexpr std::size_t kHistoryDays = 30;

/// Sums by slot of a cycle, and what they are as indices of mean 1 (1 everywhere without a sum).
class Index {
 public:
  explicit Index(std::size_t slots) : sums_(slots), counts_(slots) {}

  void add(std::size_t slot, double value) {
    sums_[slot] += value;
    ++counts_[slot];
  }

  /// A slot that was never seen counts as average.
  [[nodiscard]] std::vector<double> indices() const {
    std::vector<double> means(sums_.size());
    double sum = 0;
    double seen = 0;
    for (std::size_t slot = 0; slot < means.size(); ++slot) {
      if (counts_[slot] == 0) continue;
      means[slot] = sums_[slot] / counts_[slot];
      sum += means[slot];
      ++seen;
    }
    const double mean = seen > 0 ? sum / seen : 0;
    for (std::size_t slot = 0; slot < means.size(); ++slot) {
      means[slot] = mean != 0 && counts_[slot] > 0 ? means[slot] / mean : 1;
    }
    return means;
  }

 private:
  std::vector<double> sums_;
  std::vector<double> counts_;
};

/// Days of the shortest period; which of a week's days it is, where the longest is whole days.
struct Calendar {
  std::size_t day_steps = 1;
  std::size_t week_days = 1;
  std::size_t phase = 0;

  explicit Calendar(const History& history) : phase(history.phase) {
    if (history.periods.empty()) return;
    day_steps = history.periods.front();
    const std::size_t week_steps = history.periods.back();
    if (week_steps % day_steps == 0) week_days = week_steps / day_steps;
  }

  [[nodiscard]] std::size_t hour(std::size_t step) const { return (step + phase) % day_steps; }
  [[nodiscard]] std::size_t day(std::size_t step) const {
    return (step + phase) / day_steps % week_days;
  }
};

class Profile final : public ForecastModel {
 public:
  explicit Profile(std::vector<double> boost) : boost_(std::move(boost)) {}

  [[nodiscard]] std::string_view name() const override { return "profile"; }

  void forecast(const History& history, std::span<double> expected) const override {
    const Calendar calendar(history);
    const std::size_t n = history.values.size();
    const std::size_t begin = n - std::min(n, kHistoryDays * calendar.day_steps);
    Index hours(calendar.day_steps);
    Index days(calendar.week_days);
    for (std::size_t t = begin; t < n; ++t) {
      hours.add(calendar.hour(t), history.values[t]);
      days.add(calendar.day(t), history.values[t]);
    }
    const std::vector<double> by_hour = hours.indices();
    const std::vector<double> by_day = days.indices();
    const auto index = [&](std::size_t t) {
      return kProfileHourWeight * by_hour[calendar.hour(t)] +
             (1 - kProfileHourWeight) * by_day[calendar.day(t)];
    };
    // The level is that of the last week, or what there is of it, against its own pattern.
    const std::size_t recent =
        std::max(begin, n - std::min(n, calendar.day_steps * calendar.week_days));
    double values = 0;
    double indices = 0;
    for (std::size_t t = recent; t < n; ++t) {
      values += history.values[t];
      indices += index(t);
    }
    const double level = indices != 0 ? values / indices : 0;
    for (std::size_t step = 0; step < expected.size(); ++step) {
      const double boost = step < boost_.size() ? boost_[step] : 1;
      expected[step] = index(n + step) * level * std::clamp(boost, kBoostMin, kBoostMax);
    }
  }

 private:
  std::vector<double> boost_;
};

}  // namespace

ForecastModelPtr make_profile(std::vector<double> boost) {
  return std::make_unique<Profile>(std::move(boost));
}

}  // namespace edgeward::policy
