#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string_view>

#include "cache/store/edge_store.hpp"

namespace edgeward::cache {

/// A controller's copy of what an edge holds. Follows its changes; where some were lost, reads
/// those buckets again whose digest differs. 32 bytes an object.
class InventoryCopy {
 public:
  /// Takes what changed since the last call. On an error what was there stays, and may be of
  /// before.
  Stored<Done> follow(EdgeStore& store, std::string_view edge);
  /// Compares digests, whatever changes say: for a store that lost what it had acknowledged.
  Stored<Done> compare(EdgeStore& store, std::string_view edge);

  /// Its size; nothing where the edge does not hold it.
  [[nodiscard]] std::optional<std::uint64_t> find(ContentId content) const;
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }
  [[nodiscard]] std::uint64_t seq() const { return digests_.seq; }

 private:
  using Bucket = boost::unordered_flat_map<std::uint64_t, std::uint64_t>;  ///< sizes by content

  void set(const Holding& holding);
  void erase(ContentId content);
  Stored<Done> replace_bucket(EdgeStore& store, std::string_view edge, std::size_t bucket);

  std::array<Bucket, kInventoryBuckets> buckets_;
  InventoryDigests digests_{.seq = 0, .buckets = std::vector<std::uint64_t>(kInventoryBuckets)};
  std::uint64_t used_bytes_ = 0;
};

}  // namespace edgeward::cache
