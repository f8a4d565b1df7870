#include "controller/service/metrics.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <string_view>
#include <utility>
#include <vector>

namespace edgeward::controller {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Gathers families, each a name with its values by label.
class Families {
 public:
  void add(std::string name, std::string help, MetricType type) {
    families_.push_back(
        {.name = std::move(name), .help = std::move(help), .type = type, .metric = {}});
  }
  void value(double value, std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
  }
  void count(std::uint64_t value, std::vector<ClientMetric::Label> labels = {}) {
    this->value(static_cast<double>(value), std::move(labels));
  }
  [[nodiscard]] std::string text() const {
    return prometheus::TextSerializer().Serialize(families_);
  }

 private:
  std::vector<MetricFamily> families_;
};

constexpr std::array<std::pair<std::size_t, std::string_view>, 8> kDnsNames{{
    {0, "NOERROR"},
    {1, "FORMERR"},
    {2, "SERVFAIL"},
    {3, "NXDOMAIN"},
    {4, "NOTIMP"},
    {5, "REFUSED"},
    {16, "BADVERS"},
    {23, "BADCOOKIE"},
}};

void add_totals(const Totals& totals, Families& out) {
  out.add("edgeward_decisions_total", "Decisions by reason.", MetricType::Counter);
  for (std::size_t i = 0; i < kReasonCount; ++i) {
    out.count(totals.by_reason[i],
              {{"reason", std::string(policy::name(static_cast<policy::Reason>(i)))}});
  }
  out.add("edgeward_http_answers_total", "HTTP answers by class of status.", MetricType::Counter);
  for (std::size_t i = 1; i < totals.http_by_class.size(); ++i) {
    out.count(totals.http_by_class[i], {{"status", fmt::format("{}xx", i)}});
  }
  out.add("edgeward_dns_answers_total", "DNS answers by code.", MetricType::Counter);
  for (const auto& [code, name] : kDnsNames) {
    out.count(totals.dns_by_code[code], {{"code", std::string(name)}});
  }
  out.add("edgeward_dns_limited_total",
          "DNS answers beyond a network's rate, by what became of them.", MetricType::Counter);
  for (const DnsLimited limited :
       {DnsLimited::dropped, DnsLimited::truncated, DnsLimited::bad_cookie}) {
    out.count(totals.dns_limited[static_cast<std::size_t>(limited)],
              {{"result", std::string(name(limited))}});
  }
}

void add_edges(const std::vector<EdgeView>& edges, Families& out) {
  const auto each = [&](std::string name, std::string help, const auto& value) {
    out.add(std::move(name), std::move(help), MetricType::Gauge);
    for (const EdgeView& edge : edges) out.value(value(edge), {{"edge", edge.name}});
  };
  each("edgeward_edge_candidate", "Whether the edge may get clients.",
       [](const EdgeView& edge) { return edge.exclusion == policy::Exclusion::none ? 1.0 : 0.0; });
  each("edgeward_edge_drained", "Whether the operator drained the edge.",
       [](const EdgeView& edge) { return edge.is_drained ? 1.0 : 0.0; });
  each("edgeward_edge_load_ratio", "Load that the edge reported, of what it can take.",
       [](const EdgeView& edge) { return edge.state.load_ratio; });
  each("edgeward_edge_requests_per_second", "Clients sent to the edge in the last tick.",
       [](const EdgeView& edge) { return edge.requests_per_second; });
  each("edgeward_edge_fair_share_requests_per_second",
       "What the edge may take by the last tick's demand.",
       [](const EdgeView& edge) { return edge.fair_share; });
}

}  // namespace

std::string metrics_text(const Publisher& publisher, std::int64_t now_ms) {
  Families out;
  out.add("edgeward_build_info", "1, with the version as a label.", MetricType::Gauge);
  out.value(1, {{"version", EDGEWARD_VERSION}});
  const Publisher::Snapshot snapshot = publisher.current();
  out.add("edgeward_snapshot_version", "Number of the snapshot that answers.", MetricType::Gauge);
  out.count(snapshot->version);
  out.add("edgeward_snapshot_age_seconds", "Since it was published.", MetricType::Gauge);
  out.value(static_cast<double>(now_ms - snapshot->published_at_ms) / 1000);
  const ReloadStatus reloads = publisher.reloads();
  out.add("edgeward_reloads_total", "Reloads by what came of them.", MetricType::Counter);
  out.count(reloads.taken, {{"result", "taken"}});
  out.count(reloads.refused, {{"result", "refused"}});
  out.add("edgeward_last_reload_refused",
          "1 while the configuration in force is not the one that was to be loaded last.",
          MetricType::Gauge);
  out.value(reloads.last_error.empty() ? 0 : 1);
  add_totals(publisher.totals(), out);
  add_edges(publisher.edges(now_ms), out);
  return out.text();
}

}  // namespace edgeward::controller
