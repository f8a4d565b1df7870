#include <fmt/format.h>

#include <optional>
#include <vector>

#include "cache/parameters.hpp"
#include "sim/report/csv_field.hpp"
#include "sim/report/writers.hpp"

namespace edgeward::sim {

namespace {

template <class T>
std::string number_field(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : std::string{};
}

std::string ratio_field(const std::optional<double>& value) {
  return value ? fmt::format("{:.9f}", *value) : std::string{};
}

std::string rate_field(const std::optional<double>& value) {
  return value ? fmt::format("{:.0f}", *value) : std::string{};
}

std::string ms_field(const std::optional<double>& ms) {
  return ms ? fmt::format("{:.3f}", *ms) : std::string{};
}

void add_fleet_fields(const ReportedRun& run, std::vector<std::string>& fields) {
  if (!run.fleet) {
    fields.resize(fields.size() + 13);
    return;
  }
  const FleetCounts& fleet = *run.fleet;
  std::uint64_t overload = 0;
  for (const EdgeCounts& edge : fleet.edges) overload += edge.overload_requests;
  fields.emplace_back(name(*run.routing));
  for (const std::uint64_t count :
       {run.counts.peer_bytes, run.counts.delayed_hits, fleet.unrouted, overload}) {
    fields.push_back(fmt::format("{}", count));
  }
  fields.push_back(ms_field(fleet.latency.mean_ms()));
  for (const double quantile : {0.5, 0.95, 0.99}) {
    fields.push_back(ms_field(fleet.latency.quantile_ms(quantile)));
  }
  fields.push_back(ms_field(run.change ? run.change->latency_ms_mean : std::nullopt));
  fields.emplace_back(name(run.planning));
  fields.push_back(fmt::format("{}", run.counts.prefetch_bytes));
  fields.push_back(fmt::format("{}", run.counts.prefetch_used_bytes));
}

}  // namespace

std::string report_csv(const Report& report) {
  std::string out =
      "policy,parameters,admission,capacity_bytes,requests,hits,hit_ratio,bytes,hit_bytes,"
      "byte_hit_ratio,origin_bytes,origin_peak_bps,origin_p95_bps,evictions,uncacheable,expired,"
      "ceiling,requests_per_second,change_hit_ratio,change_low,change_high,change_byte_hit_ratio,"
      "change_origin_bytes,routing,peer_bytes,delayed_hits,unrouted,overload_requests,latency_mean_"
      "ms,"
      "latency_p50_ms,latency_p95_ms,latency_p99_ms,change_latency_ms,plan,prefetch_bytes,"
      "prefetch_used_bytes\n";
  for (const ReportedRun& run : report.runs) {
    const cache::NamedSettings settings{.name = {}, .settings = run.parameters};
    const std::string parameters = settings.text();
    std::vector<std::string> fields{
        csv_text_field(run.policy),
        csv_text_field(parameters.empty() ? parameters : parameters.substr(1)),
        csv_text_field(run.admission),
        number_field(run.capacity_bytes),
        fmt::format("{}", run.requests),
        fmt::format("{}", run.counts.hits),
        ratio_field(run.hit_ratio()),
        fmt::format("{}", run.bytes),
        fmt::format("{}", run.counts.hit_bytes),
        ratio_field(run.byte_hit_ratio()),
        fmt::format("{}", run.origin_bytes()),
        rate_field(run.origin_peak_bps),
        rate_field(run.origin_p95_bps),
        fmt::format("{}", run.evictions),
        fmt::format("{}", run.uncacheable),
        fmt::format("{}", run.counts.expired),
        run.is_ceiling ? "true" : "false",
        rate_field(run.requests_per_second)};
    if (run.change) {
      fields.push_back(ratio_field(run.change->hit_ratio));
      fields.push_back(ratio_field(run.change->low));
      fields.push_back(ratio_field(run.change->high));
      fields.push_back(ratio_field(run.change->byte_hit_ratio));
      fields.push_back(fmt::format("{}", run.change->origin_bytes));
    } else {
      fields.resize(fields.size() + 5);
    }
    add_fleet_fields(run, fields);
    out += fmt::format("{}\n", fmt::join(fields, ","));
  }
  return out;
}

}  // namespace edgeward::sim
