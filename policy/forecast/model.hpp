#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edgeward::policy {

/// What a model learns from: a regular series without gaps, every value finite, brought to a scale
/// near 1 (Forecaster does both). Views; they outlive the call.
struct History {
  std::span<const double> values;        ///< oldest first; at least one
  std::span<const std::size_t> periods;  ///< in steps, ascending, each at least 2
  std::size_t phase = 0;  ///< steps from the start of a longest period to values[0]; 0 if unknown

  /// The same series when it ended `steps` earlier.
  [[nodiscard]] History before(std::size_t steps) const {
    return {.values = values.first(values.size() - steps), .periods = periods, .phase = phase};
  }
};

/// One way to continue a series. Stateless and deterministic: equal histories, equal forecasts. Any
/// history is answered, also one too short or too flat for what the model is about.
class ForecastModel {
 public:
  virtual ~ForecastModel() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;
  /// Fills in the steps that follow the history.
  virtual void forecast(const History& history, std::span<double> expected) const = 0;
};

using ForecastModelPtr = std::unique_ptr<const ForecastModel>;

}  // namespace edgeward::policy
