#include <algorithm>
#include <memory>
#include <stdexcept>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/segment.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

struct LirsOptions {
  double hir = 0;    ///< share of the capacity that LIR objects leave free
  double ghost = 0;  ///< bytes of non-resident HIR objects, as a share of the capacity
  bool refuses_oversize = false;
};

/// LIRS: Jiang, Zhang, "LIRS: an efficient low inter-reference recency set replacement policy",
/// SIGMETRICS 2002. Objects of low inter-reference recency (LIR) stay; the others (HIR) pass
/// through a queue from which eviction takes the oldest. A stack orders LIR objects, and HIR
/// objects cached or not (ghosts), by recency; its bottom is always LIR. An HIR object requested
/// while in the stack becomes LIR, and the LIR objects at the bottom give way. Settings: hir
/// (0.01), ghost (2), oversize=admit|refuse for objects larger than the share of the HIR objects.
class Lirs final : public PolicyBase<Lirs> {
 public:
  Lirs(const CacheSpec& spec, const LirsOptions& options)
      : PolicyBase(spec),
        hir_bytes_(entry_bytes(capacity_bytes(), options.hir)),
        lir_limit_bytes_(capacity_bytes() - std::min(capacity_bytes(), hir_bytes_)),
        ghost_limit_bytes_(share_bytes(capacity_bytes(), options.ghost)),
        refuses_oversize_(options.refuses_oversize),
        places_(universe()),
        stack_links_(universe()) {}

  void prefetch(ObjectIndex object) const {
    __builtin_prefetch(&places_[object], 1);
    __builtin_prefetch(&stack_links_[object], 1);
  }

  bool lookup(ObjectIndex object) {
    if (!contains(object)) return false;
    if (places_[object].tag == kHir) {
      hit_hir(object);
    } else {
      raise(object);
      prune();
    }
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    if (refuses_oversize_ && size > hir_bytes_) return;
    const bool is_ghost = places_[object].tag == kGhost;
    if (is_ghost) forget(object);
    while (!has_room(size)) evict();
    raise(object);
    if (becomes_lir(size, is_ghost)) {
      make_lir(object, size);
    } else {
      queue_.push(places_.data(), object, size);
      prune();
    }
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    const std::uint8_t tag = places_[object].tag;
    return tag == kHir || tag == kLir;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override {
    return queue_.empty() ? stack_.back() : queue_.oldest();
  }

  void check_invariants() const override;

 private:
  enum Tag : std::uint8_t { kHir = 1, kLir, kGhost };

  [[nodiscard]] bool is_stacked(ObjectIndex object) const { return places_[object].count != 0; }

  /// Puts the object on top of the stack.
  void raise(ObjectIndex object) {
    if (is_stacked(object)) {
      stack_.move_to_front(stack_links_.data(), object);
    } else {
      stack_.push_front(stack_links_.data(), object);
      places_[object].count = 1;
    }
  }

  void unstack(ObjectIndex object) {
    stack_.erase(stack_links_.data(), object);
    places_[object].count = 0;
  }

  void forget(ObjectIndex ghost) {
    ghosts_.erase(places_.data(), ghost, size_bytes(ghost));
    unstack(ghost);
  }

  /// Takes HIR objects off the bottom of the stack.
  void prune() {
    while (!stack_.empty() && places_[stack_.back()].tag != kLir) {
      const ObjectIndex object = stack_.back();
      if (places_[object].tag == kGhost) {
        forget(object);
      } else {
        unstack(object);
      }
    }
  }

  [[nodiscard]] bool becomes_lir(std::uint64_t size, bool was_stacked) const {
    return size + (was_stacked ? 0 : lir_bytes_) <= lir_limit_bytes_;
  }

  /// The object is on top of the stack and in no segment.
  void make_lir(ObjectIndex object, std::uint64_t size) {
    places_[object].tag = kLir;
    lir_bytes_ += size;
    while (lir_bytes_ > lir_limit_bytes_) {
      const ObjectIndex bottom = stack_.back();
      unstack(bottom);
      lir_bytes_ -= size_bytes(bottom);
      queue_.push(places_.data(), bottom, size_bytes(bottom));
      prune();
    }
  }

  void hit_hir(ObjectIndex object) {
    const std::uint64_t size = size_bytes(object);
    const bool was_stacked = is_stacked(object);
    raise(object);
    if (becomes_lir(size, was_stacked)) {
      queue_.erase(places_.data(), object, size);
      make_lir(object, size);
    } else {
      queue_.renew(places_.data(), object);
      prune();
    }
  }

  void evict() {
    const ObjectIndex object = victim();
    const std::uint64_t size = size_bytes(object);
    if (queue_.empty()) {
      places_[object].tag = 0;
      lir_bytes_ -= size;
      unstack(object);
      prune();
    } else {
      queue_.erase(places_.data(), object, size);
      if (is_stacked(object)) remember(object, size);
    }
    evicted(object);
  }

  void remember(ObjectIndex object, std::uint64_t size) {
    ghosts_.push(places_.data(), object, size);
    while (ghosts_.bytes() > ghost_limit_bytes_) forget(ghosts_.oldest());
  }

  std::uint64_t hir_bytes_;
  std::uint64_t lir_limit_bytes_;
  std::uint64_t ghost_limit_bytes_;
  bool refuses_oversize_;
  geo::HugeArray<Place> places_;  ///< count: 1 if in the stack
  geo::HugeArray<Link> stack_links_;
  IndexList stack_;
  Segment queue_{kHir};
  Segment ghosts_{kGhost};
  std::uint64_t lir_bytes_ = 0;
};

void Lirs::check_invariants() const {
  queue_.check("lirs queue", places_, sizes_bytes());
  ghosts_.check("lirs ghosts", places_, sizes_bytes());
  std::uint64_t lir_bytes = 0;
  std::uint64_t lir_count = 0;
  std::uint64_t ghosts = 0;
  std::uint64_t stacked = 0;
  for (ObjectIndex object = stack_.front(); object != kNoObject && stacked <= universe();
       object = stack_links_[object].older) {
    ++stacked;
    if (!is_stacked(object)) throw std::logic_error("lirs: stacked but not marked so");
    if (places_[object].tag == kGhost) ++ghosts;
    if (places_[object].tag != kLir) continue;
    lir_bytes += size_bytes(object);
    ++lir_count;
  }
  std::uint64_t marked = 0;
  for (const Place& place : places_) marked += place.count;
  if (stacked != stack_.size() || stacked != marked || ghosts != ghosts_.objects()) {
    throw std::logic_error("lirs: the stack is not what it counts, or a ghost is not in it");
  }
  if (!stack_.empty() && places_[stack_.back()].tag != kLir) {
    throw std::logic_error("lirs: the bottom of the stack is not LIR");
  }
  if (lir_bytes != lir_bytes_ || lir_bytes > lir_limit_bytes_ ||
      ghosts_.bytes() > ghost_limit_bytes_) {
    throw std::logic_error("lirs: LIR objects or ghosts are over their limits or miscounted");
  }
  check_totals("lirs", lir_bytes + queue_.bytes(), lir_count + queue_.objects());
}

}  // namespace

std::unique_ptr<EvictionPolicy> make_lirs(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<Lirs>(
      spec,
      LirsOptions{.hir = parameters.number("hir", {.fallback = 0.01, .low = 0.001, .high = 0.999}),
                  .ghost = parameters.number("ghost", {.fallback = 2, .low = 0, .high = 10}),
                  .refuses_oversize = parameters.choice("oversize", {"admit", "refuse"}) == 1});
}

}  // namespace edgeward::cache
