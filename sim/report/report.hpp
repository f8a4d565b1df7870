#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cache/edge.hpp"
#include "sim/interval.hpp"
#include "sim/replay/cells.hpp"
#include "sim/replay/replay.hpp"
#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// A run's change against its baseline.
struct ReportedChange {
  double hit_ratio = 0;
  std::optional<double> low;  ///< ends of the 95 % interval; absent where there are too few cells
  std::optional<double> high;
  double byte_hit_ratio = 0;
  std::int64_t origin_bytes = 0;
  std::optional<double> latency_ms_mean;        ///< of fleets
  std::map<std::string, std::string> baseline;  ///< the keys that name it
};

/// One row of results. Sums are exact; ratios are derived from them when asked for.
struct ReportedRun {
  std::string policy;
  std::map<std::string, std::string> parameters;
  std::string admission = "none";
  /// Of each edge, with a fleet. Absent: recorded, unbounded, every edge its own.
  std::optional<std::uint64_t> capacity_bytes;
  std::optional<Routing> routing;  ///< with a fleet
  Planning planning = Planning::none;
  std::string capacity_text;  ///< as the user gave it, for tables
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  HitCounts counts;
  std::uint64_t evictions = 0;
  std::uint64_t uncacheable = 0;
  bool is_ceiling = false;
  bool is_baseline = false;
  std::optional<double> origin_peak_bps;
  std::optional<double> origin_p95_bps;
  std::optional<double> requests_per_second;
  std::optional<ReportedChange> change;
  std::optional<FleetCounts> fleet;

  [[nodiscard]] std::optional<double> hit_ratio() const;
  [[nodiscard]] std::optional<double> byte_hit_ratio() const;
  [[nodiscard]] std::uint64_t origin_bytes() const { return counts.origin_bytes(bytes); }
};

/// The outcome of a replay: what every writer writes.
struct Report {
  TraceSummary trace;
  std::vector<ReportedRun> runs;
  bool partial = false;
  std::optional<double> wall_seconds;
  std::shared_ptr<const cache::Fleet> fleet;  ///< null without one
};

/// The baseline by its keys: policy and admission as text with settings (`s3fifo:small=0.1`), a
/// bare policy name for the first run of that policy, `recorded` for the log's own cache. Without
/// any the first given of each; else what is left empty is each run's own.
struct BaselineChoice {
  std::string policy;
  std::string admission;
  std::optional<Routing> routing;
  std::optional<Planning> planning;
};

struct ReportOptions {
  BaselineChoice baseline{};
  std::vector<std::string> capacity_texts;  ///< one a run
  std::uint64_t seed = 0;
  std::shared_ptr<const cache::Fleet> fleet;  ///< of runs with a routing
};

/// Adds up cells, finds rates and changes. Throws cache::ParameterError for a baseline that is none
/// of the runs.
[[nodiscard]] Report make_report(const Trace& trace, const std::vector<Cell>& cells,
                                 const std::vector<RunResult>& runs, const ReportOptions& options);

/// The busiest five minutes and the 95th percentile (nearest rank) of all five-minute windows from
/// the first counted to the last, in bits per second; idle windows count as zero. Absent for traces
/// without real times or whose counted part is shorter than an hour.
struct OriginRates {
  double peak_bps = 0;
  double p95_bps = 0;
};
[[nodiscard]] std::optional<OriginRates> origin_rates(const Trace& trace,
                                                      const std::vector<Cell>& cells,
                                                      const std::vector<HitCounts>& counts);

}  // namespace edgeward::sim
