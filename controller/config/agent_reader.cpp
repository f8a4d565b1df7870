#include "controller/config/agent_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "controller/http/http_url.hpp"

namespace edgeward::controller {

namespace {

using cache::redis::Address;

std::optional<Address> parse_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  const bool is_whole = error == std::errc() && end == digits.data() + digits.size();
  if (host.empty() || !is_whole || port == 0) return std::nullopt;
  return Address{.host = std::string(host), .port = port};
}

bool read_address(YamlMap& map, std::string_view key, Address& address) {
  std::string text;
  if (!map.text(key, text)) return false;
  if (const auto parsed = parse_address(text)) {
    address = *parsed;
    return true;
  }
  map.fault(map.find(key)->at,
            fmt::format("{}: expected HOST:PORT such as 127.0.0.1:6379, found '{}'", key, text));
  return false;
}

void read_url(YamlMap& map, std::string_view key, std::string& url) {
  std::string text;
  if (!map.text(key, text)) return;
  if (parse_http_url(text)) {
    url = text;
    return;
  }
  map.fault(map.find(key)->at,
            fmt::format("{}: expected http://HOST or http://HOST:PORT, found '{}'", key, text));
}

void read_fetch_limits(const YamlNode& node, AgentOptions& options, Faults& faults) {
  YamlMap map(node, "fetch", faults);
  map.duration("connect", options.connect_timeout_ms, 10, kDayMs);
  map.duration("response", options.response_timeout_ms, 10, kDayMs);
  map.duration("stall", options.stall_timeout_ms, 10, kDayMs);
  map.duration("whole", options.fetch_timeout_ms, 10, kDayMs);
  map.count("at_once", options.fetches_max, 1, 100'000);
  map.finish();
}

void read_client_limits(const YamlNode& node, AgentOptions& options, Faults& faults) {
  YamlMap map(node, "limits", faults);
  map.count("connections", options.connections_max, 1, 1'000'000);
  map.duration("idle", options.idle_timeout_ms, 100, kDayMs);
  map.duration("request", options.request_timeout_ms, 100, kDayMs);
  map.duration("write", options.write_timeout_ms, 100, kDayMs);
  map.duration("drain", options.drain_timeout_ms, 0, kDayMs);
  map.finish();
}

void read_plans(const YamlNode& node, AgentOptions& options, Faults& faults) {
  YamlMap map(node, "plans", faults);
  map.duration("interval", options.plan_interval_ms, 10, kDayMs);
  map.count("prefetches", options.prefetches_max, 1, 1000);
  map.bandwidth("bandwidth", options.prefetch_bps, 1000);
  map.count("attempts", options.attempts_max, 1, 100);
  map.duration("retry_first", options.retry.first_ms, 1, kDayMs);
  map.duration("retry_max", options.retry.max_ms, 1, kDayMs);
  map.duration("claim_after", options.claim_after_ms, 10, kDayMs);
  if (options.retry.max_ms < options.retry.first_ms) {
    map.fault(map.at(), "plans: retry_max is less than retry_first");
  }
  map.finish();
}

}  // namespace

void read_redis(const YamlNode& node, const std::filesystem::path& folder, RedisOptions& options,
                Faults& faults) {
  options.is_configured = true;
  YamlMap map(node, "redis", faults);
  cache::redis::Servers& servers = options.servers;
  read_address(map, "server", servers.options.address);
  if (!read_address(map, "control", servers.control)) servers.control = servers.options.address;
  if (const YamlNode* const edges = map.find("edges")) {
    YamlMap addresses(*edges, "edges", faults);
    for (const YamlNode& edge : edges->children) {
      Address address;
      if (read_address(addresses, edge.key, address)) servers.edges[edge.key] = address;
    }
    addresses.finish();
  }
  map.text("user", servers.options.login.user);
  std::string file;
  if (map.text("password_file", file)) options.password_file = (folder / file).lexically_normal();
  if (!servers.options.login.user.empty() && !options.password_file) {
    map.fault(map.find("user")->at, "user: needs 'password_file'");
  }
  map.duration("connect_timeout", servers.options.limits.connect_timeout_ms, 10, kDayMs);
  map.duration("command_timeout", servers.options.limits.command_timeout_ms, 10, kDayMs);
  map.flag("follow", options.follow);
  map.duration("follow_interval", options.follow_interval_ms, 10, kDayMs);
  map.finish();
}

void check_redis_edges(const YamlNode& node, const RedisOptions& options, const cache::Fleet& fleet,
                       Faults& faults) {
  std::vector<std::string_view> names;
  for (const cache::Edge& edge : fleet.edges) names.push_back(edge.name);
  for (const YamlNode& member : node.children) {
    if (member.key != "edges") continue;
    for (const YamlNode& edge : member.children) {
      if (!options.servers.edges.contains(edge.key) || fleet.find(edge.key)) continue;
      faults.add(edge.key_at,
                 fmt::format("unknown edge '{}'{}", edge.key, suggestion(edge.key, names)));
    }
  }
}

void read_agent(const YamlNode& node, AgentOptions& options, Faults& faults) {
  YamlMap map(node, "agent", faults);
  map.text("listen", options.listen);
  read_url(map, "origin", options.origin);
  read_url(map, "parent", options.parent);
  map.size("object_max", options.object_bytes_max);
  map.duration("default_ttl", options.default_ttl_ms, 0, 365 * kDayMs);
  map.duration("stale_if_error", options.stale_if_error_ms, 0, 365 * kDayMs);
  map.duration("report_interval", options.report_interval_ms, 10, kDayMs);
  map.duration("purge_interval", options.purge_interval_ms, 10, kDayMs);
  map.count("store_threads", options.store_threads, 1, 64);
  if (const YamlNode* const fetch = map.find("fetch")) read_fetch_limits(*fetch, options, faults);
  if (const YamlNode* const plans = map.find("plans")) read_plans(*plans, options, faults);
  if (const YamlNode* const limits = map.find("limits")) {
    read_client_limits(*limits, options, faults);
  }
  map.finish();
}

}  // namespace edgeward::controller
