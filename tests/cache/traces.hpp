#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "cache/eviction/policy.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

/// A request stream over a few objects, with all that a CacheSpec wants to know of it.
struct Trace {
  std::vector<ObjectIndex> requests;
  std::vector<std::uint64_t> sizes_bytes;
  std::vector<RequestIndex> next_access;

  void derive_next_access() {
    std::vector<RequestIndex> next(sizes_bytes.size(), kNever);
    next_access.resize(requests.size());
    for (std::size_t i = requests.size(); i-- > 0;) {
      next_access[i] = next[requests[i]];
      next[requests[i]] = static_cast<RequestIndex>(i);
    }
  }

  /// The spans of the spec are the trace's: it must stay where it is.
  [[nodiscard]] CacheSpec spec(std::uint64_t capacity_bytes, std::uint64_t seed = 7) const {
    return {.sizes_bytes = sizes_bytes,
            .capacity_bytes = capacity_bytes,
            .seed = seed,
            .future = {.requests = requests, .next_access = next_access}};
  }

  [[nodiscard]] std::uint64_t footprint_bytes() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t size : sizes_bytes) sum += size;
    return sum;
  }
};

enum class Sizes { unit, mixed };

struct TraceOptions {
  std::uint64_t seed = 1;
  Sizes sizes = Sizes::unit;
  std::size_t requests = 600;
  ObjectIndex objects = 60;
  std::uint64_t scan_one_in = 4;  ///< one request in so many goes to the next object of a scan
};

/// A few popular objects, many rare ones, scans in between. Mixed sizes have zeros, many small
/// objects, and some that fill most of a small cache or do not fit it.
inline Trace random_trace(const TraceOptions& options) {
  Random random(options.seed);
  Trace trace;
  for (ObjectIndex object = 0; object < options.objects; ++object) {
    const std::uint64_t small = random.below(6);
    const std::uint64_t mixed = random.below(8) == 0 ? random.below(60) : small;
    trace.sizes_bytes.push_back(options.sizes == Sizes::unit ? 1 : mixed);
  }
  ObjectIndex scan = 0;
  while (trace.requests.size() < options.requests) {
    const double skewed = random.unit() * random.unit() * random.unit();
    const bool scans = random.below(options.scan_one_in) == 0;
    scan = (scan + 1) % options.objects;
    trace.requests.push_back(scans ? scan : static_cast<ObjectIndex>(skewed * options.objects));
  }
  trace.derive_next_access();
  return trace;
}

}  // namespace edgeward::cache
