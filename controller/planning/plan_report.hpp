#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "cache/plan.hpp"
#include "cache/store/edge_values.hpp"
#include "controller/planning/planning_options.hpp"

namespace edgeward::controller {

/// Actions of one kind together.
struct ActionSum {
  std::uint64_t contents = 0;
  std::uint64_t bytes = 0;
};

/// An action that is told with its reason.
struct ToldAction {
  cache::Action action;
  bool is_held = false;
  double requests = 0;  ///< that are expected over the horizon
};

/// A plan as people want to read it.
struct EdgePlanReport {
  std::string edge;
  std::uint64_t plan = 0;  ///< its id
  std::int64_t valid_until_ms = 0;
  std::uint64_t capacity_bytes = 0;
  double share = 0;                ///< of the capacity, that plans may have
  std::uint64_t budget_bytes = 0;  ///< the same in bytes
  std::uint64_t fill_bytes = 0;    ///< that may be fetched until the next plan
  ActionSum evict;
  ActionSum keep;  ///< what is held, and stays
  ActionSum prefetch;
  std::uint64_t omitted = 0;         ///< actions beyond the most that a plan has
  double expected_requests = 0;      ///< over the horizon
  double hit_ratio_before = 0;       ///< that is expected, if all stayed as it is
  double hit_ratio_after = 0;        ///< that is expected of the plan
  std::vector<ToldAction> foremost;  ///< prefetches and evictions of the largest gain
};

/// What a planner did once.
struct PlanRun {
  std::uint64_t run = 0;  ///< counts them
  bool is_dry = false;
  std::int64_t at_ms = 0;
  std::int64_t duration_ms = 0;
  std::vector<EdgePlanReport> edges;
};

/// What was predicted of an edge when a plan was made, and what came.
struct Calibration {
  std::int64_t at_ms = 0;
  double predicted = 0;
  std::optional<double> realised;  ///< nothing where nobody asked
  std::uint64_t requests = 0;
};

/// How the edge that a Redis tells of is, and what has become of its plan.
struct EdgeProgress {
  std::string edge;
  bool is_reachable = false;           ///< its Redis, when it was asked last
  std::string error;                   ///< of the last that failed; empty: it was done
  std::optional<std::int64_t> lag_ms;  ///< from a request to its being read, of the last one read
  std::uint64_t requests = 0;          ///< that were read
  std::uint64_t lost_entries = 0;
  std::uint64_t bad_entries = 0;
  std::uint64_t held_objects = 0;
  std::uint64_t held_bytes = 0;
  std::optional<cache::PlanSummary> plan;  ///< as its store has it
  bool is_published = false;               ///< the plan that was made last
  double share = 0;
  std::deque<Calibration> calibration;  ///< the latest last
};

/// Everything there is to say of plans.
struct PlanStatus {
  PlanMode mode = PlanMode::none;
  std::string controller;
  bool is_leader = false;
  std::uint64_t epoch = 0;
  std::int64_t next_at_ms = 0;
  std::vector<EdgeProgress> edges;
  std::optional<PlanRun> last;  ///< that was published
  std::optional<PlanRun> last_dry;
};

}  // namespace edgeward::controller
