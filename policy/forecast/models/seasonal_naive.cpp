#include <algorithm>
#include <string>

#include "policy/forecast/models/models.hpp"

namespace edgeward::policy {

namespace {

class SeasonalNaive final : public ForecastModel {
 public:
  SeasonalNaive(std::string name, std::size_t period) : name_(std::move(name)), period_(period) {}

  [[nodiscard]] std::string_view name() const override { return name_; }

  void forecast(const History& history, std::span<double> expected) const override {
    const std::size_t n = history.values.size();
    // Less than a period: the last value, which is what a period of one step says.
    const std::size_t period = n >= period_ ? period_ : 1;
    for (std::size_t step = 0; step < expected.size(); ++step) {
      expected[step] = history.values[n - period + step % period];
    }
  }

 private:
  std::string name_;
  std::size_t period_;
};

}  // namespace

ForecastModelPtr make_seasonal_naive(std::string name, std::size_t period) {
  return std::make_unique<SeasonalNaive>(std::move(name), period);
}

}  // namespace edgeward::policy
