#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "cache/store/lru_inventory.hpp"
#include "cache/store/purge_values.hpp"
#include "controller/agent/store_threads.hpp"
#include "controller/agent/tasks.hpp"

namespace edgeward::controller {

/// An object as it was at some time; what took its place has another version.
struct HeldVersion {
  cache::ContentId content{};
  std::uint64_t version = 0;
};

/// What an edge holds, in its memory and in its store, and the room for more. Invariant: what is
/// held, what is being removed and what is reserved for objects that are being written are never
/// together more than the capacity. Of the agent's thread.
class Holdings {
 public:
  Holdings(Tasks& tasks, StoreThreads& store, std::uint64_t capacity_bytes)
      : store_(store), changed_(tasks.context()), capacity_bytes_(capacity_bytes) {}

  [[nodiscard]] cache::LruInventory& index() { return index_; }
  [[nodiscard]] StoreThreads& store() { return store_; }
  [[nodiscard]] std::uint64_t capacity_bytes() const { return capacity_bytes_; }
  /// Held, being removed and reserved.
  [[nodiscard]] std::uint64_t occupied_bytes() const {
    return index_.used_bytes() + leaving_bytes_ + reserved_bytes_;
  }
  [[nodiscard]] std::uint64_t evictions() const { return evictions_; }
  /// Of these, what a plan asked for.
  [[nodiscard]] std::uint64_t protected_evictions() const { return protected_evictions_; }

  /// Reserves room, for which what was not used for longest goes. Fails as out_of_memory where
  /// there is none, else as the store does.
  [[nodiscard]] cache::Stored<cache::Done> reserve(std::uint64_t bytes, Tasks::Yield yield);
  void release(std::uint64_t bytes);
  /// Removes what goes next, where the store has less room than was thought.
  [[nodiscard]] cache::Stored<cache::Done> evict_one(Tasks::Yield yield);
  /// It is complete in the store; its bytes were reserved. A plan asks for it until then.
  void add(cache::ContentId content, const cache::ObjectMeta& meta,
           std::int64_t protected_until_ms);
  /// Out of memory at once, and then out of the store. Done where it is not held.
  cache::Stored<cache::Done> remove(cache::ContentId content, Tasks::Yield yield);
  /// The same where it is still of that version. Done only if that is gone, whoever removed it.
  [[nodiscard]] cache::Stored<cache::Done> remove(const HeldVersion& held, Tasks::Yield yield);
  /// What is held and a purge is of. From here on it is served to nobody, and asked for anew
  /// without conditions; it is to be removed.
  [[nodiscard]] std::vector<HeldVersion> condemn(const cache::Purge& purge);

 private:
  StoreThreads& store_;
  cache::LruInventory index_;
  Signal changed_;
  std::uint64_t capacity_bytes_;
  std::uint64_t reserved_bytes_ = 0;
  std::uint64_t leaving_bytes_ = 0;
  std::map<cache::ContentId, unsigned> leaving_;  ///< removals that the store has not answered
  std::uint64_t evictions_ = 0;
  std::uint64_t protected_evictions_ = 0;
};

}  // namespace edgeward::controller
