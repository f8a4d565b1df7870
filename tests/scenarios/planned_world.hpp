#pragma once

#include <atomic>
#include <boost/json/fwd.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/scenarios/running_agent.hpp"

namespace edgeward::test {

/// Clocks on which a second is an hour, for all processes that are started while it is there.
class FastClocks {
 public:
  FastClocks();
  ~FastClocks();
  FastClocks(const FastClocks&) = delete;
  FastClocks& operator=(const FastClocks&) = delete;
};

/// What there is at an origin: so many contents, all of one size.
struct Contents {
  std::size_t count = 40;
  std::size_t bytes = 20'000;
};

/// Two edges, one of them real, with a Redis each, and their origin; a plan each hour.
struct PlannedWorld {
  FastClocks clocks;
  RedisServer redis;
  RedisServer other_redis;
  TestOrigin origin;
  TemporaryFolder folder;
  std::string server;  ///< of fra1
  std::string other_server;

  explicit PlannedWorld(const Contents& contents = {});
  /// Both edges at that server, or the cluster that it is of.
  explicit PlannedWorld(const std::string& address, const Contents& contents = {});

  [[nodiscard]] std::string config(std::string_view controller = "one",
                                   std::string_view redis_more = "",
                                   std::string_view interval = "1h") const;
  [[nodiscard]] std::vector<std::string> arguments(const std::string& name,
                                                   std::string_view redis_more = "",
                                                   std::string_view interval = "1h") const;
  [[nodiscard]] std::unique_ptr<cache::EdgeStore> store() const;
};

/// What `GET /v1/plans` says, and one of its edges.
[[nodiscard]] boost::json::object plans_of(const Serving& service);
[[nodiscard]] boost::json::object edge_in(const boost::json::object& status, std::string_view name);

/// Clients of an edge, who ask for the first contents most, until it goes.
class Clients {
 public:
  explicit Clients(const RunningAgent& agent, const Contents& contents = {});
  ~Clients();
  Clients(const Clients&) = delete;
  Clients& operator=(const Clients&) = delete;

 private:
  std::atomic<bool> is_over_{false};
  std::thread thread_;
};

/// Somebody who asks which edge all the while, and notes when the answer is none.
class Asking {
 public:
  explicit Asking(const Serving& service);
  ~Asking() { end(); }
  Asking(const Asking&) = delete;
  Asking& operator=(const Asking&) = delete;

  void end();
  [[nodiscard]] int failed() const { return failed_; }
  [[nodiscard]] int answered() const { return answered_; }

 private:
  std::atomic<bool> is_over_{false};
  std::atomic<int> failed_{0};
  std::atomic<int> answered_{0};
  std::thread thread_;
};

/// Has plans made until fra1 has one with actions that is none of `before`, where the next would be
/// days away.
void plan_something(const Serving& service, cache::EdgeStore& store, std::uint64_t before = 0);

/// Until fra1 has done all of a plan with actions that is none of `before`; that plan's summary.
[[nodiscard]] cache::PlanSummary wait_for_plan(cache::EdgeStore& store, std::uint64_t before = 0);

}  // namespace edgeward::test
