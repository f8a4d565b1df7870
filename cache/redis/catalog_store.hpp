#pragma once

#include <cstdint>

#include "cache/redis/client.hpp"
#include "cache/redis/options.hpp"
#include "cache/store/catalog_store.hpp"

namespace edgeward::cache::redis {

/// The catalogue in Redis, at the one that has control: see the folder's README for the keys. The
/// most popular are asked of all 64 shards.
class RedisCatalogStore final : public CatalogStore {
 public:
  RedisCatalogStore(const Servers& servers, Clock clock, std::uint64_t seed);

  Stored<Done> put(std::span<const RankedEntry> entries) override;
  Stored<Done> remove(std::span<const ContentId> contents) override;
  Stored<std::optional<RankedEntry>> get(ContentId content) override;
  Stored<std::vector<RankedEntry>> most_popular(std::size_t count) override;

 private:
  [[nodiscard]] Stored<Done> put_shard(std::size_t shard,
                                       std::span<const RankedEntry* const> entries);

  Client client_;
};

}  // namespace edgeward::cache::redis
