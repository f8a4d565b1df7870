#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "policy/forecast/forecaster.hpp"

namespace edgeward::policy {

/// A series made ready for the models.
struct PreparedSeries {
  std::vector<double> observed;  ///< scaled; NaN in gaps
  std::vector<double> values;    ///< scaled; gaps filled
  double scale = 1;              ///< a power of two, so that scaling is exact
  bool is_non_negative = true;

  PreparedSeries(std::span<const double> raw, std::span<const std::size_t> periods);

  /// What is forecast of a series that was never negative is not, either.
  void keep_possible(std::span<double> expected) const;

  /// Scaled back, with the interval around what is expected.
  [[nodiscard]] std::vector<ForecastStep> steps(std::span<const double> expected,
                                                std::span<const double> widths) const;
};

}  // namespace edgeward::policy
