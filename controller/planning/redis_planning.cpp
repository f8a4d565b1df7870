#include "controller/planning/redis_planning.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cache/redis/edge_store.hpp"
#include "controller/redis_access.hpp"
#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// Who this controller is, where nobody says so.
std::string controller_name(std::string_view admin) {
  std::array<char, 256> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  return fmt::format("{}{}", host.data(), admin.substr(std::min(admin.rfind(':'), admin.size())));
}

/// Of what was learned before.
std::optional<policy::DemandProfile> profile_of(const Publisher& publisher, std::string_view edge) {
  const Publisher::Demand demand = publisher.demand();
  if (demand.fleet == nullptr || demand.profiles == nullptr) return std::nullopt;
  const auto found = demand.fleet->find(edge);
  if (!found) return std::nullopt;
  return (*demand.profiles)[cache::index(*found)];
}

StateReport state_of(const std::string& edge, const cache::EdgeReport& report) {
  return {.edge = edge,
          .seq = report.seq,
          .at_ms = report.at_ms,
          .load_ratio = report.load_ratio,
          .bandwidth_used_bps = report.bandwidth_used_bps,
          .used_bytes = report.used_bytes,
          .mode = report.mode};
}

}  // namespace

std::unique_ptr<Planning> make_planning(
    const Config& config, std::shared_ptr<const cache::Fleet> fleet, Publisher& publisher,
    std::function<bool(std::span<const cache::CacheEvent>, const cache::Fleet&)> learn,
    const Log& log) {
  if (!config.redis.follow) return nullptr;
  const cache::redis::Servers servers = servers_of(config.redis);
  PlanningOptions options = config.plan;
  if (options.controller.empty()) options.controller = controller_name(config.serve.admin);
  return std::make_unique<Planning>(
      PlanningParts{
          .options = std::move(options),
          .follow_interval_ms = config.redis.follow_interval_ms,
          .store_of = [servers](std::string_view edge) { return servers.of(edge).address.text(); },
          .make_store =
              [servers] {
                return std::make_unique<cache::redis::RedisEdgeStore>(servers, redis_clock_ms,
                                                                      redis_seed());
              },
          .make_lease =
              [servers] {
                return std::make_unique<cache::redis::RedisPlannerLease>(servers, redis_clock_ms,
                                                                         redis_seed());
              },
          .sinks = {.report =
                        [&publisher](const std::string& edge, const cache::EdgeReport& report) {
                          (void)publisher.report(state_of(edge, report), wall_ms());
                        },
                    .learn = std::move(learn)},
          .profile_of =
              [&publisher](std::string_view edge) { return profile_of(publisher, edge); }},
      std::move(fleet), log);
}

}  // namespace edgeward::controller
