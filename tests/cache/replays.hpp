#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

/// A small stream of requests with what ceilings need to know of it.
struct Stream {
  std::vector<ObjectIndex> requests;
  std::vector<std::uint64_t> sizes_bytes;
  std::vector<RequestIndex> next_access;

  Stream(std::vector<ObjectIndex> the_requests, std::vector<std::uint64_t> the_sizes)
      : requests(std::move(the_requests)),
        sizes_bytes(std::move(the_sizes)),
        next_access(requests.size(), kNever) {
    std::vector<RequestIndex> later(sizes_bytes.size(), kNever);
    for (std::size_t i = requests.size(); i-- > 0;) {
      next_access[i] = later[requests[i]];
      later[requests[i]] = static_cast<RequestIndex>(i);
    }
  }

  [[nodiscard]] CacheSpec spec(std::uint64_t capacity_bytes, std::uint64_t seed = 1) const {
    return {.sizes_bytes = sizes_bytes,
            .capacity_bytes = capacity_bytes,
            .seed = seed,
            .future = {.requests = requests, .next_access = next_access}};
  }

  [[nodiscard]] std::uint64_t footprint() const {
    std::uint64_t bytes = 0;
    for (const std::uint64_t size : sizes_bytes) bytes += size;
    return bytes;
  }
};

/// Popularity falls as 1 / (rank + 1) squared-ish: the least of two even draws. Sizes 1 ..
/// size_most.
inline Stream random_stream(Random& random, std::size_t requests, std::uint32_t objects,
                            std::uint64_t size_most) {
  std::vector<ObjectIndex> ids(requests);
  for (ObjectIndex& id : ids) {
    id = static_cast<ObjectIndex>(std::min(random.below(objects), random.below(objects)));
  }
  std::vector<std::uint64_t> sizes(objects);
  for (std::uint64_t& size : sizes) size = 1 + random.below(size_most);
  return {std::move(ids), std::move(sizes)};
}

/// One hit flag a request, after the policy's own check of its invariants.
inline std::vector<std::uint8_t> replay(const Stream& stream, std::string_view policy,
                                        std::uint64_t capacity_bytes,
                                        std::string_view admission = "none") {
  const CacheSpec spec = stream.spec(capacity_bytes);
  const auto cache = make_policy(NamedSettings::parse(policy), spec);
  const auto admits = make_admission(NamedSettings::parse(admission), spec);
  std::vector<std::uint8_t> hits(stream.requests.size());
  cache->replay(stream.requests, admits.get(), hits.data());
  cache->check_invariants();
  return hits;
}

inline std::uint64_t misses(const std::vector<std::uint8_t>& hits) {
  std::uint64_t count = 0;
  for (const std::uint8_t hit : hits) count += hit == 0;
  return count;
}

inline std::uint64_t missed_bytes(const Stream& stream, const std::vector<std::uint8_t>& hits) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (hits[i] == 0) bytes += stream.sizes_bytes[stream.requests[i]];
  }
  return bytes;
}

}  // namespace edgeward::cache
