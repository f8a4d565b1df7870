#include "sim/report/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>

#include "cache/eviction/registry.hpp"

namespace edgeward::sim {

namespace {

/// Cells are merged to at most this many for the interval, whose cost grows faster than linearly.
constexpr std::size_t kIntervalCellsMax = 1000;
constexpr std::int64_t kRatesSpanMinMs = 60 * 60 * 1000;

std::optional<double> ratio(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

std::size_t counted_cells(const std::vector<Cell>& cells, std::size_t replayed) {
  return static_cast<std::size_t>(
      std::count_if(cells.begin(), cells.begin() + static_cast<std::ptrdiff_t>(replayed),
                    [](const Cell& cell) { return cell.is_counted; }));
}

ReportedRun reported_run(const Trace& trace, const std::vector<Cell>& cells,
                         const RunResult& result) {
  const cache::PolicyKind& kind = cache::policy_kind(result.spec.policy.name);
  ReportedRun run{.policy = result.spec.policy.name,
                  .parameters = result.spec.policy.settings,
                  .admission = result.spec.admission.text(),
                  .evictions = result.evictions,
                  .is_ceiling = kind.is_ceiling};
  run.routing = result.spec.routing;
  run.planning = result.spec.planning;
  run.fleet = result.fleet;
  const bool has_limit = kind.name != "unbounded" && !result.spec.is_fleet_capacity;
  if (has_limit) run.capacity_bytes = result.spec.capacity_bytes;
  std::uint64_t accesses = 0;
  for (std::size_t i = 0; i < result.cells.size(); ++i) {
    accesses += cells[i].stream_end - cells[i].stream_begin;
    if (!cells[i].is_counted) continue;
    run.requests += cells[i].requests;
    run.bytes += cells[i].bytes;
    run.uncacheable += cells[i].uncacheable;
    run.counts += result.cells[i];
  }
  if (const auto rates = origin_rates(trace, cells, result.cells)) {
    run.origin_peak_bps = rates->peak_bps;
    run.origin_p95_bps = rates->p95_bps;
  }
  if (result.seconds && *result.seconds > 0) {
    run.requests_per_second = static_cast<double>(accesses) / *result.seconds;
  }
  return run;
}

std::vector<HitCounts> recorded_counts(const std::vector<Cell>& cells) {
  std::vector<HitCounts> counts;
  for (const Cell& cell : cells) {
    counts.push_back({.hits = cell.recorded_hits, .hit_bytes = cell.recorded_hit_bytes});
  }
  return counts;
}

/// The log's own cache. Its bytes are the bytes sent; requests of which the log says nothing are
/// left out.
std::optional<ReportedRun> recorded_run(const Trace& trace, const std::vector<Cell>& cells) {
  if (trace.recorded.size() == 0) return std::nullopt;
  ReportedRun run{.policy = "recorded"};
  const std::vector<HitCounts> counts = recorded_counts(cells);
  std::vector<Cell> sent = cells;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    sent[i].bytes = cells[i].recorded_bytes;
    if (!cells[i].is_counted) continue;
    run.requests += cells[i].recorded_requests;
    run.bytes += cells[i].recorded_bytes;
    run.uncacheable += cells[i].recorded_uncacheable;
    run.counts += counts[i];
  }
  if (const auto rates = origin_rates(trace, sent, counts)) {
    run.origin_peak_bps = rates->peak_bps;
    run.origin_p95_bps = rates->p95_bps;
  }
  return run;
}

std::vector<PairedCell> paired(const std::vector<Cell>& cells,
                               const std::vector<HitCounts>& baseline,
                               const std::vector<HitCounts>& run) {
  const std::size_t counted = counted_cells(cells, cells.size());
  const std::size_t merged = (counted + kIntervalCellsMax - 1) / kIntervalCellsMax;
  std::vector<PairedCell> pairs;
  std::size_t seen = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (!cells[i].is_counted) continue;
    if (seen++ % merged == 0) pairs.emplace_back();
    pairs.back().requests += cells[i].requests;
    pairs.back().baseline_hits += baseline[i].hits;
    pairs.back().run_hits += run[i].hits;
  }
  return pairs;
}

/// Which run each run is compared with.
class Baselines {
 public:
  Baselines(const std::vector<RunResult>& runs, const BaselineChoice& choice) : runs_(runs) {
    if (runs.empty()) return;
    const bool is_default =
        choice.policy.empty() && choice.admission.empty() && !choice.routing && !choice.planning;
    names_policy_ = !choice.policy.empty() || is_default;
    policy_ = choice.policy.empty() ? runs.front().spec.policy.text() : choice.policy;
    names_admission_ = !choice.admission.empty();
    admission_ = choice.admission;
    const bool admissions_differ = std::any_of(runs.begin(), runs.end(), [&](const RunResult& run) {
      return run.spec.admission != runs.front().spec.admission;
    });
    if (is_default && admissions_differ) {
      names_admission_ = true;
      admission_ = runs.front().spec.admission.text();
    }
    names_routing_ = choice.routing.has_value();
    routing_ = choice.routing.value_or(Routing::nearest);
    const bool routings_differ = std::any_of(runs.begin(), runs.end(), [&](const RunResult& run) {
      return run.spec.routing != runs.front().spec.routing;
    });
    if (is_default && routings_differ) {
      names_routing_ = true;
      routing_ = *runs.front().spec.routing;
    }
    const bool plans_differ = std::any_of(runs.begin(), runs.end(), [&](const RunResult& run) {
      return run.spec.planning != runs.front().spec.planning;
    });
    names_planning_ = choice.planning.has_value() || (is_default && plans_differ);
    planning_ = choice.planning.value_or(runs.front().spec.planning);
    if (is_recorded()) return;
    settle_policy();
    if (names_routing_ && std::none_of(runs.begin(), runs.end(), [&](const RunResult& run) {
          return run.spec.routing == routing_;
        })) {
      throw cache::ParameterError(
          fmt::format("--baseline routing={}: no run has that routing", name(routing_)));
    }
    if (names_planning_ && std::none_of(runs.begin(), runs.end(), [&](const RunResult& run) {
          return run.spec.planning == planning_;
        })) {
      throw cache::ParameterError(
          fmt::format("--baseline plan={}: no run has that plan", name(planning_)));
    }
    if (names_admission_ && std::none_of(runs.begin(), runs.end(), [&](const RunResult& run) {
          return run.spec.admission.text() == admission_;
        })) {
      throw cache::ParameterError(
          fmt::format("--baseline admission={}: no run has that admission", admission_));
    }
  }

