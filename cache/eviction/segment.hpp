#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

#include "cache/eviction/index_list.hpp"

namespace edgeward::cache {

/// Where an object is: its neighbours in the one segment that holds it, that segment's tag, and a
/// field that is the policy's own. 12 bytes, one prefetch.
struct Place : Link {
  std::uint8_t tag = 0;  ///< 0: in no segment, neither cached nor remembered
  std::uint8_t count = 0;
};

/// A part of a cache, or a ghost list, in the order of arrival (push or renew): a list that keeps
/// count of its bytes and writes its tag into the places of its members. All segments of a policy
/// share one array of Places, so an object is in at most one of them.
class Segment {
 public:
  explicit Segment(std::uint8_t tag) : tag_(tag) {}

  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] std::uint64_t objects() const { return list_.size(); }
  [[nodiscard]] bool empty() const { return list_.empty(); }
  [[nodiscard]] ObjectIndex oldest() const { return list_.back(); }

  void push(Place* places, ObjectIndex object, std::uint64_t size_bytes) {
    list_.push_front(places, object);
    places[object].tag = tag_;
    bytes_ += size_bytes;
  }

  void erase(Place* places, ObjectIndex object, std::uint64_t size_bytes) {
    list_.erase(places, object);
    places[object].tag = 0;
    bytes_ -= size_bytes;
  }

  /// As a ghost list of at most `limit_bytes`: pushes, then forgets the oldest until it holds; an
  /// object larger than the limit is forgotten last, after all others.
  void remember(Place* places, ObjectIndex object, std::span<const std::uint64_t> sizes_bytes,
                std::uint64_t limit_bytes) {
    push(places, object, sizes_bytes[object]);
    while (bytes_ > limit_bytes) erase(places, oldest(), sizes_bytes[oldest()]);
  }

  /// Makes a member the newest.
  void renew(Place* places, ObjectIndex object) { list_.move_to_front(places, object); }

  /// Walks the list and compares; throws std::logic_error where it disagrees with what it counts.
  void check(std::string_view name, std::span<const Place> places,
             std::span<const std::uint64_t> sizes_bytes) const {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    ObjectIndex newer = kNoObject;
    for (ObjectIndex object = list_.front(); object != kNoObject; object = places[object].older) {
      if (places[object].tag != tag_ || places[object].newer != newer || count > places.size()) {
        throw std::logic_error(
            fmt::format("{}: object {} has tag {}, newer neighbour {}; expected "
                        "{}, {}",
                        name, object, places[object].tag, places[object].newer, tag_, newer));
      }
      bytes += sizes_bytes[object];
      ++count;
      newer = object;
    }
    const auto tagged = static_cast<std::uint64_t>(std::count_if(
        places.begin(), places.end(), [this](const Place& place) { return place.tag == tag_; }));
    if (bytes != bytes_ || count != objects() || count != tagged || newer != oldest()) {
      throw std::logic_error(
          fmt::format("{}: holds {} objects of {} bytes, {} have its tag, but counted {} of {}",
                      name, count, bytes, tagged, objects(), bytes_));
    }
  }

 private:
  IndexList list_;
  std::uint64_t bytes_ = 0;
  std::uint8_t tag_;
};

/// floor(fraction · capacity), the product taken in double precision.
[[nodiscard]] inline std::uint64_t share_bytes(std::uint64_t capacity_bytes, double fraction) {
  const double share = fraction * static_cast<double>(capacity_bytes);
  return share < 0x1p64 ? static_cast<std::uint64_t>(share) : ~std::uint64_t{0};
}

/// The same for the segment that objects enter, which has room for one object of size 1 even where
/// the share is smaller: so caches of a few objects work.
[[nodiscard]] inline std::uint64_t entry_bytes(std::uint64_t capacity_bytes, double fraction) {
  return std::max<std::uint64_t>(1, share_bytes(capacity_bytes, fraction));
}

}  // namespace edgeward::cache
