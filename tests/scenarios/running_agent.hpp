#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/cache/store/stores.hpp"
#include "tests/redis_server.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/scenarios/test_origin.hpp"
#include "tests/support.hpp"

namespace edgeward::test {

/// Asks again and again until it holds, or fails the test after a while.
template <class Holds>
void eventually(std::string_view what, Holds holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) {
      throw std::runtime_error("waited in vain: " + std::string(what));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

/// A running `edgeward agent` on a free loopback port. It ends with the object.
class RunningAgent {
 public:
  /// Waits until it listens.
  explicit RunningAgent(const std::string& config, const std::string& edge = "fra1");
  ~RunningAgent();
  RunningAgent(const RunningAgent&) = delete;
  RunningAgent& operator=(const RunningAgent&) = delete;

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string said() const;
  void wait_for(std::string_view sentence) const;
  /// One request over a connection of its own; `fields` are lines that end with CR LF.
  [[nodiscard]] HttpAnswer get(std::string_view target, std::string_view fields = {},
                               std::string_view method = "GET") const;
  /// SIGKILL.
  void kill();
  /// SIGTERM; its exit code.
  int stop();

 private:
  TemporaryFolder folder_;
  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

/// An edge with everything about it: its Redis, its origin, and how its agent is started.
struct EdgeWorld {
  RedisServer redis;
  TestOrigin origin;

  explicit EdgeWorld(std::vector<std::string> redis_arguments = {})
      : redis(std::move(redis_arguments)) {}

  /// Small times, so that tests need not wait. `more` goes into `agent:`, `edge` into fra1.
  [[nodiscard]] std::string config(std::string_view more = {},
                                   std::string_view edge = "storage: 64MiB") const;
  [[nodiscard]] std::unique_ptr<cache::EdgeStore> controller() const {
    return std::make_unique<cache::redis::RedisEdgeStore>(servers_at(redis), steady_ms, 1);
  }
};

/// Bytes that tell their place.
[[nodiscard]] std::string body_of(std::size_t bytes, char seed = 'a');

[[nodiscard]] cache::Action prefetch_of(const std::string& key, std::uint64_t size_bytes);
[[nodiscard]] cache::Action evict_of(const std::string& key, std::uint64_t size_bytes);
/// For an hour from now, with its id.
[[nodiscard]] cache::Plan plan_of(std::vector<cache::Action> actions, std::uint64_t epoch = 1);

}  // namespace edgeward::test
