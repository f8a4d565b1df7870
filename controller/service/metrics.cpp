#include "controller/service/metrics.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

/// What stands for the services beyond kServicesCounted; no service can have that name.
constexpr const char* kOtherService = "(other)";

/// Gathers families, each a name with its values by label.
class Families {
 public:
  void add(std::string name, std::string help, MetricType type) {
    families_.push_back(
        {.name = std::move(name), .help = std::move(help), .type = type, .metric = {}});
  }
  void value(double value, Labels labels = {}) {
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    if (families_.back().type == MetricType::Counter) {
      metric.counter.value = value;
    } else {
      metric.gauge.value = value;
    }
  }
  void count(std::uint64_t value, Labels labels = {}) {
    this->value(static_cast<double>(value), std::move(labels));
  }
  void durations(const DurationCounts& durations, Labels labels) {
    ClientMetric& metric = families_.back().metric.emplace_back();
    metric.label = std::move(labels);
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < DurationCounts::kBoundsNs.size(); ++i) {
      sum += durations.counts()[i];
      metric.histogram.bucket.push_back(
          {.cumulative_count = sum,
           .upper_bound = static_cast<double>(DurationCounts::kBoundsNs[i]) / 1e9});
    }
    metric.histogram.sample_count = sum + durations.counts().back();
    metric.histogram.sample_sum = static_cast<double>(durations.sum_ns()) / 1e9;
  }

  // A family of one value.
  void gauge(std::string name, std::string help, double value) {
    add(std::move(name), std::move(help), MetricType::Gauge);
    this->value(value);
  }
  void counter(std::string name, std::string help, double value) {
    add(std::move(name), std::move(help), MetricType::Counter);
    this->value(value);
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

double seconds(std::int64_t ms) {
  return static_cast<double>(ms) / 1000;
}

void add_decisions(const Totals& totals, Families& out) {
  out.add("edgeward_decisions_total",
          "Decisions by reason, by how the client's place is known, and by service.",
          MetricType::Counter);
  const auto add_service = [&](std::size_t slot, const std::string& service) {
    for (std::size_t s = 0; s < kSourceCount; ++s) {
      for (std::size_t r = 0; r < kReasonCount; ++r) {
        const auto source = static_cast<geo::LocationSource>(s);
        const auto reason = static_cast<policy::Reason>(r);
        out.count(totals.decisions.count(slot, source, reason),
                  {{"reason", std::string(policy::name(reason))},
                   {"source", std::string(geo::name(source))},
                   {"service", service}});
      }
    }
  };
  for (std::size_t i = 0; i < totals.services.size(); ++i) add_service(i, totals.services[i]);
  if (totals.services.size() == kServicesCounted) add_service(kOtherServices, kOtherService);
}

void add_decision_log(const TrafficCounts& traffic, Families& out) {
  out.add("edgeward_logged_decisions_total",
          "Decisions that were to be logged, by what became of them.", MetricType::Counter);
  out.count(traffic.logged_decisions, {{"result", "logged"}});
  out.count(traffic.unlogged_decisions, {{"result", "dropped"}});
}

void add_http(const TrafficCounts& traffic, Families& out) {
  constexpr std::array kHttp{ListenerKind::clients, ListenerKind::admin};
  out.add("edgeward_http_answers_total", "HTTP answers by listener and class of status.",
          MetricType::Counter);
  for (const ListenerKind listener : kHttp) {
    const HttpCounts& http = traffic.at(listener);
    for (std::size_t i = 1; i < http.by_class.size(); ++i) {
      out.count(http.by_class[i],
                {{"listener", std::string(name(listener))}, {"status", fmt::format("{}xx", i)}});
    }
  }
  out.add("edgeward_http_request_duration_seconds",
          "From the read that brought the end of a request to the end of its answer's write.",
          MetricType::Histogram);
  for (const ListenerKind listener : kHttp) {
    out.durations(traffic.at(listener).durations, {{"listener", std::string(name(listener))}});
  }
}

void add_dns(const TrafficCounts& traffic, Families& out) {
  out.add("edgeward_dns_answers_total", "DNS answers by transport and response code.",
          MetricType::Counter);
  for (const DnsTransport transport : kDnsTransports) {
    for (const auto& [code, code_name] : kDnsNames) {
      out.count(traffic.at(transport).by_code[code],
                {{"transport", std::string(name(transport))}, {"code", std::string(code_name)}});
    }
  }
  out.add("edgeward_dns_request_duration_seconds",
          "From the read that brought a query to the end of its answer's write; over UDP those "
          "of a batch took as long as the batch.",
          MetricType::Histogram);
  for (const DnsTransport transport : kDnsTransports) {
    out.durations(traffic.at(transport).durations, {{"transport", std::string(name(transport))}});
  }
}

void add_connections(const TrafficCounts& traffic, Families& out) {
  const auto each = [&](std::string family, std::string help, MetricType type, const auto& value) {
    out.add(std::move(family), std::move(help), type);
    for (const ListenerKind listener : kListenerKinds) {
      out.count(value(traffic.connections_of(listener)),
                {{"listener", std::string(name(listener))}});
    }
  };
  each("edgeward_connections", "TCP connections that are open.", MetricType::Gauge,
       [](const ConnectionCounts& counts) { return counts.opened - counts.closed; });
  each("edgeward_connections_opened_total", "TCP connections taken.", MetricType::Counter,
       [](const ConnectionCounts& counts) { return counts.opened; });
  out.add("edgeward_connections_refused_total",
          "TCP connections refused, by the limit that they were over.", MetricType::Counter);
  for (const ListenerKind listener : kListenerKinds) {
    const ConnectionCounts& counts = traffic.connections_of(listener);
    const std::string kind(name(listener));
    out.count(counts.refused, {{"listener", kind}, {"limit", "connections"}});
    out.count(counts.refused_peer, {{"listener", kind}, {"limit", "connections_per_peer"}});
    out.count(counts.refused_delay, {{"listener", kind}, {"limit", "delay"}});
  }
  out.add("edgeward_connections_timed_out_total",
          "TCP connections ended by the service, by what did not come in time.",
          MetricType::Counter);
  for (const ListenerKind listener : kListenerKinds) {
    for (const TimedOut why : kTimeouts) {
      out.count(
          traffic.connections_of(listener).timed_out[static_cast<std::size_t>(why)],
          {{"listener", std::string(name(listener))}, {"waiting_for", std::string(name(why))}});
    }
  }
  out.add("edgeward_dns_limited_total",
          "DNS answers beyond a network's rate, by what became of them.", MetricType::Counter);
  for (const DnsLimited limited :
       {DnsLimited::dropped, DnsLimited::truncated, DnsLimited::bad_cookie}) {
    std::uint64_t count = 0;
    for (const DnsCounts& counts : traffic.dns) {
      count += counts.limited[static_cast<std::size_t>(limited)];
    }
    out.count(count, {{"result", std::string(name(limited))}});
  }
}

void add_tls(const TrafficCounts& traffic, const TlsContexts& tls, Families& out) {
  out.add("edgeward_tls_handshakes_total", "TLS handshakes that were begun, by what came of them.",
          MetricType::Counter);
  for (const ListenerKind listener : {ListenerKind::clients, ListenerKind::admin}) {
    const ConnectionCounts& counts = traffic.connections_of(listener);
    const std::string kind(name(listener));
    out.count(counts.handshakes_done, {{"listener", kind}, {"result", "done"}});
    out.count(counts.handshakes_failed, {{"listener", kind}, {"result", "failed"}});
  }
  out.add(
      "edgeward_tls_certificate_expiry_timestamp_seconds",
      "When the first certificate expires of those that new connections are shown; absent where "
      "the listener speaks plain HTTP.",
      MetricType::Gauge);
  const auto add_expiry = [&](const std::shared_ptr<const TlsContext>& one, ListenerKind listener) {
    if (one == nullptr) return;
    out.value(static_cast<double>(one->expires_at_s()),
              {{"listener", std::string(name(listener))}});
  };
  add_expiry(tls.clients, ListenerKind::clients);
  add_expiry(tls.admin, ListenerKind::admin);
}

void add_edges(const std::vector<EdgeView>& edges, Families& out) {
  const auto each = [&](std::string name, std::string help, MetricType type, const auto& value) {
    out.add(std::move(name), std::move(help), type);
    for (const EdgeView& edge : edges) {
      out.value(static_cast<double>(value(edge)), {{"edge", edge.name}});
    }
  };
  out.add("edgeward_edge_mode", "1 for the mode that routing takes the edge for, 0 for the others.",
          MetricType::Gauge);
  for (const EdgeView& edge : edges) {
    for (const cache::EdgeMode mode : cache::kEdgeModes) {
      out.count(edge.state.mode == mode ? 1 : 0,
                {{"edge", edge.name}, {"mode", std::string(cache::name(mode))}});
    }
  }
  each("edgeward_edge_candidate", "Whether the edge may get clients.", MetricType::Gauge,
       [](const EdgeView& edge) { return edge.exclusion == policy::Exclusion::none; });
  each("edgeward_edge_shield", "Whether it serves other edges and gets no clients.",
       MetricType::Gauge,
       [](const EdgeView& edge) { return edge.exclusion == policy::Exclusion::shield; });
  each("edgeward_edge_drained", "Whether the operator drained the edge.", MetricType::Gauge,
       [](const EdgeView& edge) { return edge.is_drained; });
  out.add("edgeward_edge_hit_ratio",
          "Hits of the requests that the edge reported lately; absent where it reports none.",
          MetricType::Gauge);
  for (const EdgeView& edge : edges) {
    if (edge.hit_ratio) out.value(*edge.hit_ratio, {{"edge", edge.name}});
  }
  each("edgeward_edge_load_ratio", "Load that the edge reported, of what it can take.",
       MetricType::Gauge, [](const EdgeView& edge) { return edge.state.load_ratio; });
  each("edgeward_edge_max_load_ratio", "Load from which the edge gets no clients.",
       MetricType::Gauge, [](const EdgeView& edge) { return edge.max_load; });
  each(
      "edgeward_edge_admitted_ratio",
      "Of the clients that wanted the edge in the last tick, the part that it took; 1 without any.",
      MetricType::Gauge, [](const EdgeView& edge) { return edge.admitted_ratio; });
  each("edgeward_edge_requests_per_second", "Clients sent to the edge in the last tick.",
       MetricType::Gauge, [](const EdgeView& edge) { return edge.requests_per_second; });
  each("edgeward_edge_fair_share_requests_per_second",
       "What the edge may take by the last tick's demand.", MetricType::Gauge,
       [](const EdgeView& edge) { return edge.fair_share; });
  each("edgeward_edge_decisions_total", "Decisions that named the edge.", MetricType::Counter,
       [](const EdgeView& edge) { return edge.counts.decisions; });
  each("edgeward_edge_wanted_total", "Decisions that would have named it were no edge full.",
       MetricType::Counter, [](const EdgeView& edge) { return edge.counts.wanted; });
  each("edgeward_edge_refused_total", "Of those, the ones that its admit share sent elsewhere.",
       MetricType::Counter, [](const EdgeView& edge) { return edge.counts.refused; });
}

void add_snapshot(const Publisher& publisher, const MetricsMoment& moment, Families& out) {
  const Publisher::Snapshot snapshot = publisher.current();
  out.gauge("edgeward_ready", "1 while /readyz says so.", moment.is_ready ? 1 : 0);
  out.gauge("edgeward_snapshot_version", "Number of the snapshot that answers.",
            static_cast<double>(snapshot->version));
  out.gauge("edgeward_snapshot_age_seconds", "Since it was published.",
            seconds(moment.now_ms - snapshot->published_at_ms));
}

void add_configuration(const Publisher& publisher, Families& out) {
  const ReloadStatus reloads = publisher.reloads();
  out.add("edgeward_reloads_total", "Reloads by what came of them.", MetricType::Counter);
  out.count(reloads.taken, {{"result", "taken"}});
  out.count(reloads.refused, {{"result", "refused"}});
  out.gauge("edgeward_last_reload_refused",
            "1 while the configuration in force is not the one that was to be loaded last.",
            reloads.last_error.empty() ? 0 : 1);
  out.gauge("edgeward_last_reload_taken_timestamp_seconds",
            "When the configuration in force was taken over.", seconds(reloads.taken_at_ms));
  out.gauge("edgeward_last_reload_refused_timestamp_seconds",
            "When a reload was refused last; 0: never.", seconds(reloads.refused_at_ms));
  out.add("edgeward_database_build_timestamp_seconds",
          "When the location database was made, as it says itself.", MetricType::Gauge);
  for (const DatabaseFacts& database : publisher.databases()) {
    out.count(database.built_at_s, {{"database", sim::printable(database.file)},
                                    {"type", sim::printable(database.type)}});
  }
}

void add_plans(const PlanStatus& plans, Families& out) {
  const auto each = [&](std::string name, std::string help, MetricType type, const auto& value) {
    out.add(std::move(name), std::move(help), type);
    for (const EdgeProgress& edge : plans.edges) {
      if (const std::optional<double> one = value(edge)) out.value(*one, {{"edge", edge.edge}});
    }
  };
  using Value = std::optional<double>;
  out.gauge("edgeward_planner", "1 while this controller is the one that plans.",
            plans.is_leader ? 1 : 0);
  each("edgeward_edge_store_reachable", "Whether the edge's Redis could be read the last time.",
       MetricType::Gauge,
       [](const EdgeProgress& edge) { return Value(edge.is_reachable ? 1 : 0); });
  each("edgeward_edge_requests_lag_seconds",
       "From a request at the edge to its being read here, of the last one that was.",
       MetricType::Gauge, [](const EdgeProgress& edge) {
         return edge.lag_ms ? Value(seconds(*edge.lag_ms)) : Value();
       });
  each("edgeward_edge_requests_read_total", "Requests of the edge that were read from its Redis.",
       MetricType::Counter,
       [](const EdgeProgress& edge) { return Value(static_cast<double>(edge.requests)); });
  each("edgeward_edge_request_entries_lost_total",
       "Entries of the edge's requests that were trimmed before they were read.",
       MetricType::Counter,
       [](const EdgeProgress& edge) { return Value(static_cast<double>(edge.lost_entries)); });
  each("edgeward_plan_share", "Of the edge's capacity, what plans may have.", MetricType::Gauge,
       [](const EdgeProgress& edge) { return Value(edge.share); });
  each("edgeward_plan_actions", "Actions of the plan that the edge has.", MetricType::Gauge,
       [](const EdgeProgress& edge) {
         return edge.plan ? Value(static_cast<double>(edge.plan->actions)) : Value();
       });
  each("edgeward_plan_actions_done", "Of these, the ones that were done.", MetricType::Gauge,
       [](const EdgeProgress& edge) {
         return edge.plan ? Value(static_cast<double>(edge.plan->done)) : Value();
       });
  each("edgeward_plan_actions_failed", "Of these, the ones that were given up.", MetricType::Gauge,
       [](const EdgeProgress& edge) {
         return edge.plan ? Value(static_cast<double>(edge.plan->failed)) : Value();
       });
  const auto calibrated = [](const EdgeProgress& edge) -> const Calibration* {
    const auto known =
        std::find_if(edge.calibration.rbegin(), edge.calibration.rend(),
                     [](const Calibration& one) { return one.realised.has_value(); });
    return known == edge.calibration.rend() ? nullptr : &*known;
  };
  each("edgeward_plan_predicted_hit_ratio",
       "Hit ratio that the last plan but the one in force was to bring.", MetricType::Gauge,
       [&](const EdgeProgress& edge) {
         const Calibration* const one = calibrated(edge);
         return one != nullptr ? Value(one->predicted) : Value();
       });
  each("edgeward_plan_realised_hit_ratio", "Hit ratio that came while it was in force.",
       MetricType::Gauge, [&](const EdgeProgress& edge) {
         const Calibration* const one = calibrated(edge);
         return one != nullptr ? Value(*one->realised) : Value();
       });
}

void add_catalog_counts(const ServedCatalog::Counts& catalog, Families& out) {
  out.gauge("edgeward_catalog_contents", "Contents that the catalogue has.",
            static_cast<double>(catalog.entries));
  out.gauge("edgeward_catalog_contents_max", "Contents that it may have.",
            static_cast<double>(catalog.entries_max));
  out.counter("edgeward_catalog_refused_total", "Contents dropped since it was full.",
              static_cast<double>(catalog.refused));
  out.add("edgeward_catalog_events_total",
          "Reported requests: viewed, of contents that it has; dropped, since too many waited.",
          MetricType::Counter);
  out.count(catalog.views, {{"result", "viewed"}});
  out.count(catalog.unread_events, {{"result", "dropped"}});
  if (!catalog.is_store_good) return;
  out.gauge("edgeward_catalog_store_up", "Whether its store took what it was given last.",
            *catalog.is_store_good ? 1 : 0);
}

/// Named as all Prometheus clients name them.
void add_process(const ProcessUsage& process, Families& out) {
  out.counter("process_cpu_seconds_total", "CPU time used.", process.cpu_seconds);
  out.gauge("process_start_time_seconds", "When it was started.", process.started_at_s);
  out.gauge("process_resident_memory_bytes", "Memory in use.",
            static_cast<double>(process.resident_bytes));
  out.gauge("process_virtual_memory_bytes", "Memory mapped.",
            static_cast<double>(process.virtual_bytes));
  out.gauge("process_open_fds", "Open files and sockets.", static_cast<double>(process.open_files));
  out.gauge("process_max_fds", "How many may be open.",
            static_cast<double>(process.open_files_max));
  out.gauge("process_threads", "Threads.", static_cast<double>(process.threads));
}

}  // namespace

std::string metrics_text(const Publisher& publisher, const MetricsMoment& moment) {
  Families out;
  out.add("edgeward_build_info", "1, with what was built as labels.", MetricType::Gauge);
  out.value(1, {{"version", EDGEWARD_VERSION}, {"compiler", __VERSION__}});
  const Totals totals = publisher.totals();
  add_snapshot(publisher, moment, out);
  add_configuration(publisher, out);
  add_decisions(totals, out);
  add_decision_log(totals.traffic, out);
  add_http(totals.traffic, out);
  add_dns(totals.traffic, out);
  add_connections(totals.traffic, out);
  add_tls(totals.traffic, publisher.tls(), out);
  add_edges(publisher.edges(moment.now_ms), out);
  if (moment.plans != nullptr) add_plans(*moment.plans, out);
  if (moment.catalog) add_catalog_counts(*moment.catalog, out);
  add_process(moment.process, out);
  return out.text();
}

}  // namespace edgeward::controller
