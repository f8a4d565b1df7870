#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace edgeward::policy {

/// y(t) = intercept + Σ coefficient · y(t − lag), fitted by ridge regression (Hoerl & Kennard 1970)
/// with a penalty that only keeps equations solvable. Cost: (values − longest lag) · lags².
class Autoregressive {
 public:
  /// Lags beyond half the values are not used; none at all where less than kRowsPerLag values are
  /// left for each: the forecast is then the mean.
  Autoregressive(std::span<const double> values, std::vector<std::size_t> lags);

  /// Appends `steps` values, each from those before. They stay within what was ever seen, widened
  /// by half of its range on both sides: fits of short series may explode.
  void extend(std::vector<double>& values, std::size_t steps) const;

 private:
  static constexpr std::size_t kRowsPerLag = 3;

  std::vector<std::size_t> lags_;
  std::vector<double> coefficients_;
  double intercept_ = 0;
  double least_ = 0;
  double greatest_ = 0;
};

/// Lags of the last steps and of the steps around the same step of earlier periods: of the shortest
/// period up to the longest.
[[nodiscard]] std::vector<std::size_t> seasonal_lags(std::span<const std::size_t> periods);

}  // namespace edgeward::policy
