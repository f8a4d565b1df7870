#include "sim/report/fleet_json.hpp"

#include <boost/json.hpp>
#include <cmath>
#include <optional>

namespace edgeward::sim {

namespace {

namespace json = boost::json;

json::value rounded(double value, double steps) {
  return std::round(value * steps) / steps;
}

/// part / whole · scale; null where there is nothing.
json::value mean(std::uint64_t part, std::uint64_t whole, double scale, double steps) {
  if (whole == 0) return nullptr;
  return rounded(static_cast<double>(part) / static_cast<double>(whole) * scale, steps);
}

json::value ratio_json(std::uint64_t part, std::uint64_t whole) {
  return mean(part, whole, 1, 1e9);
}

json::value milliseconds_json(const std::optional<double>& ms) {
  return ms ? rounded(*ms, 1e3) : json::value(nullptr);
}

json::object edge_json(const ReportedRun& run, const cache::Edge& edge, const EdgeCounts& counts) {
  return {{"edge", edge.name},
          {"requests", counts.requests},
          {"hits", counts.hits},
          {"hit_ratio", ratio_json(counts.hits, counts.requests)},
          {"bytes", counts.bytes},
          {"hit_bytes", counts.hit_bytes},
          {"byte_hit_ratio", ratio_json(counts.hit_bytes, counts.bytes)},
          {"delayed_hits", counts.delayed_hits},
          {"uncacheable", counts.uncacheable},
          {"expired", counts.expired},
          {"fetches", counts.fetches},
          {"fetch_hits", counts.fetch_hits},
          {"origin_bytes", counts.origin_bytes},
          {"peer_bytes", counts.peer_bytes},
          {"overload_requests", counts.overload_requests},
          {"load_ratio_max", rounded(counts.load_ratio_max, 1e6)},
          {"distance_km", mean(counts.distance_m, counts.requests, 1e-3, 1e3)},
          {"latency_ms", mean(counts.latency_us, counts.requests, 1e-3, 1e3)},
          {"capacity_bytes", run.capacity_bytes.value_or(edge.capacity_bytes)},
          {"evictions", counts.evictions},
          {"prefetch_bytes", counts.prefetch_bytes},
          {"prefetch_used_bytes", counts.prefetch_used_bytes},
          {"plans", counts.plans},
          {"plan_share", rounded(counts.plan_share, 1e6)}};
}

json::object reasons_json(const ReportedRun& run) {
  json::object reasons;
  for (std::size_t i = 0; i < kReasons; ++i) {
    const std::uint64_t count = run.fleet->reasons[i];
    const auto reason = static_cast<policy::Reason>(i);
    // The log's choice is nobody's decision.
    const bool is_log = run.routing == Routing::recorded && reason == policy::Reason::best_score;
    if (count > 0) reasons[is_log ? name(Routing::recorded) : name(reason)] = count;
  }
  return reasons;
}

json::value seconds(const Report& report, std::int64_t since_first_ms) {
  return rounded(static_cast<double>(*report.trace.first_at_ms + since_first_ms) / 1000, 1e3);
}

json::object failure_json(const Report& report, const FailureCounts& counts) {
  const std::vector<cache::Edge>& edges = report.fleet->edges;
  json::array who;
  for (std::size_t at = 0; at < edges.size(); ++at) {
    if (counts.before[at] + counts.during[at] == 0) continue;
    who.push_back(
        {{"edge", edges[at].name}, {"before", counts.before[at]}, {"during", counts.during[at]}});
  }
  return {{"edge", edges[cache::index(counts.failure.edge)].name},
          {"from", seconds(report, counts.failure.from_ms)},
          {"until", seconds(report, counts.failure.until_ms)},
          {"unrouted", {{"before", counts.before.back()}, {"during", counts.during.back()}}},
          {"edges", std::move(who)}};
}

}  // namespace

void add_fleet_json(const ReportedRun& run, const Report& report, json::object& result) {
  const FleetCounts& fleet = *run.fleet;
  EdgeCounts sum;
  json::array edges;
  for (std::size_t at = 0; at < fleet.edges.size(); ++at) {
    sum += fleet.edges[at];
    edges.push_back(edge_json(run, report.fleet->edges[at], fleet.edges[at]));
  }
  result["unrouted"] = fleet.unrouted;
  result["overload_requests"] = sum.overload_requests;
  result["distance_km"] = mean(sum.distance_m, sum.requests, 1e-3, 1e3);
  result["reasons"] = reasons_json(run);
  result["latency_ms"] = {{"mean", milliseconds_json(fleet.latency.mean_ms())},
                          {"p50", milliseconds_json(fleet.latency.quantile_ms(0.5))},
                          {"p95", milliseconds_json(fleet.latency.quantile_ms(0.95))},
                          {"p99", milliseconds_json(fleet.latency.quantile_ms(0.99))}};
  result["edges"] = std::move(edges);
  if (fleet.failures.empty()) return;
  json::array failures;
  for (const FailureCounts& counts : fleet.failures) {
    failures.push_back(failure_json(report, counts));
  }
  result["failures"] = std::move(failures);
}

}  // namespace edgeward::sim
