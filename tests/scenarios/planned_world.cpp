#include "tests/scenarios/planned_world.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdlib>

namespace edgeward::test {

namespace json = boost::json;

namespace {

std::string key_of(std::size_t i) {
  return fmt::format("/o/{}", i);
}

}  // namespace

FastClocks::FastClocks() {
  const double now_s =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  ::setenv("EDGEWARD_CLOCK", fmt::format("{:.3f},1795996800,3600", now_s).c_str(), 1);
}

FastClocks::~FastClocks() {
  ::unsetenv("EDGEWARD_CLOCK");
}

PlannedWorld::PlannedWorld(const Contents& contents) : PlannedWorld("", contents) {
  server = redis.address();
  other_server = other_redis.address();
}

PlannedWorld::PlannedWorld(const std::string& address, const Contents& contents)
    : server(address), other_server(address) {
  for (std::size_t i = 0; i < contents.count; ++i) {
    origin.set(key_of(i),
               {.body = body_of(contents.bytes), .fields = "Cache-Control: max-age=9999999\r\n"});
  }
  folder.write("clients.csv", "prefix,lat,lon,country,edges\n192.0.2.0/24,50.11,8.68,DE,\n");
}

std::string PlannedWorld::config(std::string_view controller, std::string_view redis_more,
                                 std::string_view interval) const {
  return fmt::format(
      "fleet:\n"
      "  origin: {{lat: 38.94, lon: -77.46}}\n"
      "  edges:\n"
      "    fra1: {{lat: 50.03, lon: 8.57, storage: 400KB}}\n"
      "    ams1: {{lat: 52.31, lon: 4.76, storage: 400KB}}\n"
      "geo: {{databases: [], overrides: {}}}\n"
      "routing: {{min_candidates: 1, health_age_max: 1d, spread_epsilon: {{score: 0}}}}\n"
      "serve: {{tick: 50ms, workers: 1, unreported_edges: ready, recovery_hold: 0s,\n"
      "        slow_start: 0s}}\n"
      "redis: {{server: '{}', edges: {{ams1: '{}'}}, follow: true, follow_interval: 20ms,\n"
      "        connect_timeout: 300ms, command_timeout: 300ms{}}}\n"
      "plan: {{interval: {}, share: 0.5, off_peak_hours: 24, lease: 1s, controller: {}}}\n"
      "agent: {{origin: 'http://127.0.0.1:{}', report_interval: 50ms,\n"
      "        plans: {{interval: 20ms, retry_first: 10ms, claim_after: 200ms}}}}\n",
      (folder.path() / "clients.csv").string(), server, other_server, redis_more, interval,
      controller, origin.port());
}

std::vector<std::string> PlannedWorld::arguments(const std::string& name,
                                                 std::string_view redis_more,
                                                 std::string_view interval) const {
  return {"--config", folder.write(name + ".yaml", config(name, redis_more, interval)).string()};
}

std::unique_ptr<cache::EdgeStore> PlannedWorld::store() const {
  return std::make_unique<cache::redis::RedisEdgeStore>(servers_at(redis), steady_ms, 1);
}

json::object plans_of(const Serving& service) {
  HttpConnection admin(service.admin_port());
  const HttpAnswer answer = admin.get("/v1/plans");
  if (answer.status != 200) throw std::runtime_error("no plans: " + answer.body);
  return json::parse(answer.body).as_object();
}

json::object edge_in(const json::object& status, std::string_view name) {
  for (const json::value& edge : status.at("edges").as_array()) {
    if (edge.at("edge").as_string() == name) return edge.as_object();
  }
  throw std::runtime_error("no such edge");
}

Clients::Clients(const RunningAgent& agent, const Contents& contents)
    : thread_([this, &agent, count = contents.count] {
        const std::size_t step = count / 5;
        while (!is_over_) {
          for (std::size_t i = 0; i < count && !is_over_; ++i) {
            for (std::size_t j = 0; j <= i && !is_over_; j += step) {
              try {
                (void)agent.get(key_of(i - j));
              } catch (const std::exception&) {
                // The edge may be away for a while.
              }
              std::this_thread::sleep_for(std::chrono::milliseconds(1));
            }
          }
        }
      }) {}

Clients::~Clients() {
  is_over_ = true;
  thread_.join();
}

Asking::Asking(const Serving& service)
    : thread_([this, port = service.port()] {
        HttpConnection connection(port);
        while (!is_over_) {
          const HttpAnswer answer = connection.get("/v1/route?client=192.0.2.7&content=/o/1");
          ++(answer.status == 200 ? answered_ : failed_);
        }
      }) {}

void Asking::end() {
  is_over_ = true;
  if (thread_.joinable()) thread_.join();
}

void plan_something(const Serving& service, cache::EdgeStore& store, std::uint64_t before) {
  eventually("it plans", [&] { return plans_of(service).at("leader").as_bool(); });
  eventually("there is something to plan", [&] {
    HttpConnection admin(service.admin_port());
    if (admin.post("/v1/plans/run").status != 202) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const auto plan = store.plan("fra1");
    return plan && *plan && (*plan)->id != before && (*plan)->actions > 0;
  });
}

cache::PlanSummary wait_for_plan(cache::EdgeStore& store, std::uint64_t before) {
  cache::PlanSummary summary;
  eventually("a plan is carried out", [&] {
    const auto plan = store.plan("fra1");
    if (!plan || !*plan || (*plan)->id == before || (*plan)->actions == 0) return false;
    summary = **plan;
    return summary.status == cache::PlanStatus::complete &&
           summary.done + summary.failed == summary.actions;
  });
  return summary;
}

}  // namespace edgeward::test
