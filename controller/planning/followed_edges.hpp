#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cache/hit_learner.hpp"
#include "cache/store/edge_values.hpp"
#include "cache/store/inventory_copy.hpp"

namespace edgeward::controller {

/// A request that an edge told of.
struct FollowedRequest {
  cache::CacheEvent event;
  std::string key;  ///< canonical; empty: not known
};

/// What an edge's Redis told, between whoever reads it and whoever plans.
struct FollowedEdge {
  std::mutex inventory_mutex;  ///< is held while the store is asked: only who plans waits for it
  cache::InventoryCopy inventory;

  std::mutex mutex;
  std::vector<FollowedRequest> requests;  ///< that were not taken yet
  std::uint64_t held_objects = 0;
  std::uint64_t held_bytes = 0;
  std::optional<cache::EdgeReport> report;
  std::string error;  ///< of the last round; empty: it was done
  bool was_read = false;
  std::optional<std::int64_t> lag_ms;
  std::uint64_t requests_read = 0;
  std::uint64_t lost_entries = 0;
  std::uint64_t bad_entries = 0;
};

}  // namespace edgeward::controller
