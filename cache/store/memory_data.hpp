#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/store/memory_store.hpp"

namespace edgeward::cache {

// As in Redis.
constexpr std::size_t kChangesMax = 100'000;
constexpr std::size_t kRequestEntriesMax = 8192;
constexpr std::size_t kDeadLettersMax = 10'000;

/// As entries of a stream are named: they sort as they came.
[[nodiscard]] std::string entry_name(std::uint64_t n);

/// What was given to somebody and is not done.
struct Pending {
  std::int64_t given_at_ms = 0;
  std::uint64_t deliveries = 0;
};

struct RequestGroup {
  std::uint64_t next = 1;  ///< entry to be read next
  std::map<std::uint64_t, Pending> pending;
};

struct StoredObject {
  std::uint64_t version = 0;
  bool is_complete = false;
  ObjectMeta meta;
  std::map<std::uint64_t, std::string> chunks;
};

struct StoredReport {
  EdgeReport report;
  std::int64_t ends_at_ms = 0;
};

struct StoredPurge {
  PurgeStatus status;
  std::int64_t ends_at_ms = 0;
};

struct EdgeData {
  std::optional<StoredReport> report;
  std::map<ContentId, StoredObject> objects;
  InventoryDigests digests{.seq = 0, .buckets = std::vector<std::uint64_t>(kInventoryBuckets)};
  std::deque<InventoryChange> changes;
  std::uint64_t requests_begin = 1;  ///< entry at the front
  std::deque<std::vector<EdgeRequest>> requests;
  std::map<std::string, RequestGroup, std::less<>> groups;
  std::optional<PlanSummary> plan;
  std::uint64_t actions_end = 1;   ///< entry of the next action
  std::uint64_t actions_next = 1;  ///< entry that nobody has got
  std::map<std::uint64_t, PlannedAction> actions;
  std::map<std::uint64_t, Pending> pending;
  std::uint64_t dead_end = 1;
  std::deque<DeadLetter> dead;
  std::string purge_position;

  void note_change(bool is_held, const Holding& holding) {
    digests.buckets[inventory_bucket(holding.content)] ^= digest_of(holding);
    changes.push_back({.seq = ++digests.seq, .is_held = is_held, .holding = holding});
    if (changes.size() > kChangesMax) changes.pop_front();
  }
  /// Of one that is to be forgotten.
  void note_gone(const StoredObject& object, ContentId content) {
    if (object.is_complete) {
      note_change(false, {.content = content, .size_bytes = object.meta.length_bytes});
    }
  }
};

/// What entry_name() was given.
[[nodiscard]] std::uint64_t number_of(std::string_view entry);

struct MemoryStore::Shared {
  Clock clock;
  std::mutex mutex;  ///< guards what follows
  std::map<std::string, EdgeData, std::less<>> edges;
  std::string owner;
  std::int64_t lease_ends_at_ms = 0;
  std::uint64_t epoch = 0;
  std::uint64_t purges_end = 1;  ///< entry of the next
  std::deque<Purge> purges;
  std::map<std::string, StoredPurge, std::less<>> purge_answers;

  EdgeData& edge(std::string_view name) { return edges[std::string(name)]; }
};

using SharedMemory = std::shared_ptr<MemoryStore::Shared>;

[[nodiscard]] std::unique_ptr<AgentStore> make_memory_agent_store(SharedMemory shared,
                                                                  std::string_view edge);
[[nodiscard]] std::unique_ptr<PurgeStore> make_memory_purge_store(SharedMemory shared);
[[nodiscard]] std::unique_ptr<EdgePurges> make_memory_edge_purges(SharedMemory shared,
                                                                  std::string_view edge);

}  // namespace edgeward::cache
