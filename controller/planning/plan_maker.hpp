#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/hit_learner.hpp"
#include "cache/plan.hpp"
#include "controller/planning/plan_report.hpp"
#include "policy/content_sample.hpp"
#include "policy/edge_window.hpp"
#include "policy/planner.hpp"
#include "policy/strategy.hpp"

namespace edgeward::controller {

/// What edges hold, by who follows them: nothing where a content is not there.
using HeldSize =
    std::function<std::optional<std::uint64_t>(cache::EdgeId edge, cache::ContentId content)>;

/// A plan and what is to be said of it.
struct MadePlan {
  cache::Plan plan;  ///< its epoch is whoever publishes it's
  EdgePlanReport report;
  std::vector<cache::ContentId> fetched;  ///< of its prefetches, those of what is not held
};

/// The planner of the daemon: learns from what edges were asked, makes plans with keys that edges
/// can fetch, and remembers what plans keep. Knows no clock, no store, no thread.
class PlanMaker {
 public:
  PlanMaker(const PlanningOptions& options, std::shared_ptr<const cache::Fleet> fleet);
  ~PlanMaker();
  PlanMaker(const PlanMaker&) = delete;
  PlanMaker& operator=(const PlanMaker&) = delete;

  /// An edge was asked. `key`: empty where it is not known; such contents are not planned.
  void note(const cache::CacheEvent& event, std::string_view key);
  /// An edge said how much it may hold.
  void set_capacity(cache::EdgeId edge, std::uint64_t bytes);

  /// An interval is over: what plans gained in it.
  void judge(std::int64_t now_ms, const HeldSize& held);
  /// Plans for all edges, by edge; `valid_until_ms` is their end. With `is_dry` nobody is to act on
  /// them.
  [[nodiscard]] std::vector<MadePlan> make(std::int64_t now_ms, std::int64_t valid_until_ms,
                                           const HeldSize& held, bool is_dry);
  /// It is published: from now on that is what is kept.
  void adopt(const MadePlan& made);

  [[nodiscard]] double share(cache::EdgeId edge) const { return planner_->share(edge); }
  [[nodiscard]] policy::FleetDemand& demand() { return planner_->demand(); }
  /// The requests and hits of an edge since this was asked last.
  struct Realised {
    std::uint64_t requests = 0;
    std::uint64_t hits = 0;
  };
  [[nodiscard]] Realised take_realised(cache::EdgeId edge);

  /// What an edge's cache needs, by what it showed over the last day.
  [[nodiscard]] policy::Strategy strategy(cache::EdgeId edge, std::int64_t now_ms,
                                          const HeldSize& held) const;
  /// What it was asked by the hour, of the last day.
  [[nodiscard]] std::vector<policy::HourCounts> hours(cache::EdgeId edge, std::int64_t from_ms,
                                                      std::int64_t until_ms) const {
    return edges_[cache::index(edge)].window.hours(from_ms, until_ms);
  }
  /// Whether an edge may have plans.
  void enable(cache::EdgeId edge, bool is_enabled) { planner_->enable(edge, is_enabled); }
  /// Empty where it is not known.
  [[nodiscard]] std::string key_of(cache::ContentId content) const;

 private:
  class Holdings;
  struct KeptContents {
    boost::unordered_flat_map<std::uint64_t, std::uint64_t> sizes;  ///< by content
    boost::unordered_flat_set<std::uint64_t> fetched;  ///< for the last plan, of the sample
  };
  struct Edge {
    std::uint64_t capacity_bytes = 0;
    KeptContents kept;
    Realised realised;
    policy::EdgeWindow window;
    std::vector<cache::ObjectIndex> asked;  ///< numbers in the sample, to be replayed
    std::vector<std::uint8_t> answered;
  };

  [[nodiscard]] policy::ShadowCaches make_shadows(std::size_t edge) const;
  void replay_asked(std::size_t edge);
  void restart_shadows(std::int64_t now_ms);
  void forget_keys(std::int64_t now_ms);
  [[nodiscard]] MadePlan plan_of(const policy::EdgePlan& made, std::int64_t now_ms,
                                 std::int64_t valid_until_ms) const;

  PlanningOptions options_;
  std::shared_ptr<const cache::Fleet> fleet_;
  policy::ContentSample sample_;
  std::int64_t sample_begun_ms_ = 0;
  std::vector<Edge> edges_;
  std::unique_ptr<policy::Planner> planner_;
  boost::unordered_flat_map<std::uint64_t, std::string> keys_;  ///< by content
};

}  // namespace edgeward::controller
