#pragma once

#include <map>
#include <memory>
#include <string>

#include "cache/redis/client.hpp"
#include "cache/redis/options.hpp"
#include "cache/store/edge_store.hpp"

namespace edgeward::cache::redis {

/// What controllers share with edges, in Redis (7.0 or later): see the folder's README for the
/// keys.
class RedisEdgeStore final : public EdgeStore {
 public:
  RedisEdgeStore(Servers servers, Clock clock, std::uint64_t seed);

  Stored<Published> publish(std::string_view edge, const Plan& plan) override;
  Stored<std::optional<PlanSummary>> plan(std::string_view edge) override;
  Stored<std::vector<DeadLetter>> dead_letters(std::string_view edge, std::string_view after,
                                               std::size_t count) override;
  Stored<std::optional<EdgeReport>> report(std::string_view edge) override;
  Stored<InventoryDigests> inventory_digests(std::string_view edge) override;
  Stored<std::vector<Holding>> inventory(std::string_view edge, std::size_t bucket) override;
  Stored<InventoryChanges> inventory_changes(std::string_view edge, std::uint64_t after_seq,
                                             std::size_t count) override;
  Stored<RequestBatches> read_requests(std::string_view edge, std::string_view group,
                                       std::string_view consumer, std::size_t entries,
                                       std::int64_t idle_ms) override;
  Stored<Done> forget_requests(std::string_view edge, std::string_view group,
                               std::span<const std::string> entries) override;

 private:
  /// Of the server that has this edge; edges of one server share it.
  [[nodiscard]] Client& client(std::string_view edge);

  Servers servers_;
  Clock clock_;
  std::uint64_t seed_;
  std::map<Address, std::unique_ptr<Client>> clients_;
};

class RedisPlannerLease final : public PlannerLease {
 public:
  RedisPlannerLease(const Servers& servers, Clock clock, std::uint64_t seed);

  Stored<std::optional<std::uint64_t>> acquire(std::string_view owner,
                                               std::int64_t ttl_ms) override;
  Stored<bool> renew(std::string_view owner, std::int64_t ttl_ms) override;
  Stored<bool> release(std::string_view owner) override;

 private:
  [[nodiscard]] Stored<bool> keep(std::string_view owner, std::int64_t ttl_ms);

  Client client_;
};

}  // namespace edgeward::cache::redis
