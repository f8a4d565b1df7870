#pragma once

#include <cstddef>
#include <optional>

namespace edgeward::policy {

/// How far forecasts were from what came. Absent where it is not defined: nothing compared, or
/// nothing to compare it with (all actual values 0; a seasonal difference of 0).
struct Accuracy {
  std::size_t points = 0;
  std::optional<double> wape;      ///< Σ|error| / Σ|actual|
  std::optional<double> smape;     ///< mean of 2·|error| / (|actual| + |expected|), 0 to 2
  std::optional<double> mase;      ///< mean |error| / mean |seasonal difference| of the history
  std::optional<double> coverage;  ///< share of actual values within their interval

  bool operator==(const Accuracy&) const = default;
};

/// Adds up pairs of forecast and value; sums in the order of the calls.
class AccuracySums {
 public:
  void add(double actual, double expected);
  void add_interval(double actual, double low, double high);
  void add(const AccuracySums& other);

  /// `naive_error`: mean |y(t) − y(t − period)| of the history, for MASE.
  [[nodiscard]] Accuracy accuracy(double naive_error) const;
  [[nodiscard]] std::size_t points() const { return points_; }
  /// 0 where nothing was compared.
  [[nodiscard]] double mean_absolute_error() const {
    return points_ > 0 ? errors_ / static_cast<double>(points_) : 0;
  }

 private:
  std::size_t points_ = 0;
  std::size_t interval_points_ = 0;
  std::size_t covered_ = 0;
  double errors_ = 0;
  double actuals_ = 0;
  double symmetric_ = 0;
};

}  // namespace edgeward::policy
