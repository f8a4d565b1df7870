#include <memory>

#include "policy/forecast/models/autoregressive.hpp"
#include "policy/forecast/models/models.hpp"
#include "policy/forecast/models/transform.hpp"

namespace edgeward::policy {

namespace {

class Autoregression final : public ForecastModel {
 public:
  [[nodiscard]] std::string_view name() const override { return "autoregression"; }

  void forecast(const History& history, std::span<double> expected) const override {
    Recent recent(history);
    const std::size_t n = recent.values.size();
    const Autoregressive model(recent.values, seasonal_lags(recent.periods));
    model.extend(recent.values, expected.size());
    for (std::size_t step = 0; step < expected.size(); ++step) {
      expected[step] = recent.transform.back(recent.values[n + step]);
    }
  }
};

}  // namespace

ForecastModelPtr make_autoregression() {
  return std::make_unique<Autoregression>();
}

}  // namespace edgeward::policy