  /// The log's own cache: one row, whatever the capacity.
  [[nodiscard]] bool is_recorded() const { return policy_ == "recorded"; }

  /// The run at the same capacity, and the same in all that the baseline's name leaves open.
  [[nodiscard]] const RunResult* of(const RunSpec& run) const {
    RunSpec wanted = run;
    if (names_routing_) wanted.routing = routing_;
    if (names_planning_) wanted.planning = planning_;
    const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const RunResult& other) {
      const RunSpec& spec = other.spec;
      return spec.capacity_bytes == wanted.capacity_bytes &&
             spec.is_fleet_capacity == wanted.is_fleet_capacity && spec.routing == wanted.routing &&
             spec.planning == wanted.planning &&
             (names_policy_ ? spec.policy.text() == policy_ : spec.policy == wanted.policy) &&
             (names_admission_ ? spec.admission.text() == admission_
                               : spec.admission == wanted.admission);
    });
    return found == runs_.end() ? nullptr : &*found;
  }

  [[nodiscard]] std::map<std::string, std::string> keys() const {
    std::map<std::string, std::string> result;
    if (names_policy_) result["policy"] = policy_;
    if (names_admission_) result["admission"] = admission_;
    if (names_routing_) result["routing"] = name(routing_);
    if (names_planning_) result["plan"] = name(planning_);
    return result;
  }

 private:
  /// A bare name stands for the first run of that policy, whatever its settings.
  void settle_policy() {
    if (!names_policy_) return;
    const auto exact = std::find_if(runs_.begin(), runs_.end(), [&](const RunResult& run) {
      return run.spec.policy.text() == policy_;
    });
    if (exact != runs_.end()) return;
    const auto by_name = std::find_if(runs_.begin(), runs_.end(), [&](const RunResult& run) {
      return run.spec.policy.name == policy_;
    });
    if (by_name == runs_.end()) {
      throw cache::ParameterError(
          fmt::format("--baseline policy={}: no run has that policy", policy_));
    }
    policy_ = by_name->spec.policy.text();
  }

  const std::vector<RunResult>& runs_;
  bool names_policy_ = false;
  bool names_admission_ = false;
  bool names_routing_ = false;
  bool names_planning_ = false;
  Routing routing_ = Routing::nearest;
  Planning planning_ = Planning::none;
  std::string policy_;
  std::string admission_;
};

