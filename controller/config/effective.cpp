#include "controller/config/effective.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "controller/config/quantity.hpp"

namespace edgeward::controller {

namespace {

/// Lines of block YAML, indented by two spaces a level.
class YamlWriter {
 public:
  template <class Value>
  void line(std::string_view key, const Value& value) {
    fmt::format_to(std::back_inserter(text_), "{:{}}{}: {}\n", "", indent_, key, value);
  }
  void open(std::string_view key) {
    fmt::format_to(std::back_inserter(text_), "{:{}}{}:\n", "", indent_, key);
    indent_ += 2;
  }
  void close() { indent_ -= 2; }
  [[nodiscard]] std::string text() && { return std::move(text_); }

 private:
  std::string text_;
  int indent_ = 0;
};

/// A double-quoted scalar (YAML 1.2 §7.3.1): a path may hold anything.
std::string in_quotes(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      quoted += fmt::format("\\x{:02X}", byte);
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

void write_fleet(const cache::Fleet& fleet, YamlWriter& out) {
  out.open("origin");
  out.line("lat", fleet.origin.point.lat_deg);
  out.line("lon", fleet.origin.point.lon_deg);
  out.line("service_ms", fleet.origin.service_ms);
  out.close();
  out.open("edges");
  for (const cache::Edge& edge : fleet.edges) {
    out.open(in_quotes(edge.name));
    out.line("lat", edge.point.lat_deg);
    out.line("lon", edge.point.lon_deg);
    out.line("time_zone", edge.time_zone);
    out.line("storage", size_text(edge.storage_bytes));
    out.line("capacity", size_text(edge.capacity_bytes));
    out.line("bandwidth", bandwidth_text(edge.bandwidth_bps));
    out.line("requests_per_second_max", edge.requests_per_second_max);
    out.line("max_load", edge.max_load);
    out.line("servers", edge.servers);
    out.line("service_ms", edge.service_ms);
    out.line("fill", name(edge.fill));
    if (edge.parent != cache::kNoEdge) out.line("parent", in_quotes(fleet[edge.parent].name));
    if (edge.fill_window) out.line("fill_window", in_quotes(daily_hours_text(*edge.fill_window)));
    out.line("shield", edge.is_shield);
    out.line("endpoint", in_quotes(edge.endpoint.empty() ? edge.name : edge.endpoint));
    if (!edge.addresses.empty()) {
      std::vector<std::string> texts;
      for (const geo::IpAddress& address : edge.addresses)
        texts.push_back(in_quotes(address.text()));
      out.line("addresses", fmt::format("[{}]", fmt::join(texts, ", ")));
    }
    if (!edge.services.empty()) {
      out.line("services", fmt::format("[\"{}\"]", fmt::join(edge.services, "\", \"")));
    }
    out.close();
  }
  out.close();
}

void write_routing(const policy::RoutingOptions& options, YamlWriter& out) {
  out.open("routing");
  out.line("scoring", name(options.scoring));
  out.line("radius_km", options.radius_km);
  out.line("min_candidates", options.candidates_min);
  out.line("candidates_max", options.candidates_max);
  out.open("weights");
  out.line("distance", options.weights.distance);
  out.line("hit", options.weights.hit);
  out.line("load", options.weights.load);
  out.line("bandwidth", options.weights.bandwidth);
  out.close();
  out.line("distance_scale_km", options.distance_scale_km);
  out.line("bandwidth_scale",
           bandwidth_text(static_cast<std::uint64_t>(options.bandwidth_scale_bps)));
  out.open("spread_epsilon");
  out.line("score", options.spread_epsilon_score);
  out.line("ms", options.spread_epsilon_ms);
  out.close();
  out.line("hit_prior", options.hit_prior);
  out.line("health_age_max", duration_text(options.health_age_max_ms));
  out.line("target_load", options.target_load);
  out.close();
}

void write_countries(std::string_view key, const std::vector<geo::Country>& countries,
                     YamlWriter& out) {
  if (countries.empty()) return;
  std::vector<std::string> codes;
  for (const geo::Country country : countries) codes.push_back(in_quotes(to_text(country)));
  out.line(key, fmt::format("[{}]", fmt::join(codes, ", ")));
}

void write_bias(const policy::Service& service, const cache::Fleet& fleet, YamlWriter& out) {
  if (service.bias_score.empty()) return;
  out.open("bias");
  for (std::size_t i = 0; i < fleet.edges.size(); ++i) {
    if (service.bias_score[i] == 0 && service.bias_ms[i] == 0) continue;
    out.line(in_quotes(fleet.edges[i].name),
             fmt::format("{{score: {}, ms: {}}}", service.bias_score[i], service.bias_ms[i]));
  }
  out.close();
}

void write_services(const std::vector<policy::Service>& services, const cache::Fleet& fleet,
                    YamlWriter& out) {
  out.open("services");
  for (const policy::Service& service : services) {
    out.open(in_quotes(service.name));
    write_countries("countries_allowed", service.countries_allowed, out);
    write_countries("countries_denied", service.countries_denied, out);
    out.line("all_down", name(service.all_down));
    if (service.last_resort != cache::kNoEdge) {
      out.line("last_resort", in_quotes(fleet[service.last_resort].name));
    }
    write_bias(service, fleet, out);
    out.close();
  }
  out.close();
}

void write_geo(const GeoSources& geo, YamlWriter& out) {
  out.open("geo");
  std::vector<std::string> databases;
  for (const auto& path : geo.databases) databases.push_back(in_quotes(path.string()));
  out.line("databases", fmt::format("[{}]", fmt::join(databases, ", ")));
  if (geo.overrides) out.line("overrides", in_quotes(geo.overrides->string()));
  if (geo.rtt_observations) {
    out.line("rtt_observations", in_quotes(geo.rtt_observations->string()));
  }
  out.open("fallback");
  out.line("lat", geo.fallback.point.lat_deg);
  out.line("lon", geo.fallback.point.lon_deg);
  if (geo.fallback.country != geo::Country::none) {
    out.line("country", in_quotes(to_text(geo.fallback.country)));
  }
  out.close();
  out.close();
}

std::string prefix_list(const std::vector<geo::IpPrefix>& prefixes) {
  std::vector<std::string> texts;
  for (const geo::IpPrefix& prefix : prefixes) texts.push_back(in_quotes(prefix.text()));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

void write_tls(std::string_view key, const std::optional<TlsFiles>& tls, YamlWriter& out) {
  if (!tls) return;
  out.open(key);
  out.line("certificate", in_quotes(tls->certificate.string()));
  out.line("private_key", in_quotes(tls->private_key.string()));
  if (tls->client_ca) out.line("client_ca", in_quotes(tls->client_ca->string()));
  out.close();
}

void write_serve(const ServeOptions& serve, YamlWriter& out) {
  out.open("serve");
  out.line("listen", in_quotes(serve.listen));
  out.line("admin", in_quotes(serve.admin));
  out.line("dns", in_quotes(serve.dns));
  out.line("workers", serve.workers);
  out.line("tick", duration_text(serve.tick_ms));
  if (serve.admin_token_file) {
    out.line("admin_token_file", in_quotes(serve.admin_token_file->string()));
  }
  write_tls("tls", serve.tls, out);
  write_tls("admin_tls", serve.admin_tls, out);
  if (serve.state_dir) out.line("state_dir", in_quotes(serve.state_dir->string()));
  out.line("trusted_callers", prefix_list(serve.trust.callers));
  out.line("trusted_proxies", prefix_list(serve.trust.proxies));
  out.line("proxy_field", name(serve.trust.proxy_field));
  out.line("unreported_edges", name(serve.unreported));
  out.line("recovery_hold", duration_text(serve.recovery_hold_ms));
  out.line("slow_start", duration_text(serve.slow_start_ms));
  out.line("rtt_interval", duration_text(serve.rtt_interval_ms));
  out.line("rtt_age_max", duration_text(serve.rtt_age_max_ms));
  out.open("hit_model");
  out.line("tracked_contents", serve.hit_model.tracked_contents);
  out.line("half_life", duration_text(serve.hit_model.half_life_ms));
  out.line("interval", duration_text(serve.hit_model.interval_ms));
  out.close();
  out.open("log");
  out.line("format", name(serve.log.format));
  out.line("level", name(serve.log.level));
  out.close();
  out.open("decision_log");
  const DecisionLogOptions& decisions = serve.decision_log;
  if (decisions.file) out.line("file", in_quotes(decisions.file->string()));
  out.line("sample", decisions.sample_ratio);
  out.line("client", name(decisions.client));
  out.line("size_max", size_text(decisions.bytes_max));
  if (decisions.snapshot_dir) {
    out.line("snapshot_dir", in_quotes(decisions.snapshot_dir->string()));
  }
  out.line("snapshots", decisions.snapshots_max);
  out.close();
  out.open("limits");
  out.line("target", size_text(serve.http.target_bytes_max));
  out.line("header", size_text(serve.http.header_bytes_max));
  out.line("body", size_text(serve.http.body_bytes_max));
  out.line("connections", serve.connections_max);
  out.line("connections_per_peer", serve.connections_per_peer_max);
  out.line("idle", duration_text(serve.idle_timeout_ms));
  out.line("request", duration_text(serve.request_timeout_ms));
  out.line("delay", duration_text(serve.delay_max_ms));
  out.line("drain", duration_text(serve.drain_timeout_ms));
  out.close();
  out.close();
}

std::string name_list(const std::vector<std::string>& names) {
  std::vector<std::string> texts;
  for (const std::string& name : names) texts.push_back(in_quotes(name));
  return fmt::format("[{}]", fmt::join(texts, ", "));
}

void write_dns(const DnsOptions& dns, YamlWriter& out) {
  out.open("dns");
  out.line("ttl", duration_text(dns.ttl_ms));
  out.line("negative_ttl", duration_text(dns.negative_ttl_ms));
  out.line("answers", dns.answers_max);
  out.line("client_subnet", dns.takes_client_subnet);
  out.line("zones", name_list(dns.zones));
  out.line("cnames", name_list(dns.cnames));
  out.line("name_servers", name_list(dns.name_servers));
  if (!dns.nsid.empty()) out.line("nsid", in_quotes(dns.nsid));
  if (dns.cookie_secret_file) {
    out.line("cookie_secret_file", in_quotes(dns.cookie_secret_file->string()));
  }
  out.open("rate_limit");
  out.line("responses_per_second", dns.rate_limit.responses_per_second);
  out.line("slip", dns.rate_limit.slip);
  out.close();
  out.close();
}

void write_redis(const RedisOptions& redis, YamlWriter& out) {
  if (!redis.is_configured) return;
  const cache::redis::Servers& servers = redis.servers;
  out.open("redis");
  out.line("server", in_quotes(servers.options.address.text()));
  out.line("control", in_quotes(servers.control.text()));
  if (!servers.edges.empty()) {
    out.open("edges");
    for (const auto& [edge, address] : servers.edges) {
      out.line(in_quotes(edge), in_quotes(address.text()));
    }
    out.close();
  }
  if (!servers.options.login.user.empty()) {
    out.line("user", in_quotes(servers.options.login.user));
  }
  if (redis.password_file) out.line("password_file", in_quotes(redis.password_file->string()));
  out.line("connect_timeout", duration_text(servers.options.limits.connect_timeout_ms));
  out.line("command_timeout", duration_text(servers.options.limits.command_timeout_ms));
  out.line("follow", redis.follow ? "true" : "false");
  out.line("follow_interval", duration_text(redis.follow_interval_ms));
  out.close();
}

void write_plan(const PlanningOptions& plan, YamlWriter& out) {
  out.open("plan");
  out.line("mode", name(plan.mode));
  out.line("interval", duration_text(plan.planner.interval_ms));
  out.line("horizon", duration_text(plan.planner.horizon_ms));
  out.line("objective", name(plan.planner.objective));
  out.line("off_peak_hours", plan.planner.off_peak_hours);
  out.line("fill_ratio", plan.planner.fill_ratio);
  if (plan.planner.share) out.line("share", *plan.planner.share);
  out.line("tracked_contents", plan.planner.demand.tracked_contents);
  out.line("fleet_contents", plan.planner.fleet_contents);
  out.line("sampled_contents", plan.sampled_contents);
  out.line("lease", duration_text(plan.lease_ms));
  if (!plan.controller.empty()) out.line("controller", in_quotes(plan.controller));
  const policy::StrategyOptions& strategy = plan.strategy;
  out.open("strategy");
  out.line("requests_min", strategy.requests_min);
  out.line("hit_ratio_min", strategy.hit_ratio_min);
  out.line("free_min", size_text(strategy.free_bytes_min));
  out.line("growth_max", size_text(strategy.growth_bytes_max));
  out.line("misses_min", strategy.misses_min);
  out.line("probability_min", strategy.probability_min);
  out.line("fetch_requests_min", strategy.fetch_requests_min);
  out.line("idle_min", duration_text(std::llround(strategy.idle_s_min * 1000)));
  out.line("block", size_text(strategy.block_bytes));
  if (strategy.compressed_ratio) out.line("compressed_ratio", *strategy.compressed_ratio);
  out.close();
  out.close();
}

void write_agent(const AgentOptions& agent, YamlWriter& out) {
  out.open("agent");
  out.line("listen", in_quotes(agent.listen));
  if (!agent.origin.empty()) out.line("origin", in_quotes(agent.origin));
  if (!agent.parent.empty()) out.line("parent", in_quotes(agent.parent));
  out.line("object_max", size_text(agent.object_bytes_max));
  out.line("default_ttl", duration_text(agent.default_ttl_ms));
  out.line("stale_if_error", duration_text(agent.stale_if_error_ms));
  out.line("report_interval", duration_text(agent.report_interval_ms));
  out.line("purge_interval", duration_text(agent.purge_interval_ms));
  out.line("store_threads", agent.store_threads);
  out.open("fetch");
  out.line("connect", duration_text(agent.connect_timeout_ms));
  out.line("response", duration_text(agent.response_timeout_ms));
  out.line("stall", duration_text(agent.stall_timeout_ms));
  out.line("whole", duration_text(agent.fetch_timeout_ms));
  out.line("at_once", agent.fetches_max);
  out.close();
  out.open("plans");
  out.line("interval", duration_text(agent.plan_interval_ms));
  out.line("prefetches", agent.prefetches_max);
  out.line("bandwidth", bandwidth_text(agent.prefetch_bps));
  out.line("attempts", agent.attempts_max);
  out.line("retry_first", duration_text(agent.retry.first_ms));
  out.line("retry_max", duration_text(agent.retry.max_ms));
  out.line("claim_after", duration_text(agent.claim_after_ms));
  out.close();
  out.open("limits");
  out.line("connections", agent.connections_max);
  out.line("idle", duration_text(agent.idle_timeout_ms));
  out.line("request", duration_text(agent.request_timeout_ms));
  out.line("write", duration_text(agent.write_timeout_ms));
  out.line("drain", duration_text(agent.drain_timeout_ms));
  out.close();
  out.close();
}

void write_catalog(const CatalogOptions& catalog, YamlWriter& out) {
  out.open("catalog");
  if (catalog.file) out.line("file", in_quotes(catalog.file->string()));
  out.line("entries_max", catalog.entries_max);
  out.line("store", name(catalog.store));
  out.close();
}

}  // namespace

std::string effective_yaml(const FleetFile& file) {
  YamlWriter out;
  write_fleet(file.fleet, out);
  write_routing(file.routing, out);
  write_services(file.routing.services, file.fleet, out);
  return std::move(out).text();
}

std::string effective_yaml(const Config& config) {
  YamlWriter out;
  out.open("fleet");
  write_fleet(config.fleet, out);
  out.close();
  write_geo(config.geo, out);
  write_routing(config.routing, out);
  write_services(config.routing.services, config.fleet, out);
  write_serve(config.serve, out);
  write_dns(config.serve.answers, out);
  write_redis(config.redis, out);
  write_plan(config.plan, out);
  write_agent(config.agent, out);
  write_catalog(config.catalog, out);
  return std::move(out).text();
}

}  // namespace edgeward::controller
