#include <memory>
#include <stdexcept>

#include "cache/eviction/index_ring.hpp"
#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/segment.hpp"
#include "geo/huge_array.hpp"

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
        places_(universe()),
        small_(universe()),
        main_(universe()) {}

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
    const bool fills_main = evictions() == 0 && small_bytes_ + size > small_limit_bytes_;
    if (is_ghost || fills_main) {
      main_.push(object);
      places_[object].tag = kMain;
    } else {
      small_.push(object);
      small_bytes_ += size;
      places_[object].tag = kSmall;
    }
    places_[object].count = 0;
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    const std::uint8_t tag = places_[object].tag;
    return tag == kSmall || tag == kMain;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override {
    while (objects() != 0) {
      const bool from_small =
          !small_.empty() && (small_bytes_ >= small_limit_bytes_ || main_.empty());
      IndexRing& queue = from_small ? small_ : main_;
      const ObjectIndex object = queue.oldest();
      __builtin_prefetch(&places_[queue.at(kStepsAhead)], 1);
      Place& place = places_[object];
      if (place.count < (from_small ? kPromotionHits : 1)) return object;
      queue.pop();
      main_.push(object);
      place.tag = kMain;
      if (from_small) small_bytes_ -= size_bytes(object);
      place.count = from_small ? 0 : static_cast<std::uint8_t>(place.count - 1);
    }
    return kNoObject;
  }

  void check_invariants() const override {
    const std::uint64_t small_bytes = bytes_of(small_, kSmall);
    const std::uint64_t main_bytes = bytes_of(main_, kMain);
    ghost_.check("s3fifo ghost", places_, sizes_bytes());
    if (small_bytes != small_bytes_) throw std::logic_error("s3fifo: small is miscounted");
    if (ghost_.bytes() > ghost_limit_bytes_) throw std::logic_error("s3fifo: too many ghosts");
    check_totals("s3fifo", small_bytes + main_bytes, small_.size() + main_.size());
  }

 private:
  enum Tag : std::uint8_t { kSmall = 1, kMain, kGhost };
  static constexpr std::uint8_t kCountMax = 3;
  static constexpr std::uint8_t kPromotionHits = 2;

  static constexpr std::uint64_t kStepsAhead = 4;  ///< hides the hand's way through main

  void evict() {
    const ObjectIndex object = victim();
    const std::uint64_t size = size_bytes(object);
    if (places_[object].tag == kMain) {
      main_.pop();
      places_[object].tag = 0;
    } else {
      small_.pop();
      small_bytes_ -= size;
      ghost_.remember(places_.data(), object, sizes_bytes(), ghost_limit_bytes_);
    }
    evicted(object);
  }

  [[nodiscard]] std::uint64_t bytes_of(const IndexRing& queue, Tag tag) const {
    std::uint64_t bytes = 0;
    std::uint64_t tagged = 0;
    for (const Place& place : places_) tagged += place.tag == tag ? 1 : 0;
    for (std::uint64_t i = 0; i < queue.size(); ++i) {
      if (places_[queue.at(i)].tag != tag)
        throw std::logic_error("s3fifo: queued, tagged otherwise");
      bytes += size_bytes(queue.at(i));
    }
    if (tagged != queue.size()) throw std::logic_error("s3fifo: tagged but not queued, or twice");
    return bytes;
  }

  std::uint64_t small_limit_bytes_;
  std::uint64_t ghost_limit_bytes_;
  bool refuses_oversize_;
  geo::HugeArray<Place> places_;
  IndexRing small_;
  IndexRing main_;
  std::uint64_t small_bytes_ = 0;
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