/// Run minus baseline, with its interval if `pairs` has enough cells.
ReportedChange change_between(const ReportedRun& baseline, const ReportedRun& run,
                              const std::vector<PairedCell>& pairs, std::uint64_t seed) {
  ReportedChange change{
      .hit_ratio = run.hit_ratio().value_or(0) - baseline.hit_ratio().value_or(0),
      .byte_hit_ratio = run.byte_hit_ratio().value_or(0) - baseline.byte_hit_ratio().value_or(0),
      .origin_bytes = static_cast<std::int64_t>(run.origin_bytes()) -
                      static_cast<std::int64_t>(baseline.origin_bytes())};
  if (run.fleet && baseline.fleet) {
    change.latency_ms_mean =
        run.fleet->latency.mean_ms().value_or(0) - baseline.fleet->latency.mean_ms().value_or(0);
  }
  if (const auto interval = hit_ratio_change(pairs, {.seed = seed})) {
    change.low = interval->low;
    change.high = interval->high;
  }
  return change;
}

}  // namespace

std::optional<double> ReportedRun::hit_ratio() const {
  return ratio(counts.hits, requests);
}

std::optional<double> ReportedRun::byte_hit_ratio() const {
  return ratio(counts.hit_bytes, bytes);
}

std::optional<OriginRates> origin_rates(const Trace& trace, const std::vector<Cell>& cells,
                                        const std::vector<HitCounts>& counts) {
  if (!has_windows(trace)) return std::nullopt;
  std::map<std::int64_t, std::uint64_t> bytes_by_window;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (cells[i].is_counted) {
      bytes_by_window[cells[i].window] += counts[i].origin_bytes(cells[i].bytes);
    }
  }
  if (bytes_by_window.empty()) return std::nullopt;
  const std::int64_t windows = bytes_by_window.rbegin()->first - bytes_by_window.begin()->first + 1;
  const std::int64_t span_ms = *trace.summary.last_at_ms - *trace.summary.first_at_ms;
  if (span_ms < kRatesSpanMinMs || windows * kWindowMs < kRatesSpanMinMs) return std::nullopt;

  std::vector<std::uint64_t> bytes;
  for (const auto& [window, sum] : bytes_by_window) bytes.push_back(sum);
  std::sort(bytes.begin(), bytes.end());
  // Nearest rank from the top, so that the idle windows need not be written out.
  const auto rank = static_cast<std::int64_t>(std::ceil(0.95 * static_cast<double>(windows)));
  const std::int64_t from_top = windows - rank;
  const auto kept = static_cast<std::int64_t>(bytes.size());
  const std::uint64_t p95 =
      from_top < kept ? bytes[static_cast<std::size_t>(kept - 1 - from_top)] : 0;
  constexpr double kBitsPerByteSecond = 8.0 * 1000 / kWindowMs;
  return OriginRates{.peak_bps = static_cast<double>(bytes.back()) * kBitsPerByteSecond,
                     .p95_bps = static_cast<double>(p95) * kBitsPerByteSecond};
}

Report make_report(const Trace& trace, const std::vector<Cell>& cells,
                   const std::vector<RunResult>& runs, const ReportOptions& options) {
  Report report{.trace = trace.summary,
                .runs = {},
                .partial = trace.summary.partial,
                .wall_seconds = {},
                .fleet = options.fleet};
  const Baselines baselines(runs, options.baseline);
  const auto recorded = recorded_run(trace, cells);
  if (baselines.is_recorded() && !recorded && !runs.empty()) {
    throw cache::ParameterError(
        "--baseline policy=recorded: the log does not say what its own cache did");
  }
  if (recorded) report.runs.push_back(*recorded);
  const std::size_t first = report.runs.size();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    report.runs.push_back(reported_run(trace, cells, runs[i]));
    report.runs.back().capacity_text = options.capacity_texts[i];
    report.partial = report.partial || runs[i].cells.size() < cells.size();
  }
  for (std::size_t i = 0; i < runs.size(); ++i) {
    ReportedRun& row = report.runs[first + i];
    if (runs[i].cells.size() < cells.size() || row.requests == 0) continue;
    if (baselines.is_recorded()) {
      // Paired only where the log says it of every request.
      const bool is_paired = recorded->requests == row.requests;
      const auto pairs = is_paired ? paired(cells, recorded_counts(cells), runs[i].cells)
                                   : std::vector<PairedCell>{};
      row.change = change_between(*recorded, row, pairs, options.seed);
      row.change->baseline = baselines.keys();
      continue;
    }
    const bool has_capacity = row.capacity_bytes || runs[i].spec.is_fleet_capacity;
    const RunResult* const baseline = has_capacity ? baselines.of(runs[i].spec) : nullptr;
    if (baseline == nullptr) continue;
    row.is_baseline = baseline == &runs[i];
    if (row.is_baseline || baseline->cells.size() < cells.size()) continue;
    const auto at = static_cast<std::size_t>(baseline - runs.data());
    row.change = change_between(report.runs[first + at], row,
                                paired(cells, baseline->cells, runs[i].cells), options.seed);
    row.change->baseline = baselines.keys();
  }
  return report;
}

}  // namespace edgeward::sim
