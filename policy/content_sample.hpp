#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cache/ids.hpp"
#include "policy/shadow_caches.hpp"

namespace edgeward::policy {

/// Which contents shadow caches see where nobody knows beforehand how many there will be: those
/// whose hash falls into a part of 2^-k, so that whole contents are in or out (SHARDS: Waldspurger,
/// Park, Garthwaite, Ahmad, FAST 2015), under dense numbers as they come. The numbers run out; then
/// it begins anew, with half of the part if they ran out soon, and so must the caches.
class ContentSample {
 public:
  explicit ContentSample(std::size_t objects_max) : sizes_bytes_(objects_max) {}

  /// The content's number, a new one where it had none; kNoObject if it is not in the sample, or if
  /// there are no numbers left.
  [[nodiscard]] cache::ObjectIndex add(cache::ContentId content, std::uint64_t size_bytes);
  /// kNoObject if it has none.
  [[nodiscard]] cache::ObjectIndex find(cache::ContentId content) const;
  [[nodiscard]] bool contains(cache::ContentId content) const;

  /// Whether contents had to be left out since it began.
  [[nodiscard]] bool is_full() const { return is_full_; }
  /// Begins anew; numbers given before mean nothing any more.
  void restart(bool with_half);

  [[nodiscard]] double ratio() const {
    return 1.0 / static_cast<double>(std::uint64_t{1} << halvings_);
  }
  /// Refers to this object, which outlives the caches.
  [[nodiscard]] ShadowSample shadow_sample() const {
    return {.sizes_bytes = sizes_bytes_, .ratio = ratio()};
  }

 private:
  boost::unordered_flat_map<std::uint64_t, cache::ObjectIndex> numbers_;
  std::vector<std::uint64_t> sizes_bytes_;  ///< by number; 0 where it is not given yet
  unsigned halvings_ = 0;
  bool is_full_ = false;
};

}  // namespace edgeward::policy
