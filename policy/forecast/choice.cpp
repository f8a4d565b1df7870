#include "policy/forecast/choice.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace edgeward::policy {

namespace {

constexpr double kSharePower = 4;
constexpr double kErrorRatioMax = 1.5;
/// What an origin, a day as a rule, takes from the weight of those before it.
constexpr double kOriginDecay = 0.9;

}  // namespace

void ModelChoice::add(std::vector<double> expected) {
  std::vector<AccuracySums> errors;
  for (std::size_t i = 0; i < plan_.origins.size(); ++i) {
    const BacktestPlan one{.horizon = plan_.horizon, .origins = {plan_.origins[i]}};
    errors.push_back(
        compare(std::span(expected).subspan(i * plan_.horizon, plan_.horizon), one, observed_));
  }
  errors_.push_back(std::move(errors));
  expected_.push_back(std::move(expected));
}

std::vector<double> ModelChoice::shares_by_error(std::size_t without) const {
  const std::size_t models = errors_.size();
  std::vector<double> errors(models);
  for (std::size_t model = 0; model < models; ++model) {
    double sum = 0;
    double weights = 0;
    double decay = 1;
    for (std::size_t i = plan_.origins.size(); i-- > 0; decay *= kOriginDecay) {
      if (i == without) continue;
      const double weight = decay * static_cast<double>(errors_[model][i].points());
      sum += weight * errors_[model][i].mean_absolute_error();
      weights += weight;
    }
    if (weights == 0) return std::vector<double>(models, 1.0 / static_cast<double>(models));
    errors[model] = sum / weights;
  }
  const double best = *std::min_element(errors.begin(), errors.end());
  std::vector<double> shares(models);
  for (std::size_t model = 0; model < models; ++model) {
    if (errors[model] > kErrorRatioMax * best) continue;
    // Where the best one makes no error, those that make none share all.
    shares[model] = best > 0 ? std::pow(best / errors[model], kSharePower) : 1;
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double& share : shares) share /= sum;
  return shares;
}

void ModelChoice::add_row(std::size_t origin, std::span<const double> shares,
                          std::vector<double>& result) const {
  const std::size_t begin = origin * plan_.horizon;
  for (std::size_t model = 0; model < expected_.size(); ++model) {
    if (shares[model] == 0) continue;
    for (std::size_t cell = begin; cell < begin + plan_.horizon; ++cell) {
      result[cell] += shares[model] * expected_[model][cell];
    }
  }
}

std::vector<double> ModelChoice::combined(std::span<const double> shares) const {
  std::vector<double> result(plan_.origins.size() * plan_.horizon);
  for (std::size_t i = 0; i < plan_.origins.size(); ++i) add_row(i, shares, result);
  return result;
}

std::vector<double> ModelChoice::combined_by_error() const {
  std::vector<double> result(plan_.origins.size() * plan_.horizon);
  for (std::size_t i = 0; i < plan_.origins.size(); ++i) add_row(i, shares_by_error(i), result);
  return result;
}

}  // namespace edgeward::policy
