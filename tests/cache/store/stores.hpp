#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cache/redis/agent_store.hpp"
#include "cache/redis/edge_store.hpp"
#include "cache/redis/purges.hpp"
#include "cache/store/memory_store.hpp"
#include "tests/redis_server.hpp"

namespace edgeward::test {

inline std::int64_t steady_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

inline cache::redis::Servers servers_at(const RedisServer& server) {
  cache::redis::Servers servers;
  servers.options.address.port = server.port();
  servers.options.limits.connect_timeout_ms = 10'000;
  servers.options.limits.command_timeout_ms = 10'000;
  servers.control = servers.options.address;
  return servers;
}

/// One implementation of the stores, empty.
class Stores {
 public:
  virtual ~Stores() = default;
  virtual std::unique_ptr<cache::EdgeStore> controller() = 0;
  virtual std::unique_ptr<cache::AgentStore> agent(std::string_view edge) = 0;
  virtual std::unique_ptr<cache::PlannerLease> lease() = 0;
  virtual std::unique_ptr<cache::PurgeStore> purges() = 0;
  virtual std::unique_ptr<cache::EdgePurges> purges_of(std::string_view edge) = 0;
};

class MemoryStores final : public Stores {
 public:
  std::unique_ptr<cache::EdgeStore> controller() override { return store_.controller(); }
  std::unique_ptr<cache::AgentStore> agent(std::string_view edge) override {
    return store_.agent(edge);
  }
  std::unique_ptr<cache::PlannerLease> lease() override { return store_.lease(); }
  std::unique_ptr<cache::PurgeStore> purges() override { return store_.purges(); }
  std::unique_ptr<cache::EdgePurges> purges_of(std::string_view edge) override {
    return store_.purges_of(edge);
  }

 private:
  cache::MemoryStore store_{steady_ms};
};

class RedisStores final : public Stores {
 public:
  std::unique_ptr<cache::EdgeStore> controller() override {
    return std::make_unique<cache::redis::RedisEdgeStore>(servers_at(server_), steady_ms, 1);
  }
  std::unique_ptr<cache::AgentStore> agent(std::string_view edge) override {
    return std::make_unique<cache::redis::RedisAgentStore>(edge, servers_at(server_), steady_ms, 2);
  }
  std::unique_ptr<cache::PlannerLease> lease() override {
    return std::make_unique<cache::redis::RedisPlannerLease>(servers_at(server_), steady_ms, 3);
  }
  std::unique_ptr<cache::PurgeStore> purges() override {
    return std::make_unique<cache::redis::RedisPurgeStore>(servers_at(server_), steady_ms, 4);
  }
  std::unique_ptr<cache::EdgePurges> purges_of(std::string_view edge) override {
    return std::make_unique<cache::redis::RedisEdgePurges>(edge, servers_at(server_), steady_ms, 5);
  }

 private:
  RedisServer server_;
};

/// The value, or a failed test that says why there is none.
template <class Value>
Value good(cache::Stored<Value> stored) {
  if (!stored)
    throw std::runtime_error(std::string(name(stored.error().fault)) + ": " +
                             stored.error().message);
  return *std::move(stored);
}

}  // namespace edgeward::test
