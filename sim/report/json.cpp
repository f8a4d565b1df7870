#include <boost/json.hpp>
#include <cmath>
#include <optional>

#include "policy/json.hpp"
#include "sim/report/fleet_json.hpp"
#include "sim/report/writers.hpp"

namespace edgeward::sim {

namespace {

namespace json = boost::json;

/// Ratios carry nine digits: finer than one request in the longest trace that anyone replays.
json::value nine_decimals(double value) {
  return std::round(value * 1e9) / 1e9;
}

template <class T>
json::value optional_value(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value optional_ratio(const std::optional<double>& value) {
  return value ? nine_decimals(*value) : json::value(nullptr);
}

json::value optional_rate(const std::optional<double>& value) {
  return value ? json::value(std::round(*value * 1e3) / 1e3) : json::value(nullptr);
}

json::value seconds(const std::optional<std::int64_t>& at_ms) {
  if (!at_ms) return nullptr;
  if (*at_ms % 1000 == 0) return *at_ms / 1000;
  return static_cast<double>(*at_ms) / 1000;
}

json::object strings(const std::map<std::string, std::string>& map) {
  json::object result;
  for (const auto& [key, value] : map) result[key] = value;
  return result;
}

json::object trace_json(const TraceSummary& trace) {
  json::object skipped;
  for (std::size_t i = 0; i < kSkipReasons; ++i) {
    if (trace.skipped[i] > 0) skipped[name(static_cast<SkipReason>(i))] = trace.skipped[i];
  }
  return {{"lines", optional_value(trace.lines)},
          {"requests", trace.requests},
          {"bytes", trace.bytes},
          {"unique_objects", trace.unique_objects},
          {"footprint_bytes", trace.footprint_bytes},
          {"first_at", seconds(trace.first_at_ms)},
          {"last_at", seconds(trace.last_at_ms)},
          {"went_back", trace.went_back},
          {"skipped", std::move(skipped)}};
}

json::object change_json(const ReportedChange& change) {
  json::object result{{"hit_ratio", nine_decimals(change.hit_ratio)},
                      {"low", optional_ratio(change.low)},
                      {"high", optional_ratio(change.high)},
                      {"byte_hit_ratio", nine_decimals(change.byte_hit_ratio)},
                      {"origin_bytes", change.origin_bytes}};
  if (change.latency_ms_mean) {
    result["latency_ms_mean"] = std::round(*change.latency_ms_mean * 1e3) / 1e3;
  }
  result["baseline"] = strings(change.baseline);
  return result;
}

json::object run_json(const ReportedRun& run, const Report& report) {
  json::object result{{"policy", run.policy},
                      {"parameters", strings(run.parameters)},
                      {"admission", run.admission},
                      {"capacity_bytes", optional_value(run.capacity_bytes)},
                      {"routing", run.routing ? json::value(name(*run.routing)) : nullptr},
                      {"plan", run.routing ? json::value(name(run.planning)) : nullptr},
                      {"requests", run.requests},
                      {"hits", run.counts.hits},
                      {"hit_ratio", optional_ratio(run.hit_ratio())},
                      {"bytes", run.bytes},
                      {"hit_bytes", run.counts.hit_bytes},
                      {"byte_hit_ratio", optional_ratio(run.byte_hit_ratio())},
                      {"origin_bytes", run.origin_bytes()},
                      {"peer_bytes", run.counts.peer_bytes},
                      {"prefetch_bytes", run.counts.prefetch_bytes},
                      {"prefetch_used_bytes", run.counts.prefetch_used_bytes},
                      {"origin_peak_bps", optional_rate(run.origin_peak_bps)},
                      {"origin_p95_bps", optional_rate(run.origin_p95_bps)},
                      {"evictions", run.evictions},
                      {"uncacheable", run.uncacheable},
                      {"expired", run.counts.expired},
                      {"expired_bytes", run.counts.expired_bytes},
                      {"delayed_hits", run.counts.delayed_hits},
                      {"ceiling", run.is_ceiling}};
  if (run.requests_per_second) {
    result["requests_per_second"] = std::round(*run.requests_per_second);
  }
  if (run.change) result["change"] = change_json(*run.change);
  if (run.fleet) add_fleet_json(run, report, result);
  return result;
}

}  // namespace

std::string report_json(const Report& report) {
  json::array runs;
  for (const ReportedRun& run : report.runs) runs.push_back(run_json(run, report));
  json::object result{{"schema_version", 1},
                      {"partial", report.partial},
                      {"trace", trace_json(report.trace)},
                      {"runs", std::move(runs)}};
  if (report.wall_seconds) result["wall_seconds"] = std::round(*report.wall_seconds * 1e3) / 1e3;
  return policy::json_text(result);
}

}  // namespace edgeward::sim
