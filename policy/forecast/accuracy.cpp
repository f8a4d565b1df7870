#include "policy/forecast/accuracy.hpp"

#include <cmath>

namespace edgeward::policy {

void AccuracySums::add(double actual, double expected) {
  const double error = std::abs(actual - expected);
  const double size = std::abs(actual) + std::abs(expected);
  ++points_;
  errors_ += error;
  actuals_ += std::abs(actual);
  if (size > 0) symmetric_ += 2 * error / size;
}

void AccuracySums::add_interval(double actual, double low, double high) {
  ++interval_points_;
  if (low <= actual && actual <= high) ++covered_;
}

void AccuracySums::add(const AccuracySums& other) {
  points_ += other.points_;
  interval_points_ += other.interval_points_;
  covered_ += other.covered_;
  errors_ += other.errors_;
  actuals_ += other.actuals_;
  symmetric_ += other.symmetric_;
}

Accuracy AccuracySums::accuracy(double naive_error) const {
  Accuracy result{.points = points_};
  if (points_ > 0) {
    const auto points = static_cast<double>(points_);
    if (actuals_ > 0) result.wape = errors_ / actuals_;
    result.smape = symmetric_ / points;
    if (naive_error > 0) result.mase = errors_ / points / naive_error;
  }
  if (interval_points_ > 0) {
    result.coverage = static_cast<double>(covered_) / static_cast<double>(interval_points_);
  }
  return result;
}

}  // namespace edgeward::policy
