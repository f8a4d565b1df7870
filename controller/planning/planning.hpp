#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/edge.hpp"
#include "cache/store/edge_store.hpp"
#include "controller/log/log.hpp"
#include "controller/planning/edge_follower.hpp"
#include "controller/planning/optimizing.hpp"
#include "controller/planning/plan_maker.hpp"
#include "controller/planning/plan_report.hpp"
#include "controller/planning/planning_options.hpp"

namespace edgeward::controller {

/// What a planning service needs of the world.
struct PlanningParts {
  PlanningOptions options;
  std::int64_t follow_interval_ms = 250;
  /// Edges that one thread follows have one name here: that of their store.
  std::function<std::string(std::string_view edge)> store_of;
  /// A store of its own for a thread.
  std::function<std::unique_ptr<cache::EdgeStore>()> make_store;
  std::function<std::unique_ptr<cache::PlannerLease>()> make_lease;
  FollowSinks sinks;
  /// What is known of each edge's demand by hour of the week; nothing where nothing is.
  std::function<std::optional<policy::DemandProfile>(std::string_view edge)> profile_of;
};

/// Follows the edges through their stores, makes plans at every interval of the clock while it has
/// the planners' lease, publishes them, and publishes again what a store has lost. On threads of
/// its own: nobody who decides waits for a store. Thread-safe.
class Planning {
 public:
  Planning(PlanningParts parts, std::shared_ptr<const cache::Fleet> fleet, const Log& log);
  ~Planning();

  /// Requests that were told otherwise than through a store; edges numbered as in `fleet`.
  void add(std::span<const cache::CacheEvent> events, const cache::Fleet& fleet);
  /// Goes on with another fleet, a little later. Edges of the same name keep their demand by hour.
  void replace(std::shared_ptr<const cache::Fleet> fleet);
  /// Makes plans as soon as may be; the number that the run will have in status().
  std::uint64_t run(bool is_dry);

  /// Optimizes the fleet from now on: strategies, plans, and a measurement at the end. The number
  /// of that run; what was under way is given up.
  std::uint64_t optimize(const OptimizeRequest& request);

  [[nodiscard]] std::shared_ptr<const PlanStatus> status() const;
  /// The last that was asked for; null before.
  [[nodiscard]] std::shared_ptr<const OptimizingRun> optimizing() const;

 private:
  struct Asked {
    std::uint64_t run = 0;
    bool is_dry = false;
    std::optional<OptimizeRequest> optimize{};
  };

  void loop();
  void begin(std::shared_ptr<const cache::Fleet> fleet);
  void drain(std::int64_t now_ms);
  void keep_lease();
  void make_plans(std::int64_t now_ms, const Asked& asked);
  void optimize_now(std::int64_t now_ms, const Asked& asked);
  void measure(std::int64_t now_ms);
  void tell_optimizing();
  void note_calibration(std::int64_t now_ms, std::span<const MadePlan> plans);
  void publish_waiting(std::int64_t now_ms);
  void check_published();
  void tell_status();
  void tell_run(const PlanRun& run);
  [[nodiscard]] HeldSize held() const;

  PlanningParts parts_;
  const Log& log_;

  // Of the thread alone.
  struct EdgePlanning {
    std::optional<MadePlan> made;  ///< that is in force, or is to be
    bool is_published = false;
    std::string error;  ///< of publishing, the last time
    std::optional<cache::PlanSummary> summary;
    std::int64_t tried_at_ms = 0;  ///< on the steady clock
    std::deque<Calibration> calibration;
    std::uint64_t capacity_bytes = 0;
  };
  std::shared_ptr<const cache::Fleet> fleet_;
  std::unique_ptr<PlanMaker> maker_;
  std::vector<EdgePlanning> planned_;
  std::unique_ptr<cache::EdgeStore> store_;
  std::unique_ptr<cache::PlannerLease> lease_;
  std::optional<std::uint64_t> epoch_;  ///< nothing: another one plans
  std::int64_t lease_ends_ms_ = 0;      ///< on the steady clock
  std::int64_t lease_tried_ms_ = 0;
  std::int64_t checked_at_ms_ = 0;
  std::int64_t told_at_ms_ = 0;
  std::int64_t next_plan_ms_ = 0;
  std::optional<PlanRun> last_;
  std::optional<PlanRun> last_dry_;
  std::optional<OptimizingRun> running_;

  std::vector<std::unique_ptr<FollowedEdge>> followed_;  ///< by edge
  std::vector<std::unique_ptr<EdgeFollower>> followers_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const cache::Fleet> next_fleet_;
  std::shared_ptr<const cache::Fleet> added_fleet_;  ///< whose numbers added_ has
  std::vector<cache::CacheEvent> added_;
  std::vector<Asked> asked_;
  std::uint64_t runs_ = 0;
  std::shared_ptr<const PlanStatus> status_;
  std::shared_ptr<const OptimizingRun> optimizing_;
  bool is_ending_ = false;
  std::thread thread_;
};

}  // namespace edgeward::controller
