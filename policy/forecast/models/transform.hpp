#pragma once

#include <span>
#include <vector>

#include "policy/forecast/model.hpp"

namespace edgeward::policy {

/// The scale on which models add: traffic grows and swings by factors, so that a positive series is
/// taken as log(value + offset). The offset is 0 unless the smallest value is below 1 % of the
/// mean, which would make an outlier of every outage. A series that is ever negative, or 0 in more
/// than a tenth of its steps, stays as it is: the mean of its logarithms says nothing of its mean.
class Transform {
 public:
  explicit Transform(std::span<const double> values);

  [[nodiscard]] double forward(double value) const;
  [[nodiscard]] double back(double value) const;

 private:
  bool is_log_ = false;
  double offset_ = 0;
};

/// What a model with patterns works on: the recent past on its own scale.
struct Recent {
  Transform transform;
  std::vector<double> values;
  std::vector<std::size_t> periods;  ///< those of which there are at least two in `values`

  explicit Recent(const History& history);
};

}  // namespace edgeward::policy
