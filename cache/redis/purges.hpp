#pragma once

#include <string>

#include "cache/redis/client.hpp"
#include "cache/redis/key_names.hpp"
#include "cache/redis/options.hpp"
#include "cache/store/purge_store.hpp"

namespace edgeward::cache::redis {

/// The controllers' side of purges, in the control Redis (7.0 or later).
class RedisPurgeStore final : public PurgeStore {
 public:
  RedisPurgeStore(const Servers& servers, Clock clock, std::uint64_t seed);

  Stored<bool> ask(const Purge& purge, std::span<const std::string> awaited,
                   std::int64_t ttl_ms) override;
  Stored<std::optional<PurgeStatus>> status(std::string_view id) override;
  Stored<std::vector<Purge>> latest(std::size_t count) override;

 private:
  Client client_;
};

/// An edge's side: purges are in the control Redis, how far the edge has come is in its own.
class RedisEdgePurges final : public EdgePurges {
 public:
  RedisEdgePurges(std::string_view edge, const Servers& servers, Clock clock, std::uint64_t seed);

  Stored<std::string> position() override;
  Stored<Done> set_position(std::string_view entry) override;
  Stored<PurgeNews> purges(std::string_view after, std::size_t count) override;
  Stored<Done> acknowledge(std::string_view id, std::uint64_t removed) override;

 private:
  std::string edge_;
  EdgeKeys keys_;
  Client control_;
  Client own_;
};

}  // namespace edgeward::cache::redis
