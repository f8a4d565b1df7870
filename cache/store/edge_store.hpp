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

/// What publish() left behind.
enum class Published : std::uint8_t {
  now,     ///< it is in force from here on
  before,  ///< it was in force already: nothing was done
};

/// Requests that came together.
struct RequestBatch {
  std::string entry;  ///< what forget_requests() names it by
  std::vector<EdgeRequest> requests;
};

struct RequestBatches {
  std::vector<RequestBatch> batches;
  std::uint64_t lost_entries = 0;  ///< trimmed before anybody of the group had read them
  std::uint64_t bad_entries = 0;   ///< that made no sense: they are forgotten
};

/// Changes after a seq, in order.
struct InventoryChanges {
  std::vector<InventoryChange> changes;
  /// Some before these are gone: compare digests, and read the buckets that differ.
  bool has_gap = false;
};

/// The controllers' side of what they share with edges. All calls are atomic at the edge they name,
/// may be repeated, and come back within the store's time limits. Edges are named, since numbers
/// change with the fleet. Not thread-safe: one object a thread.
class EdgeStore {
 public:
  virtual ~EdgeStore() = default;

  /// Makes a plan the one that the edge acts on, in batches of kActionsABatchMax. Edges act on none
  /// of it before all is there. A plan that broke off is taken up by publishing it again, by this
  /// planner or the next. Fails with stale_epoch once a later epoch has published to this edge.
  virtual Stored<Published> publish(std::string_view edge, const Plan& plan) = 0;
  /// Nothing where none was published.
  virtual Stored<std::optional<PlanSummary>> plan(std::string_view edge) = 0;
  /// Actions given up, the oldest first, from after the entry `after` (empty: the first).
  virtual Stored<std::vector<DeadLetter>> dead_letters(std::string_view edge,
                                                       std::string_view after,
                                                       std::size_t count) = 0;

  /// Nothing where the edge said nothing, or that too long ago.
  virtual Stored<std::optional<EdgeReport>> report(std::string_view edge) = 0;

  virtual Stored<InventoryDigests> inventory_digests(std::string_view edge) = 0;
  /// By content, ascending.
  virtual Stored<std::vector<Holding>> inventory(std::string_view edge, std::size_t bucket) = 0;
  virtual Stored<InventoryChanges> inventory_changes(std::string_view edge, std::uint64_t after_seq,
                                                     std::size_t count) = 0;

  /// Requests that no controller of the group has read; those that one of them read and did not
  /// forget within `idle_ms` come again.
  virtual Stored<RequestBatches> read_requests(std::string_view edge, std::string_view group,
                                               std::string_view consumer, std::size_t entries,
                                               std::int64_t idle_ms) = 0;
  virtual Stored<Done> forget_requests(std::string_view edge, std::string_view group,
                                       std::span<const std::string> entries) = 0;
};

/// Who plans: one of several controllers at a time.
class PlannerLease {
 public:
  virtual ~PlannerLease() = default;

  /// Takes the lease for that long and gives the epoch to publish with, larger than every one
  /// before; nothing while another owner has it. An owner that has it already keeps its epoch and
  /// renews.
  virtual Stored<std::optional<std::uint64_t>> acquire(std::string_view owner,
                                                       std::int64_t ttl_ms) = 0;
  /// False where it is not the owner's any more: it is to stop planning.
  virtual Stored<bool> renew(std::string_view owner, std::int64_t ttl_ms) = 0;
  /// False where it was not the owner's.
  virtual Stored<bool> release(std::string_view owner) = 0;
};

}  // namespace edgeward::cache
