#include "policy/forecast/models/autoregressive.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace edgeward::policy {

namespace {

/// Of the mean variance of the regressors.
constexpr double kPenaltyRatio = 1e-5;
constexpr std::size_t kMultiplesMax = 7;

/// Solves a·x = b in place for a symmetric positive definite matrix (lower half, row by row) by
/// Cholesky's decomposition; x is left in b.
void solve(std::vector<double>& a, std::vector<double>& b) {
  const std::size_t n = b.size();
  for (std::size_t j = 0; j < n; ++j) {
    for (std::size_t i = j; i < n; ++i) {
      double sum = a[i * n + j];
      for (std::size_t k = 0; k < j; ++k) sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-300)) : sum / a[j * n + j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) b[i] -= a[i * n + k] * b[k];
    b[i] /= a[i * n + i];
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t k = i + 1; k < n; ++k) b[i] -= a[k * n + i] * b[k];
    b[i] /= a[i * n + i];
  }
}

}  // namespace

Autoregressive::Autoregressive(std::span<const double> values, std::vector<std::size_t> lags)
    : lags_(std::move(lags)) {
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  least_ = *least - (*greatest - *least) / 2;
  greatest_ = *greatest + (*greatest - *least) / 2;
  std::erase_if(lags_, [&](std::size_t lag) { return lag > values.size() / 2; });
  const auto rows_of = [&] { return values.size() - (lags_.empty() ? 0 : lags_.back()); };
  while (!lags_.empty() && rows_of() < kRowsPerLag * lags_.size()) lags_.pop_back();

  // Means are taken off first, so that the intercept is not penalised.
  const std::size_t n = lags_.size();
  const std::size_t first = lags_.empty() ? 0 : lags_.back();
  const auto rows = static_cast<double>(rows_of());
  std::vector<double> means(n);
  double mean = 0;
  for (std::size_t t = first; t < values.size(); ++t) {
    mean += values[t] / rows;
    for (std::size_t j = 0; j < n; ++j) means[j] += values[t - lags_[j]] / rows;
  }
  std::vector<double> products(n * n);
  coefficients_.assign(n, 0);
  std::vector<double> row(n);
  for (std::size_t t = first; t < values.size(); ++t) {
    for (std::size_t j = 0; j < n; ++j) row[j] = values[t - lags_[j]] - means[j];
    for (std::size_t j = 0; j < n; ++j) {
      coefficients_[j] += row[j] * (values[t] - mean);
      for (std::size_t k = 0; k <= j; ++k) products[j * n + k] += row[j] * row[k];
    }
  }
  double variance = 0;
  for (std::size_t j = 0; j < n; ++j) variance += products[j * n + j] / static_cast<double>(n);
  for (std::size_t j = 0; j < n; ++j) {
    products[j * n + j] += kPenaltyRatio * variance;
  }
  if (variance > 0) solve(products, coefficients_);
  intercept_ = mean;
  for (std::size_t j = 0; j < n; ++j) intercept_ -= coefficients_[j] * means[j];
}

void Autoregressive::extend(std::vector<double>& values, std::size_t steps) const {
  values.reserve(values.size() + steps);
  for (std::size_t step = 0; step < steps; ++step) {
    double next = intercept_;
    for (std::size_t j = 0; j < lags_.size(); ++j) {
      next += coefficients_[j] * values[values.size() - lags_[j]];
    }
    values.push_back(std::clamp(next, least_, greatest_));
  }
}

std::vector<std::size_t> seasonal_lags(std::span<const std::size_t> periods) {
  std::vector<std::size_t> lags{1, 2, 3};
  const auto add = [&lags](std::size_t centre, std::size_t before, std::size_t after) {
    for (std::size_t lag = centre - std::min(before, centre - 1); lag <= centre + after; ++lag) {
      lags.push_back(lag);
    }
  };
  if (!periods.empty()) {
    const std::size_t shortest = periods.front();
    add(shortest, 1, 2);
    add(2 * shortest, 1, 1);
    for (std::size_t k = 3; k < kMultiplesMax && k * shortest < periods.back(); ++k) {
      lags.push_back(k * shortest);
    }
    for (const std::size_t period : periods.subspan(1)) add(period, 1, 2);
  }
  std::sort(lags.begin(), lags.end());
  lags.erase(std::unique(lags.begin(), lags.end()), lags.end());
  return lags;
}

}  // namespace edgeward::policy
