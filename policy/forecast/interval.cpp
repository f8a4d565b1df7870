#include "policy/forecast/interval.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace edgeward::policy {

namespace {

/// Errors a step apart are much alike; so many steps on each side count for a step's size.
constexpr std::size_t kSideSteps = 2;
/// The mean of all errors counts as much as so many at the step itself.
constexpr double kPriorErrors = 8;

/// A forecast of next to nothing is not taken as surer than that, beside those made before.
constexpr double kSizeRatioMin = 0.1;

double mean_size(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += std::abs(value);
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// What an error at each step is like; not 0 unless all errors are.
std::vector<double> error_sizes(std::span<const double> errors, std::size_t horizon) {
  std::vector<double> sums(horizon);
  std::vector<double> counts(horizon);
  double sum = 0;
  double count = 0;
  for (std::size_t cell = 0; cell < errors.size(); ++cell) {
    if (std::isnan(errors[cell])) continue;
    sums[cell % horizon] += errors[cell];
    counts[cell % horizon] += 1;
    sum += errors[cell];
    count += 1;
  }
  std::vector<double> sizes(horizon);
  if (count == 0) return sizes;
  const double mean = sum / count;
  for (std::size_t step = 0; step < horizon; ++step) {
    double near = kPriorErrors * mean;
    double weight = kPriorErrors;
    const std::size_t end = std::min(horizon, step + kSideSteps + 1);
    for (std::size_t s = step - std::min(step, kSideSteps); s < end; ++s) {
      near += sums[s];
      weight += counts[s];
    }
    sizes[step] = near / weight;
  }
  return sizes;
}

/// How many independent errors the ratios are worth. Those of one origin are alike (a day that is
/// off is off at many hours): Kish's design effect, with the intraclass correlation of a one-way
/// analysis of variance.
double independent_errors(std::span<const double> ratios, std::size_t horizon) {
  double count = 0;
  double sum = 0;
  std::vector<double> means;
  double within = 0;
  for (std::size_t begin = 0; begin < ratios.size(); begin += horizon) {
    double row = 0;
    double squares = 0;
    double row_count = 0;
    for (const double ratio : ratios.subspan(begin, horizon)) {
      if (std::isnan(ratio)) continue;
      row += ratio;
      squares += ratio * ratio;
      row_count += 1;
    }
    if (row_count == 0) continue;
    means.push_back(row / row_count);
    within += squares - row * row / row_count;
    sum += row;
    count += row_count;
  }
  const auto origins = static_cast<double>(means.size());
  if (origins < 2 || count <= origins) return count;
  const double mean = sum / count;
  const double row_size = count / origins;
  double between = 0;
  for (const double row_mean : means) between += (row_mean - mean) * (row_mean - mean);
  between *= row_size / (origins - 1);
  within /= count - origins;
  const double rest = between + (row_size - 1) * within;
  const double alike = rest > 0 ? std::clamp((between - within) / rest, 0.0, 1.0) : 0;
  return count / (1 + (row_size - 1) * alike);
}

}  // namespace

IntervalWidths::IntervalWidths(std::vector<double> expected, BacktestPlan plan,
                               std::span<const double> observed, double level_ratio)
    : expected_(std::move(expected)),
      plan_(std::move(plan)),
      observed_(expected_.size(), std::nan("")),
      level_ratio_(level_ratio) {
  for (std::size_t i = 0; i < plan_.origins.size(); ++i) {
    for (std::size_t step = 0; step < plan_.horizon; ++step) {
      const std::size_t at = plan_.origins[i] + step;
      if (at < observed.size()) observed_[i * plan_.horizon + step] = observed[at];
    }
  }
  typical_size_ = mean_size(expected_);
  relative_ = relative_widths(plan_.origins.size());
}

double IntervalWidths::size_of(std::span<const double> expected) const {
  const double size = std::max(mean_size(expected), kSizeRatioMin * typical_size_);
  return size > 0 ? size : 1;
}

std::vector<double> IntervalWidths::relative_widths(std::size_t without_origin) const {
  std::vector<double> errors(expected_.size(), std::nan(""));
  for (std::size_t i = 0; i < plan_.origins.size(); ++i) {
    if (i == without_origin) continue;
    const std::size_t begin = i * plan_.horizon;
    const double size = size_of(std::span(expected_).subspan(begin, plan_.horizon));
    for (std::size_t cell = begin; cell < begin + plan_.horizon; ++cell) {
      errors[cell] = std::abs(observed_[cell] - expected_[cell]) / size;
    }
  }
  std::vector<double> widths = error_sizes(errors, plan_.horizon);
  for (std::size_t cell = 0; cell < errors.size(); ++cell) {
    const double size = widths[cell % plan_.horizon];
    errors[cell] = size > 0 ? errors[cell] / size : 0 * errors[cell];
  }
  const double independent = independent_errors(errors, plan_.horizon);
  std::erase_if(errors, [](double ratio) { return std::isnan(ratio); });
  if (errors.empty()) return {};
  // Of n independent errors the next one is below the k-th smallest with probability k / (n + 1).
  const double share = std::min(1.0, level_ratio_ * (independent + 1) / independent);
  const auto n = static_cast<double>(errors.size());
  const auto rank = static_cast<std::size_t>(std::clamp(std::ceil(n * share), 1.0, n));
  const auto quantile = errors.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(errors.begin(), quantile, errors.end());
  for (double& width : widths) width *= *quantile;
  return widths;
}

std::vector<double> IntervalWidths::widths(std::span<const double> expected) const {
  std::vector<double> widths = relative_;
  const double size = size_of(expected);
  for (double& width : widths) width *= size;
  return widths;
}

AccuracySums IntervalWidths::held_out_sums() const {
  AccuracySums sums;
  for (std::size_t i = 0; i < plan_.origins.size(); ++i) {
    const std::vector<double> relative = relative_widths(i);
    const double size = size_of(std::span(expected_).subspan(i * plan_.horizon, plan_.horizon));
    for (std::size_t step = 0; step < plan_.horizon; ++step) {
      const std::size_t cell = i * plan_.horizon + step;
      if (std::isnan(observed_[cell])) continue;
      sums.add(observed_[cell], expected_[cell]);
      if (relative.empty()) continue;
      const double width = relative[step] * size;
      sums.add_interval(observed_[cell], expected_[cell] - width, expected_[cell] + width);
    }
  }
  return sums;
}

std::vector<double> random_walk_widths(std::span<const double> values, std::size_t horizon,
                                       double level_ratio) {
  double sum = 0;
  for (std::size_t t = 1; t < values.size(); ++t) sum += std::abs(values[t] - values[t - 1]);
  const double mean_step = values.size() > 1 ? sum / static_cast<double>(values.size() - 1) : 0;
  // Steps taken as exponentially distributed in size: P(|step| < x) = 1 − e^(−x / mean).
  const double quantile = -std::log1p(-level_ratio) * mean_step;
  std::vector<double> widths(horizon);
  for (std::size_t step = 0; step < horizon; ++step) {
    widths[step] = quantile * std::sqrt(static_cast<double>(step + 1));
  }
  return widths;
}

}  // namespace edgeward::policy
