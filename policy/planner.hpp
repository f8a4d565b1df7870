#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "policy/fill_window.hpp"
#include "policy/fleet_demand.hpp"
#include "policy/placement.hpp"
#include "policy/plan_budget.hpp"
#include "policy/planner_options.hpp"
#include "policy/shadow_caches.hpp"

namespace edgeward::policy {

/// What plans take of an edge to be so.
struct PlannedEdge {
  std::uint64_t bandwidth_bps = 0;
  bool is_parent = false;  ///< others fill from it
  std::optional<FillWindow> fill_window;  ///< nothing: its hours of least forecast demand
  /// As PlacementEdge has them.
  std::vector<PlacementSource> sources;
  double origin_ms = 0;
};

/// What edges hold while plans are made for them.
class PlannedHoldings {
 public:
  virtual ~PlannedHoldings() = default;

  [[nodiscard]] virtual std::uint64_t capacity_bytes(cache::EdgeId edge) const = 0;
  /// Says of each candidate whether it is held, and kept because a plan said so.
  virtual void mark(cache::EdgeId edge, std::span<PlanCandidate> candidates) const = 0;
  /// Appends what plans keep there: content, size and that it is kept.
  virtual void append_kept(cache::EdgeId edge, std::vector<PlanCandidate>& kept) const = 0;
  /// Plans may have nothing of the edge's cache any more: what they kept is the policy's.
  virtual void end_plans(cache::EdgeId edge) = 0;
};

/// What is to be kept at an edge from now on.
struct EdgePlan {
  cache::EdgeId edge = cache::kNoEdge;
  std::span<const PlanCandidate> candidates;  ///< worth is set
  PlanSelection selection;
  double share = 0;  ///< of the capacity, what plans may have
  PlanLimits limits;
};

/// Forecasts and plans of a fleet: the one planner of daemon and replay. They tell it what edges
/// were asked and what came of it, and from time to time ask for plans, which are made from what
/// was told before alone.
///
/// Planned together, edges share the copies that they may fill from each other, within budgets
/// that are each edge's own: shadow caches see one edge, so they always plan for it alone.
class Planner {
 public:
  /// `shadows` by edge, as `edges`; they plan for whatever the sample of their caller takes.
  Planner(const PlannerOptions& options, std::vector<PlannedEdge> edges,
          std::vector<ShadowCaches> shadows);

  /// An edge was asked for a content. Times may go back a little.
  void note(cache::EdgeId edge, cache::ContentId content, std::uint64_t size_bytes,
            std::int64_t at_ms) {
    demand_.note(edge, content, size_bytes, at_ms);
  }
  /// Of what was noted, so many were requests of clients, and so many fetches of other edges.
  void count(cache::EdgeId edge, std::uint64_t client_requests, std::uint64_t fetches);
  [[nodiscard]] ShadowCaches& shadows(cache::EdgeId edge) {
    return edges_[cache::index(edge)].shadows;
  }
  /// Starts an edge's shadow caches anew, as for another capacity. What the edge itself does is
  /// not held against them while they fill, for two intervals.
  void restart(cache::EdgeId edge, ShadowCaches shadows);

  /// An interval is over: what plans gained in it. By edge, what was fetched ahead of what shadow
  /// caches see.
  void judge(std::span<const std::uint64_t> prefetched_bytes);

  /// Number of a content in the sample of an edge's shadow caches, or kNoObject.
  using NumberOf = std::function<cache::ObjectIndex(cache::ContentId)>;
  using Take = std::function<void(const EdgePlan&)>;
  /// Makes plans for all edges, each of which is told once, in order, and has to be taken before
  /// the call returns.
  void plan(std::int64_t now_ms, PlannedHoldings& holdings, const NumberOf& number_of,
            const Take& take);

  [[nodiscard]] const FleetDemand& demand() const { return demand_; }
  [[nodiscard]] FleetDemand& demand() { return demand_; }
  /// Of the edge's capacity, what plans may have now.
  [[nodiscard]] double share(cache::EdgeId edge) const {
    const Edge& one = edges_[cache::index(edge)];
    return one.is_enabled ? options_.share.value_or(one.budget.share()) : 0;
  }
  /// Whether an edge may have plans at all; all may at first.
  void enable(cache::EdgeId edge, bool is_enabled) {
    edges_[cache::index(edge)].is_enabled = is_enabled;
  }
  [[nodiscard]] const PlannerOptions& options() const { return options_; }

 private:
  struct Edge {
    PlannedEdge described;
    PlanBudget budget;
    ShadowCaches shadows;
    unsigned settling = 0;  ///< intervals yet
    bool is_enabled = true;
    // What its own clients asked, and what other edges did.
    std::uint64_t client_requests = 0;
    std::uint64_t fetches = 0;
    // Planned together: what is known of it when the others' turn comes.
    std::vector<PlanCandidate> candidates;
    PlanLimits limits;
  };

  /// What the edge may fetch ahead until the next plan.
  [[nodiscard]] std::uint64_t fill_bytes(cache::EdgeId edge, std::int64_t now_ms) const;
  [[nodiscard]] PlanLimits prepare(cache::EdgeId edge, std::int64_t now_ms,
                                   PlannedHoldings& holdings, const NumberOf& number_of,
                                   std::vector<PlanCandidate>& candidates);
  void place_together(const Take& take);

  PlannerOptions options_;
  std::vector<Edge> edges_;
  FleetDemand demand_;
  // Of all edges together: those that serve clients, and parents, whose requests are others'
  // misses.
  PlanBudget client_budget_;
  PlanBudget parent_budget_;
  std::vector<PlanCandidate> candidates_;
  std::vector<PlanCandidate> kept_;
  std::vector<cache::ObjectIndex> numbers_;
};

}  // namespace edgeward::policy
