#pragma once

#include <cstdint>

#include "cache/ids.hpp"

namespace edgeward::cache {

class EvictionPolicy;

/// Decides which missed objects may enter a cache; goes with any eviction policy. Sees only the
/// past. Deterministic, one instance a cache, not thread-safe, no allocation after construction.
class AdmissionPolicy {
 public:
  virtual ~AdmissionPolicy() = default;

  /// Told of every request, before admits() is asked about it.
  virtual void observe(ObjectIndex object, bool hit) = 0;

  /// Asked on a miss of an object that fits the capacity. `cache` is where it would go.
  [[nodiscard]] virtual bool admits(ObjectIndex object, EvictionPolicy& cache) = 0;
};

}  // namespace edgeward::cache
