#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/segment.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

/// Segmented LRU: Karedla, Love, Wherry, "Caching strategies to improve disk system performance",
/// IEEE Computer 1994, with several protected segments (as in Huang et al., "An analysis of
/// Facebook photo caching", SOSP 2013). Objects enter the lowest segment (while the cache fills:
/// the lowest that has room); a hit moves an object to the front of the next higher one; what that
/// pushes over its limit moves to the front of the one below. Eviction takes the back of the
/// lowest, which may use what room the others leave. Settings: segments (4), oversize=admit|refuse
/// for objects larger than a segment.
class Slru final : public PolicyBase<Slru> {
 public:
  Slru(const CacheSpec& spec, std::uint8_t segments, bool refuses_oversize)
      : PolicyBase(spec),
        limit_bytes_(capacity_bytes() / segments),
        refuses_oversize_(refuses_oversize),
        places_(universe()),
        top_(segments) {
    for (std::uint8_t tag = 0; tag <= top_; ++tag) segments_.emplace_back(tag);
  }

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&places_[object], 1); }

  bool lookup(ObjectIndex object) {
    const std::uint8_t tag = places_[object].tag;
    if (tag == 0) return false;
    if (tag == top_ || size_bytes(object) > limit_bytes_) {
      segments_[tag].renew(places_.data(), object);
    } else {
      promote(object, tag);
    }
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    if (refuses_oversize_ && size > std::max<std::uint64_t>(1, limit_bytes_)) return;
    while (!has_room(size)) evict();
    lowest_with_room(size).push(places_.data(), object, size);
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return places_[object].tag != 0;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override {
    return objects() == 0 ? kNoObject : lowest_filled().oldest();
  }

  void check_invariants() const override {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    for (std::uint8_t tag = kLowest; tag <= top_; ++tag) {
      segments_[tag].check("slru segment " + std::to_string(tag), places_, sizes_bytes());
      if (tag != kLowest && segments_[tag].bytes() > limit_bytes_) {
        throw std::logic_error("slru: a segment is over its limit");
      }
      bytes += segments_[tag].bytes();
      count += segments_[tag].objects();
    }
    check_totals("slru", bytes, count);
  }

 private:
  static constexpr std::uint8_t kLowest = 1;

  void promote(ObjectIndex object, std::uint8_t tag) {
    move(object, tag, static_cast<std::uint8_t>(tag + 1));
    for (++tag; tag > kLowest; --tag) {
      while (segments_[tag].bytes() > limit_bytes_) {
        move(segments_[tag].oldest(), tag, static_cast<std::uint8_t>(tag - 1));
      }
    }
  }

  void move(ObjectIndex object, std::uint8_t from, std::uint8_t to) {
    const std::uint64_t size = size_bytes(object);
    segments_[from].erase(places_.data(), object, size);
    segments_[to].push(places_.data(), object, size);
  }

  /// Where a new object goes; the lowest segment if none has room.
  [[nodiscard]] Segment& lowest_with_room(std::uint64_t size) {
    for (std::uint8_t tag = kLowest; tag <= top_; ++tag) {
      if (segments_[tag].bytes() + size <= limit_bytes_) return segments_[tag];
    }
    return segments_[kLowest];
  }

  [[nodiscard]] Segment& lowest_filled() {
    std::uint8_t tag = kLowest;
    while (segments_[tag].empty()) ++tag;
    return segments_[tag];
  }

  void evict() {
    Segment& segment = lowest_filled();
    const ObjectIndex object = segment.oldest();
    const std::uint64_t size = size_bytes(object);
    segment.erase(places_.data(), object, size);
    evicted(object);
  }

  std::uint64_t limit_bytes_;  ///< of every segment but the lowest
  bool refuses_oversize_;
  geo::HugeArray<Place> places_;
  std::vector<Segment> segments_;  ///< by tag; tag 0 stays empty
  std::uint8_t top_;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_slru(const CacheSpec& spec, Parameters& parameters) {
  const auto segments = static_cast<std::uint8_t>(parameters.count("segments", 4, 1, 64));
  const bool refuses_oversize = parameters.choice("oversize", {"admit", "refuse"}) == 1;
  return std::make_unique<Slru>(spec, segments, refuses_oversize);
}

}  // namespace edgeward::cache
