#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controller/agent/agent_options.hpp"
#include "controller/agent/fills.hpp"
#include "controller/agent/holdings.hpp"
#include "controller/agent/tasks.hpp"
#include "controller/log/log.hpp"

namespace edgeward::controller {

struct PlanCounts {
  std::uint64_t prefetched = 0;
  std::uint64_t evicted = 0;
  std::uint64_t given_up = 0;
  std::uint64_t dropped = 0;
};

/// Does what plans say, action after action: evictions at once and in their place, a few prefetches
/// beside one another and not faster than they may. What fails is tried again with growing pauses,
/// then given up, as is what the plan's end came before. Acts on an edge's latest plan alone;
/// actions of others are taken off. An action may come again, after a crash or a store that was
/// away: what is done already is not done again.
class PlanRunner {
 public:
  PlanRunner(Tasks& tasks, Holdings& holdings, Fills& fills, const AgentOptions& options,
             const Log& log);

  void run(Tasks::Yield yield);
  /// Takes up no more actions.
  void stop() { is_stopping_ = true; }

  [[nodiscard]] const PlanCounts& counts() const { return counts_; }

 private:
  /// Why an action was not done.
  struct Failure {
    std::string error;
    bool may_pass = true;
    bool is_store_away = false;  ///< which is no fault of the action's
  };
  using Actions = std::vector<cache::PlannedAction>;

  [[nodiscard]] bool is_ending() const { return is_stopping_ || tasks_.is_ending(); }
  [[nodiscard]] bool step(Tasks::Yield yield);
  [[nodiscard]] Actions more_actions(std::size_t count, Tasks::Yield yield);
  void take(const cache::PlannedAction& action, Tasks::Yield yield);
  void execute(const cache::PlannedAction& action, Tasks::Yield yield);
  [[nodiscard]] std::optional<Failure> attempt(const cache::PlannedAction& action,
                                               Tasks::Yield yield);
  [[nodiscard]] std::optional<Failure> prefetch(const cache::PlannedAction& action,
                                                Tasks::Yield yield);
  [[nodiscard]] bool wait_for_turn(std::uint64_t bytes, Tasks::Yield yield);
  void close(const cache::PlannedAction& action, const std::optional<Failure>& failure,
             Tasks::Yield yield);
  void drop(const cache::PlannedAction& action, Tasks::Yield yield);
  void tell(const cache::PlannedAction& action, const Failure& failure);

  Tasks& tasks_;
  Holdings& holdings_;
  Fills& fills_;
  const AgentOptions& options_;
  const Log& log_;
  Actions waiting_;              ///< got, and not begun: their plan is still being written
  std::set<std::string> begun_;  ///< entries
  std::int64_t claimed_at_ms_ = 0;
  bool has_claimed_ = false;
  bool has_more_to_claim_ = true;
  double free_at_s_ = 0;  ///< when the next prefetch may begin
  bool is_stopping_ = false;
  std::uint64_t seed_ = 0;
  std::optional<double> told_at_s_;  ///< when the log was last told of one that was given up
  PlanCounts counts_;
};

}  // namespace edgeward::controller
