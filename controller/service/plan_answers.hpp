#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "controller/planning/planning.hpp"

namespace edgeward::controller {

class Parameters;

/// Answers what is asked of plans and of optimizing over HTTP; what is wrong with a question is
/// thrown as a Problem. Thread-safe.
class PlanAnswers {
 public:
  /// Null: edges are not followed here, and each question is refused.
  explicit PlanAnswers(Planning* planning) : planning_(planning) {}

  /// How plans are; null where edges are not followed.
  [[nodiscard]] std::shared_ptr<const PlanStatus> status() const;

  /// Of one edge, with its actions, where it is named.
  [[nodiscard]] std::string list(std::string_view edge) const;
  /// Begins a run; its number.
  [[nodiscard]] std::string run(bool is_dry) const;
  /// The last run of optimizing.
  [[nodiscard]] std::string optimizing() const;
  /// Begins a run with the parameters measure_after_s and canary_percent; its number.
  [[nodiscard]] std::string optimize(const Parameters& parameters) const;

 private:
  [[nodiscard]] Planning& planning() const;

  Planning* planning_;
};

}  // namespace edgeward::controller
