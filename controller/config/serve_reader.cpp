#include "controller/config/serve_reader.hpp"

#include <fmt/format.h>

#include <array>

#include "controller/dns/zones.hpp"

namespace edgeward::controller {

namespace {

void read_prefixes(YamlMap& map, std::string_view key, std::vector<geo::IpPrefix>& prefixes) {
  const YamlNode* const node = map.find(key);
  if (node == nullptr) return;
  prefixes.clear();
  for (const YamlNode* const word : words(*node, key, map.faults())) {
    if (const auto prefix = geo::IpPrefix::parse(word->text)) {
      prefixes.push_back(*prefix);
    } else {
      map.fault(word->at, fmt::format("{}: expected a prefix such as 192.0.2.0/24, found {}", key,
                                      quote(word->text)));
    }
  }
}

void read_path(YamlMap& map, std::string_view key, const std::filesystem::path& folder,
               std::optional<std::filesystem::path>& path) {
  std::string text;
  if (map.text(key, text)) path = (folder / text).lexically_normal();
}

void read_required_path(YamlMap& map, std::string_view key, const std::filesystem::path& folder,
                        std::filesystem::path& path) {
  std::string text;
  if (map.require(key) != nullptr && map.text(key, text)) path = (folder / text).lexically_normal();
}

/// Files that are named are looked at once all that are needed are.
void read_tls(YamlMap& serve, std::string_view key, const std::filesystem::path& folder,
              std::optional<TlsFiles>& tls, const CheckTls& check) {
  const YamlNode* const node = serve.find(key);
  if (node == nullptr) return;
  YamlMap map(*node, std::string(key), serve.faults());
  TlsFiles& files = tls.emplace();
  read_required_path(map, "certificate", folder, files.certificate);
  read_required_path(map, "private_key", folder, files.private_key);
  read_path(map, "client_ca", folder, files.client_ca);
  map.finish();
  if (!check || files.certificate.empty() || files.private_key.empty()) return;
  if (const auto fault = check(files)) map.fault(map.find(fault->key)->at, fault->message);
}

void read_size(YamlMap& map, std::string_view key, std::size_t& bytes, std::uint64_t low,
               std::uint64_t high) {
  std::uint64_t value = bytes;
  if (!map.size(key, value)) return;
  if (value < low || value > high) {
    map.fault(map.find(key)->at, fmt::format("{}: expected {} to {} bytes", key, low, high));
  } else {
    bytes = value;
  }
}

void read_limits(const YamlNode& node, ServeOptions& options, Faults& faults) {
  YamlMap map(node, "limits", faults);
  read_size(map, "target", options.http.target_bytes_max, 64, 1 << 20);
  read_size(map, "header", options.http.header_bytes_max, 256, 1 << 20);
  read_size(map, "body", options.http.body_bytes_max, 1, 1 << 30);
  map.count("connections", options.connections_max, 1, 10'000'000);
  map.count("connections_per_peer", options.connections_per_peer_max, 1, 10'000'000);
  map.duration("idle", options.idle_timeout_ms, 100, kDayMs);
  map.duration("request", options.request_timeout_ms, 100, kDayMs);
  map.duration("delay", options.delay_max_ms, 0, kDayMs);
  map.duration("drain", options.drain_timeout_ms, 0, kDayMs);
  map.finish();
}

void read_hit_model(const YamlNode& node, HitModelOptions& options, Faults& faults) {
  YamlMap map(node, "hit_model", faults);
  auto contents = static_cast<unsigned>(options.tracked_contents);
  if (map.count("tracked_contents", contents, 1000, 100'000'000)) {
    options.tracked_contents = contents;
  }
  map.duration("half_life", options.half_life_ms, 1000, 30 * kDayMs);
  map.duration("interval", options.interval_ms, 10, kDayMs);
  map.finish();
}

void read_host_names(YamlMap& map, std::string_view key, std::vector<std::string>& names) {
  const YamlNode* const node = map.find(key);
  if (node == nullptr) return;
  for (const YamlNode* const word : words(*node, key, map.faults())) {
    if (dns_wire_name(word->text)) {
      names.push_back(word->text);
    } else {
      map.fault(word->at,
                fmt::format("{}: expected a host name, found {}", key, quote(word->text)));
    }
  }
}

/// A name server within a zone would have no address there.
void check_name_servers(YamlMap& map, const DnsOptions& options) {
  const DnsZones zones(options, {}, {});
  if (!options.zones.empty() && options.name_servers.empty()) {
    map.fault(map.find("zones")->at, "zones: need 'name_servers', whose names lie in none of them");
  }
  for (const std::string& server : options.name_servers) {
    if (zones.find(*dns_wire_name(server)).zone == nullptr) continue;
    map.fault(map.find("name_servers")->at,
              fmt::format("name_servers: {} lies in one of 'zones', where it would have no address",
                          quote(server)));
  }
}

/// It has to fit into the shortest answer, beside the longest name and all else.
void read_nsid(YamlMap& map, std::string& nsid) {
  constexpr std::size_t kBytesMax = 64;
  if (!map.text("nsid", nsid) || nsid.size() <= kBytesMax) return;
  map.fault(map.find("nsid")->at, fmt::format("nsid: at most {} bytes", kBytesMax));
}

void read_log(const YamlNode& node, LogOptions& options, Faults& faults) {
  YamlMap map(node, "log", faults);
  map.choice<LogFormat>("format", options.format, kLogFormats);
  map.choice<LogLevel>("level", options.level, kLogLevels);
  map.finish();
}

void read_decision_log(const YamlNode& node, const std::filesystem::path& folder,
                       DecisionLogOptions& options, Faults& faults) {
  constexpr std::array kClients{LoggedClient::prefix, LoggedClient::address};
  YamlMap map(node, "decision_log", faults);
  read_path(map, "file", folder, options.file);
  map.number("sample", options.sample_ratio, {.low = 1e-9, .high = 1});
  map.choice<LoggedClient>("client", options.client, kClients);
  map.size("size_max", options.bytes_max);
  read_path(map, "snapshot_dir", folder, options.snapshot_dir);
  map.count("snapshots", options.snapshots_max, 1, 10'000'000);
  if (options.snapshot_dir && !options.file) {
    map.fault(map.find("snapshot_dir")->at, "snapshot_dir: needs 'file', whose lines it is for");
  }
  map.finish();
}

}  // namespace

void read_dns(const YamlNode& node, const std::filesystem::path& folder, DnsOptions& options,
              Faults& faults) {
  YamlMap map(node, "dns", faults);
  map.duration("ttl", options.ttl_ms, 0, kDayMs);
  map.duration("negative_ttl", options.negative_ttl_ms, 0, kDayMs);
  map.count("answers", options.answers_max, 1, 4);
  map.flag("client_subnet", options.takes_client_subnet);
  read_host_names(map, "zones", options.zones);
  read_host_names(map, "cnames", options.cnames);
  read_host_names(map, "name_servers", options.name_servers);
  check_name_servers(map, options);
  read_nsid(map, options.nsid);
  read_path(map, "cookie_secret_file", folder, options.cookie_secret_file);
  if (const YamlNode* const limit = map.find("rate_limit")) {
    YamlMap limits(*limit, "rate_limit", faults);
    limits.count("responses_per_second", options.rate_limit.responses_per_second, 0, 1'000'000);
    limits.count("slip", options.rate_limit.slip, 0, 100);
    limits.finish();
  }
  map.finish();
}

void read_serve(const YamlNode& node, const std::filesystem::path& folder, ServeOptions& options,
                Faults& faults, const CheckTls& check_tls) {
  constexpr std::array kUnreported{Unreported::unknown, Unreported::ready};
  constexpr std::array kFields{ProxyField::x_forwarded_for, ProxyField::forwarded};
  YamlMap map(node, "serve", faults);
  map.text("listen", options.listen);
  map.text("admin", options.admin);
  map.text("dns", options.dns);
  map.count("workers", options.workers, 0, 1024);
  map.duration("tick", options.tick_ms, 10, 60'000);
  read_path(map, "admin_token_file", folder, options.admin_token_file);
  read_tls(map, "tls", folder, options.tls, check_tls);
  read_tls(map, "admin_tls", folder, options.admin_tls, check_tls);
  read_path(map, "state_dir", folder, options.state_dir);
  read_prefixes(map, "trusted_callers", options.trust.callers);
  read_prefixes(map, "trusted_proxies", options.trust.proxies);
  map.choice<ProxyField>("proxy_field", options.trust.proxy_field, kFields);
  map.choice<Unreported>("unreported_edges", options.unreported, kUnreported);
  map.duration("recovery_hold", options.recovery_hold_ms, 0, kDayMs);
  map.duration("slow_start", options.slow_start_ms, 0, kDayMs);
  map.duration("rtt_interval", options.rtt_interval_ms, 100, kDayMs);
  map.duration("rtt_age_max", options.rtt_age_max_ms, 1000, 365 * kDayMs);
  if (const YamlNode* const hits = map.find("hit_model")) {
    read_hit_model(*hits, options.hit_model, faults);
  }
  if (const YamlNode* const log = map.find("log")) read_log(*log, options.log, faults);
  if (const YamlNode* const decisions = map.find("decision_log")) {
    read_decision_log(*decisions, folder, options.decision_log, faults);
  }
  if (const YamlNode* const limits = map.find("limits")) read_limits(*limits, options, faults);
  map.finish();
}

}  // namespace edgeward::controller
