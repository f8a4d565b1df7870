#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cache/ids.hpp"

namespace edgeward::cache::redis {

/// The names of one edge's keys. All have the edge's hash tag, so that a cluster keeps them on one
/// node and a script may touch several.
class EdgeKeys {
 public:
  explicit EdgeKeys(std::string_view edge);

  [[nodiscard]] std::string state() const { return start_ + "state"; }
  [[nodiscard]] std::string inventory(std::size_t bucket) const;
  /// Hash: seq of the last change; by bucket (HH) its digest.
  [[nodiscard]] std::string inventory_digests() const { return start_ + "inventory:digests"; }
  [[nodiscard]] std::string inventory_changes() const { return start_ + "inventory_changes"; }
  [[nodiscard]] std::string object_meta(ContentId content) const;
  [[nodiscard]] std::string object_chunk(ContentId content, std::uint64_t n) const;
  /// Hash: contents that are being written, what a crash leaves to be removed.
  [[nodiscard]] std::string writing() const { return start_ + "writing"; }
  [[nodiscard]] std::string requests() const { return start_ + "requests"; }
  [[nodiscard]] std::string plan() const { return start_ + "plan"; }
  [[nodiscard]] std::string actions() const { return start_ + "actions"; }
  [[nodiscard]] std::string dead() const { return start_ + "dead"; }
  /// String: the entry of the last purge that was done.
  [[nodiscard]] std::string purged() const { return start_ + "purged"; }

 private:
  std::string start_;  ///< edgeward:{EDGE}:
};

inline constexpr std::string_view kLeaderKey = "edgeward:{control}:leader";
inline constexpr std::string_view kEpochKey = "edgeward:{control}:epoch";
inline constexpr std::string_view kPurgeKey = "edgeward:{control}:purge";
/// Hash: what is asked for; by edge (`edge:EDGE`) how many objects it removed, empty before.
[[nodiscard]] std::string purge_answers_key(std::string_view id);

/// The consumer group of an edge's agents.
inline constexpr std::string_view kAgents = "agents";

/// The catalogue is cut into so many parts, each with a hash tag of its own.
inline constexpr std::size_t kCatalogShards = 64;
/// NN is the content's id modulo kCatalogShards, in two decimal digits.
[[nodiscard]] std::size_t catalog_shard(ContentId content);
[[nodiscard]] std::string catalog_entry_key(ContentId content);  ///< edgeward:{catalog:NN}:CONTENT
[[nodiscard]] std::string catalog_index_key(std::size_t shard);  ///< edgeward:{catalog:NN}:index

/// HH, as inventories and their digests name a bucket.
[[nodiscard]] std::string bucket_name(std::size_t bucket);

}  // namespace edgeward::cache::redis
