#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/ids.hpp"
#include "cache/plan.hpp"
#include "geo/ip_prefix.hpp"

namespace edgeward::cache {

// What edges and controllers tell each other through a store, and how much of it at once.

/// Requests one entry of the request stream tells of.
inline constexpr std::size_t kRequestsAnEntryMax = 256;
/// Actions one batch of a plan holds.
inline constexpr std::size_t kActionsABatchMax = 512;
/// Actions a plan may have: 128 batches; what an edge does in a day.
inline constexpr std::size_t kActionsAPlanMax = 65'536;
/// Bytes of a key that can be asked for by an action or told of by a request.
inline constexpr std::size_t kKeyBytesMax = 2048;
/// Buckets of an inventory, by the first two hexadecimal digits of a content.
inline constexpr std::size_t kInventoryBuckets = 256;
[[nodiscard]] constexpr std::size_t inventory_bucket(ContentId content) {
  return static_cast<std::size_t>(static_cast<std::uint64_t>(content) >> 56);
}

/// What an edge says of itself, every second or so.
struct EdgeReport {
  std::uint64_t seq = 0;
  std::int64_t at_ms = 0;
  double load_ratio = 0;
  std::uint64_t bandwidth_used_bps = 0;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t used_bytes = 0;
  EdgeMode mode = EdgeMode::ready;

  bool operator==(const EdgeReport&) const = default;
};

/// One request that an edge answered.
struct EdgeRequest {
  std::int64_t at_ms = 0;
  geo::IpPrefix client;  ///< its network: /24, or /48 of IPv6
  std::string key;       ///< canonical
  ContentId content{};
  std::uint64_t size_bytes = 0;
  bool is_hit = false;

  bool operator==(const EdgeRequest&) const = default;
};

/// One object in an edge's inventory.
struct Holding {
  ContentId content{};
  std::uint64_t size_bytes = 0;

  bool operator==(const Holding&) const = default;
};
/// Its part of a bucket's digest. The digest is the exclusive or of these, so the order in which
/// objects come and go is no matter, and an empty bucket has 0.
[[nodiscard]] std::uint64_t digest_of(const Holding& holding);

/// One object that came (or changed its size) or went.
struct InventoryChange {
  std::uint64_t seq = 0;  ///< 1, 2, 3 …: a gap is a change that was lost
  bool is_held = false;
  Holding holding;

  bool operator==(const InventoryChange&) const = default;
};

/// What tells whether a copy of an inventory is up to date.
struct InventoryDigests {
  std::uint64_t seq = 0;               ///< of the last change
  std::vector<std::uint64_t> buckets;  ///< kInventoryBuckets of them

  bool operator==(const InventoryDigests&) const = default;
};

enum class PlanStatus : std::uint8_t {
  writing,   ///< not yet all of it is there: nobody acts on it
  complete,  ///< in force until it ends
};
[[nodiscard]] std::string_view name(PlanStatus status);

/// A plan as an edge's store knows it: its head, and what has become of its actions.
struct PlanSummary {
  std::uint64_t id = 0;
  std::uint64_t epoch = 0;
  std::int64_t valid_until_ms = 0;
  PlanStatus status = PlanStatus::writing;
  std::uint64_t actions = 0;
  std::uint64_t prefetch_bytes = 0;
  std::uint64_t batches = 0;  ///< that are there
  std::uint64_t done = 0;     ///< actions; each counts once, however often it was tried
  std::uint64_t failed = 0;   ///< given up: dead letters

  bool operator==(const PlanSummary&) const = default;
};

/// The head of a plan as it is to be published.
[[nodiscard]] PlanSummary summary_of(const Plan& plan);

/// An action as it comes to an edge. The same one may come again until it is finished.
struct PlannedAction {
  std::string entry;  ///< what finish() and give_up() name it by
  std::uint64_t plan = 0;
  std::uint64_t epoch = 0;
  std::uint64_t n = 0;  ///< its place in the plan
  Action action;
  std::int64_t deadline_ms = 0;  ///< the plan's end
  std::uint64_t deliveries = 1;  ///< how often it has come to somebody

  bool operator==(const PlannedAction&) const = default;
};

/// An action that was given up.
struct DeadLetter {
  std::string entry;
  std::uint64_t plan = 0;
  std::uint64_t n = 0;
  ActionKind kind = ActionKind::evict;
  ContentId content{};
  std::string key;
  std::int64_t at_ms = 0;
  std::string error;

  bool operator==(const DeadLetter&) const = default;
};

}  // namespace edgeward::cache
