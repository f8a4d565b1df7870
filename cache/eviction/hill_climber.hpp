#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

namespace edgeward::cache {

/// Looks for the value of a setting at which the hit ratio is highest by walking (Einziger, Eytan,
/// Friedman, Manes, "Adaptive software cache management", Middleware 2018, §3): once a period it
/// proposes a step; if the hit ratio fell since the last one it turns round, with half the step,
/// and otherwise steps on, a little less far. A change of the hit ratio of 5 points means that the
/// workload changed: the next step is a whole one again.
///
/// The first step goes down, so that warming up, which raises the hit ratio whatever the setting,
/// does not raise the setting.
class HillClimber {
 public:
  HillClimber(double first_step, std::uint64_t period_requests)
      : first_step_(first_step), step_(-first_step), period_(period_requests) {}

  /// Told of every request; at the end of a period, by how much to change the setting.
  [[nodiscard]] std::optional<double> observe(bool hit) {
    hits_ += hit ? 1 : 0;
    if (++requests_ < period_) return std::nullopt;
    const double ratio = static_cast<double>(hits_) / static_cast<double>(requests_);
    const double change = ratio - last_ratio_;
    last_ratio_ = ratio;
    hits_ = requests_ = 0;
    if (change < 0) step_ = -kTurn * step_;
    const double step = step_;
    step_ = std::abs(change) >= kRestart ? std::copysign(first_step_, step) : kDecay * step;
    return step;
  }

 private:
  static constexpr double kTurn = 0.5;
  static constexpr double kDecay = 0.98;
  static constexpr double kRestart = 0.05;  ///< of the hit ratio

  double first_step_;
  double step_;  ///< signed
  std::uint64_t period_;
  std::uint64_t requests_ = 0;
  std::uint64_t hits_ = 0;
  double last_ratio_ = 0;
};

}  // namespace edgeward::cache
