#include <algorithm>
#include <memory>
#include <stdexcept>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/segment.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

/// ARC: Megiddo, Modha, "ARC: a self-tuning, low overhead replacement cache", FAST 2003, figure 4,
/// with bytes in the place of pages. T1 holds objects seen once lately, T2 those seen more often,
/// both LRU; B1 and B2 remember what was evicted from them. A miss remembered in B1 raises the
/// target size p of T1, one in B2 lowers it. Unlike the paper, B1 and B2 have a fixed half of the
/// capacity each: the paper's T1 + B1 ≤ c leaves B1 nothing while a scan fills T1, and objects of
/// many sizes make it worse. Settings: ghost (0.5), share of the capacity that each remembers.
class Arc final : public PolicyBase<Arc> {
 public:
  Arc(const CacheSpec& spec, double ghost)
      : PolicyBase(spec),
        ghost_limit_bytes_(share_bytes(capacity_bytes(), ghost)),
        places_(universe()) {}

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&places_[object], 1); }

  bool lookup(ObjectIndex object) {
    const std::uint8_t tag = places_[object].tag;
    if (tag == kTwice) {
      twice_.renew(places_.data(), object);
      return true;
    }
    if (tag != kOnce) return false;
    const std::uint64_t size = size_bytes(object);
    once_.erase(places_.data(), object, size);
    twice_.push(places_.data(), object, size);
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    const std::uint8_t tag = places_[object].tag;
    if (tag == 0) {
      while (!has_room(size)) evict(false);
      once_.push(places_.data(), object, size);
    } else {
      adapt(tag, static_cast<double>(size));
      (tag == kGhostOnce ? ghost_once_ : ghost_twice_).erase(places_.data(), object, size);
      while (!has_room(size)) evict(tag == kGhostTwice);
      twice_.push(places_.data(), object, size);
    }
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    const std::uint8_t tag = places_[object].tag;
    return tag == kOnce || tag == kTwice;
  }

  void evict_next() { evict(false); }

  [[nodiscard]] ObjectIndex victim() override {
    return objects() == 0 ? kNoObject : (evicts_once(false) ? once_ : twice_).oldest();
  }

  void check_invariants() const override {
    once_.check("arc T1", places_, sizes_bytes());
    twice_.check("arc T2", places_, sizes_bytes());
    ghost_once_.check("arc B1", places_, sizes_bytes());
    ghost_twice_.check("arc B2", places_, sizes_bytes());
    if (std::max(ghost_once_.bytes(), ghost_twice_.bytes()) > ghost_limit_bytes_ || target_ < 0 ||
        target_ > static_cast<double>(capacity_bytes())) {
      throw std::logic_error("arc: the ghosts or the target are over their limits");
    }
    check_totals("arc", once_.bytes() + twice_.bytes(), once_.objects() + twice_.objects());
  }

 private:
  enum Tag : std::uint8_t { kOnce = 1, kTwice, kGhostOnce, kGhostTwice };

  /// Moves the target by the object's size times the ratio of the ghost lists, at least one.
  void adapt(std::uint8_t tag, double size) {
    if (size == 0) return;
    const auto ghost_once = static_cast<double>(ghost_once_.bytes());
    const auto ghost_twice = static_cast<double>(ghost_twice_.bytes());
    target_ = tag == kGhostOnce
                  ? std::min(static_cast<double>(capacity_bytes()),
                             target_ + size * std::max(1.0, ghost_twice / ghost_once))
                  : std::max(0.0, target_ - size * std::max(1.0, ghost_once / ghost_twice));
  }

  [[nodiscard]] bool evicts_once(bool for_ghost_twice) const {
    if (once_.empty() || twice_.empty()) return twice_.empty();
    const auto bytes = static_cast<double>(once_.bytes());
    return bytes > target_ || (for_ghost_twice && bytes == target_);
  }

  /// The paper's REPLACE.
  void evict(bool for_ghost_twice) {
    const bool from_once = evicts_once(for_ghost_twice);
    Segment& segment = from_once ? once_ : twice_;
    const ObjectIndex object = segment.oldest();
    const std::uint64_t size = size_bytes(object);
    segment.erase(places_.data(), object, size);
    (from_once ? ghost_once_ : ghost_twice_)
        .remember(places_.data(), object, sizes_bytes(), ghost_limit_bytes_);
    evicted(object);
  }

  std::uint64_t ghost_limit_bytes_;  ///< of each ghost list
  geo::HugeArray<Place> places_;
  Segment once_{kOnce};               ///< T1
  Segment twice_{kTwice};             ///< T2
  Segment ghost_once_{kGhostOnce};    ///< B1
  Segment ghost_twice_{kGhostTwice};  ///< B2
  double target_ = 0;                 ///< p, bytes that T1 should have
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_arc(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<Arc>(spec,
                               parameters.number("ghost", {.fallback = 0.5, .low = 0, .high = 10}));
}

}  // namespace edgeward::cache
