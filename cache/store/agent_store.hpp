#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store/edge_values.hpp"
#include "cache/store/store_error.hpp"

namespace edgeward::cache {

/// Bytes of one chunk of an object; its last may be shorter.
inline constexpr std::size_t kChunkBytes = 1 << 20;
[[nodiscard]] constexpr std::uint64_t chunks_of(std::uint64_t length_bytes) {
  return (length_bytes + kChunkBytes - 1) / kChunkBytes;
}

/// What is known of an object beside its bytes.
struct ObjectMeta {
  std::string key;
  std::uint64_t length_bytes = 0;
  /// Grows with each time the object is written, so that no reader mixes two of them.
  std::uint64_t version = 0;
  std::string fields;  ///< of its header, for clients: lines that end with CR LF
  std::string etag;
  std::string last_modified;
  std::int64_t stored_at_ms = 0;  ///< when it would have left its origin
  std::int64_t fresh_until_ms = 0;
  std::int64_t stale_until_ms = 0;        ///< stale-while-revalidate
  std::int64_t error_stale_until_ms = 0;  ///< stale-if-error

  bool operator==(const ObjectMeta&) const = default;
};

struct HeldObject {
  ContentId content{};
  ObjectMeta meta;

  bool operator==(const HeldObject&) const = default;
};

/// The edge's side of what it shares with controllers, and its objects. Of one edge, whose only
/// writer is the process that has it. Calls may be repeated. Not thread-safe: one object a thread.
class AgentStore {
 public:
  virtual ~AgentStore() = default;

  // Objects. One becomes visible, and part of the inventory, when it is completed.

  virtual Stored<Done> begin_object(ContentId content, std::uint64_t version) = 0;
  virtual Stored<Done> put_chunk(ContentId content, std::uint64_t n, std::string_view bytes) = 0;
  virtual Stored<Done> complete_object(ContentId content, const ObjectMeta& meta) = 0;
  /// Changes what is known of an object; its bytes stay. False where it is not there.
  virtual Stored<bool> update_object(ContentId content, const ObjectMeta& meta) = 0;
  /// Also one that was begun and not completed. `chunks` is at least how many there may be.
  virtual Stored<Done> remove_object(ContentId content, std::uint64_t chunks) = 0;
  /// Nothing where it is not there, or not of that version any more.
  virtual Stored<std::optional<std::string>> chunk(ContentId content, std::uint64_t version,
                                                   std::uint64_t n) = 0;
  /// Everything that is there, after what a crash left half done was removed. By content.
  virtual Stored<std::vector<HeldObject>> recover() = 0;

  // Telling controllers.

  virtual Stored<Done> report(const EdgeReport& report, std::int64_t ttl_ms) = 0;
  /// At most kRequestsAnEntryMax.
  virtual Stored<Done> append_requests(std::span<const EdgeRequest> requests) = 0;

  // Plans.

  virtual Stored<std::optional<PlanSummary>> plan() = 0;
  /// Actions that nobody has got yet, the oldest first, in the name of `consumer`.
  virtual Stored<std::vector<PlannedAction>> next_actions(std::string_view consumer,
                                                          std::size_t count) = 0;
  /// Actions that somebody got, and neither finished nor gave up within `idle_ms`.
  virtual Stored<std::vector<PlannedAction>> claim_actions(std::string_view consumer,
                                                           std::size_t count,
                                                           std::int64_t idle_ms) = 0;
  /// It was done. Counts for the plan once, and never comes again. False where it was finished.
  virtual Stored<bool> finish(const PlannedAction& action) = 0;
  /// It was given up: a dead letter says why.
  virtual Stored<bool> give_up(const PlannedAction& action, std::string_view error,
                               std::int64_t at_ms) = 0;
  /// It is of a plan that is not in force: it never comes again, and counts for nothing.
  virtual Stored<Done> drop(std::span<const PlannedAction> actions) = 0;
};

}  // namespace edgeward::cache
