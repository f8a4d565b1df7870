#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "policy/forecast/backtest.hpp"

namespace edgeward::policy {

/// How far the truth lies from what was expected, at most, with probability `level_ratio`, as the
/// forecasts of a backtest had it: split conformal prediction (Vovk et al. 2005; Lei et al. 2018).
/// Errors are taken relative to the mean of the forecast they are of, since traffic errs by
/// factors, and to their own mean at that step, smoothed over the steps around and shrunk to the
/// mean of all. Errors of one origin are alike, so that fewer count than there are: the quantile is
/// a little higher for it.
class IntervalWidths {
 public:
  /// `expected`: the backtest's rows; `observed`: NaN in gaps.
  IntervalWidths(std::vector<double> expected, BacktestPlan plan, std::span<const double> observed,
                 double level_ratio);

  /// Whether the backtest compared anything.
  [[nodiscard]] bool is_known() const { return !relative_.empty(); }
  /// For each step of a forecast of the whole horizon.
  [[nodiscard]] std::vector<double> widths(std::span<const double> expected) const;

  /// The backtest's errors; each origin within an interval made of the other origins' errors.
  [[nodiscard]] AccuracySums held_out_sums() const;

 private:
  [[nodiscard]] double size_of(std::span<const double> expected) const;
  [[nodiscard]] std::vector<double> relative_widths(std::size_t without_origin) const;

  std::vector<double> expected_;
  BacktestPlan plan_;
  std::vector<double> observed_;  ///< one row an origin, as `expected_`
  double level_ratio_;
  double typical_size_ = 0;  ///< mean |expected|
  std::vector<double> relative_;
};

/// The same where there is no backtest: the steps of a random walk with the series' own mean step.
[[nodiscard]] std::vector<double> random_walk_widths(std::span<const double> values,
                                                     std::size_t horizon, double level_ratio);

}  // namespace edgeward::policy
