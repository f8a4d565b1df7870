#include <memory>
#include <vector>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/segment.hpp"

namespace edgeward::cache {

namespace {

struct S3FifoOptions {
  double small = 0;  ///< share of the capacity from which the small queue is evicted
  double ghost = 0;  ///< bytes remembered, as a share of the capacity
  bool refuses_oversize = false;
};

/// S3-FIFO: Yang, Zhang, Qiu, Yue, Rashmi, "FIFO queues are all you need for cache eviction",
/// SOSP 2023, algorithm 1. New objects enter a small queue; those hit at least twice there move on
/// to the main queue, the others are evicted and remembered in a ghost queue, from which a miss
/// enters main directly. Main is a clock with a counter up to 3. Until the first eviction, what the
/// small queue has no room for enters main, so that a cold cache fills both. Settings: small (0.1),
/// ghost (0.9), oversize=admit|refuse for objects larger than the small queue.
class S3Fifo final : public PolicyBase<S3Fifo> {
 public:
  S3Fifo(const CacheSpec& spec, const S3FifoOptions& options)
      : PolicyBase(spec),
        small_limit_bytes_(entry_bytes(capacity_bytes(), options.small)),
        ghost_limit_bytes_(share_bytes(capacity_bytes(), options.ghost)),
        refuses_oversize_(options.refuses_oversize),
        places_(universe()) {}

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&places_[object], 1); }

  bool lookup(ObjectIndex object) {
    if (!contains(object)) return false;
    std::uint8_t& count = places_[object].count;
    if (count < kCountMax) ++count;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    if (refuses_oversize_ && size > small_limit_bytes_) return;
    const bool is_ghost = places_[object].tag == kGhost;
    if (is_ghost) ghost_.erase(places_.data(), object, size);
    while (!has_room(size)) evict();
    const bool fills_main = evictions() == 0 && small_.bytes() + size > small_limit_bytes_;
    (is_ghost || fills_main ? main_ : small_).push(places_.data(), object, size);
    places_[object].count = 0;
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    const std::uint8_t tag = places_[object].tag;
    return tag == kSmall || tag == kMain;
  }

  [[nodiscard]] ObjectIndex victim() override {
    while (objects() != 0) {
      const bool from_small =
          !small_.empty() && (small_.bytes() >= small_limit_bytes_ || main_.empty());
      const ObjectIndex object = (from_small ? small_ : main_).oldest();
      Place& place = places_[object];
      if (place.count < (from_small ? kPromotionHits : 1)) return object;
      if (from_small) {
        const std::uint64_t size = size_bytes(object);
        small_.erase(places_.data(), object, size);
        main_.push(places_.data(), object, size);
        place.count = 0;
      } else {
        main_.renew(places_.data(), object);
        --place.count;
      }
    }
    return kNoObject;
  }

  void check_invariants() const override {
    small_.check("s3fifo small", places_, sizes_bytes());
    main_.check("s3fifo main", places_, sizes_bytes());
    ghost_.check("s3fifo ghost", places_, sizes_bytes());
    if (ghost_.bytes() > ghost_limit_bytes_) throw std::logic_error("s3fifo: too many ghosts");
    check_totals("s3fifo", small_.bytes() + main_.bytes(), small_.objects() + main_.objects());
  }

 private:
  enum Tag : std::uint8_t { kSmall = 1, kMain, kGhost };
  static constexpr std::uint8_t kCountMax = 3;
  static constexpr std::uint8_t kPromotionHits = 2;

  void evict() {
    const ObjectIndex object = victim();
    const std::uint64_t size = size_bytes(object);
    if (places_[object].tag == kMain) {
      main_.erase(places_.data(), object, size);
    } else {
      small_.erase(places_.data(), object, size);
      ghost_.remember(places_.data(), object, sizes_bytes(), ghost_limit_bytes_);
    }
    evicted(size);
  }

  std::uint64_t small_limit_bytes_;
  std::uint64_t ghost_limit_bytes_;
  bool refuses_oversize_;
  std::vector<Place> places_;
  Segment small_{kSmall};
  Segment main_{kMain};
  Segment ghost_{kGhost};
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_s3fifo(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<S3Fifo>(
      spec, S3FifoOptions{
                .small = parameters.number("small", {.fallback = 0.1, .low = 0.001, .high = 0.9}),
                .ghost = parameters.number("ghost", {.fallback = 0.9, .low = 0, .high = 10}),
                .refuses_oversize = parameters.choice("oversize", {"admit", "refuse"}) == 1});
}

}  // namespace edgeward::cache
