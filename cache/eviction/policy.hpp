#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cache/ids.hpp"

namespace edgeward::cache {

class AdmissionPolicy;

/// Position of a request in the replayed stream.
using RequestIndex = std::uint32_t;
inline constexpr RequestIndex kNever = 0xFFFF'FFFF;

/// What only a ceiling may see: the whole stream, and for each request the position of the next
/// request for the same object (kNever if there is none). Both spans have one entry a request.
struct Future {
  std::span<const ObjectIndex> requests;
  std::span<const RequestIndex> next_access;
};

/// What else keeps objects in the space of a policy: who evicts one of these drops it from its own
/// books, and it stays where it is.
class Sharer {
 public:
  virtual ~Sharer() = default;
  /// The policy has let the object go: the bytes that are the sharer's alone from now on; 0 if it
  /// does not keep the object.
  [[nodiscard]] virtual std::uint64_t take_over(ObjectIndex object) = 0;
};

/// What a policy is built on. The spans must outlive the policy.
struct CacheSpec {
  std::span<const std::uint64_t> sizes_bytes;  ///< by ObjectIndex; with --unit-size all are 1
  std::uint64_t capacity_bytes = 0;
  std::uint64_t seed = 0;
  Future future;  ///< empty but for ceilings
  /// One of many caches on one trace, as at the edges of a fleet: policies that can (lru) then keep
  /// memory for what is cached, not for every object of the trace. Changes no hit.
  bool is_one_of_many = false;
};

/// One cache under one eviction policy: the seam at which strategies are swapped.
///
/// A request for an object that is in the cache is a hit; otherwise the object is inserted unless
/// it is larger than the capacity, admission refuses it, or the policy itself does (gdsf, wtinylfu,
/// belady with bypass). Objects are evicted until it fits: used_bytes() ≤ capacity after every
/// request. Capacity counts object bytes only; what a sharer keeps is no part of it.
///
/// Policies are deterministic: same spec, same requests, same hits. Not thread-safe; each thread
/// has caches of its own. Cost: O(1) a request, O(log n) where a heap is named; memory: a few words
/// for each object of the trace, no allocation while replaying.
class EvictionPolicy {
 public:
  virtual ~EvictionPolicy() = default;

  /// Replays `requests` in order and writes hits[i] = 1 for a hit, 0 for a miss. May be called
  /// again with the requests that follow. `admission` may be null: everything is admitted.
  virtual void replay(std::span<const ObjectIndex> requests, AdmissionPolicy* admission,
                      std::uint8_t* hits) = 0;

  /// Starts to fetch what replay() and contains() will read of these objects into the processor's
  /// cache: for callers that go from cache to cache with few requests for each.
  virtual void prefetch_all(std::span<const ObjectIndex> objects) const = 0;

  [[nodiscard]] virtual bool contains(ObjectIndex object) const = 0;

  /// The object that eviction would take next; kNoObject when nothing is cached. Changes no
  /// contents, though a clock hand may advance to its victim.
  [[nodiscard]] virtual ObjectIndex victim() = 0;

  /// Has `sharer` keep that many bytes in the same capacity, of which `common_bytes` are of objects
  /// that the policy holds as well: these are there once, until the policy lets them go. Evicts at
  /// once what has no room beside the rest. Parts of a policy (segments, ghosts) keep the sizes
  /// that the whole capacity gives them. Throws std::logic_error for a ceiling, which shares with
  /// nobody.
  virtual void share(Sharer* sharer, std::uint64_t bytes, std::uint64_t common_bytes) = 0;

  [[nodiscard]] virtual std::uint64_t capacity_bytes() const = 0;
  [[nodiscard]] virtual std::uint64_t used_bytes() const = 0;
  [[nodiscard]] virtual std::uint64_t objects() const = 0;
  [[nodiscard]] virtual std::uint64_t evictions() const = 0;

  /// Derives everything it keeps count of anew and compares; throws std::logic_error naming what
  /// disagrees. Linear in the objects of the trace.
  virtual void check_invariants() const = 0;
};

}  // namespace edgeward::cache
