#pragma once

#include <cstdint>
#include <span>

namespace edgeward::cache {

/// One content as a cache sees it.
struct ContentDemand {
  double requests_per_second = 0;
  std::uint64_t size_bytes = 0;
};

/// Che's approximation of an LRU cache under independent requests (Che, Tung, Wang, "Hierarchical
/// Web caching systems", IEEE JSAC 2002; sizes as in Fricker, Robert, Roberts, ITC 24, 2012): an
/// object stays for about the same time T since its last request, with sum of
/// size · (1 − e^(−rate · T)) = capacity.
/// Returns T in seconds; infinity if everything that is asked for fits. O(contents · 60).
[[nodiscard]] double characteristic_time_s(std::span<const ContentDemand> contents,
                                           std::uint64_t capacity_bytes);

/// The chance that a content is cached: 1 − e^(−rate · T).
[[nodiscard]] double hit_probability(double requests_per_second, double characteristic_time_s);

}  // namespace edgeward::cache
