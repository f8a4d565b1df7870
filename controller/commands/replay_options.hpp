#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "cache/parameters.hpp"
#include "policy/planner_options.hpp"
#include "sim/replay/accountant.hpp"
#include "sim/replay/cells.hpp"
#include "sim/replay/fleet_counts.hpp"
#include "sim/report/report.hpp"
#include "sim/trace/load.hpp"

namespace CLI {
class App;
}

namespace edgeward::controller {

/// The options as they were typed.
struct ReplayCommand {
  std::vector<std::string> inputs;
  std::string format = "auto";
  std::string fields;
  std::string time;
  std::string client;
  std::string key_columns;
  std::string size;
  std::string key;
  std::vector<std::string> host_aliases;
  std::string query = "keep";
  std::string methods = "GET";
  std::string statuses = "200,203,206,304,301,404,410";
  std::string object_size = "max";
  std::string chunk = "0";
  std::string ttl = "none";
  std::string policies;  ///< empty: the default, which a fleet changes
  std::string admissions = "none";
  std::string capacities;
  bool unit_size = false;
  std::string warm_up = "0";
  std::string fleet;      ///< empty: one cache
  std::string snapshots;  ///< of a decision log; empty: the input is a request log
  std::string routings = "nearest,random,weighted,latency";
  std::string plannings = "none";
  std::string plan_interval = "1h";
  std::string plan_objective = "bytes";
  std::vector<std::string> failures;
  std::string tick = "10s";
  std::string baseline;
  std::string fail_if_worse;
  bool confident = false;
  std::string memory = "4GiB";
  unsigned threads = std::max(1U, std::thread::hardware_concurrency());
  std::uint64_t seed = 0;
  bool no_timing = false;
  bool json = false;
  std::vector<std::string> outputs;

  bool operator==(const ReplayCommand&) const = default;
};

/// What they mean, checked as far as that goes without the input.
struct ReplaySettings {
  sim::LoadOptions load;
  std::vector<cache::NamedSettings> policies;
  std::vector<cache::NamedSettings> admissions;
  std::vector<std::string> capacities;   ///< parse_capacity reads them, once the footprint is known
  std::vector<sim::Routing> routings;    ///< empty without a fleet
  std::vector<sim::Planning> plannings;  ///< empty without a fleet
  policy::PlannerOptions plans;
  std::int64_t tick_ms = 10'000;
  sim::WarmUp warm_up;
  sim::Freshness freshness;
  sim::BaselineChoice baseline;
  /// Loss in hit ratio from which the exit code is 1.
  double points_allowed = std::numeric_limits<double>::infinity();
  std::uint64_t memory_bytes = 0;
};

/// A capacity that stands for each edge's own, as the fleet file gives it.
inline constexpr std::string_view kFleetCapacity = "fleet";

void add_replay_options(CLI::App& app, ReplayCommand& command);
/// Throws cache::ParameterError.
[[nodiscard]] ReplaySettings replay_settings(const ReplayCommand& command);

}  // namespace edgeward::controller
