#include <memory>
#include <stdexcept>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/segment.hpp"
#include "geo/huge_array.hpp"

namespace edgeward::cache {

namespace {

struct TwoQOptions {
  double in = 0;   ///< share of the capacity that A1in may keep while Am gives way
  double out = 0;  ///< bytes remembered in A1out, as a share of the capacity
  bool refuses_oversize = false;
};

/// 2Q, full version: Johnson, Shasha, "2Q: a low overhead high performance buffer management
/// replacement algorithm", VLDB 1994. New objects enter A1in, a FIFO queue that hits do not
/// reorder; those evicted from it are remembered in A1out, and a miss found there enters Am, which
/// is LRU. Settings: in (0.25), out (0.5), oversize=admit|refuse for objects larger than A1in.
class TwoQ final : public PolicyBase<TwoQ> {
 public:
  TwoQ(const CacheSpec& spec, const TwoQOptions& options)
      : PolicyBase(spec),
        in_limit_bytes_(entry_bytes(capacity_bytes(), options.in)),
        out_limit_bytes_(share_bytes(capacity_bytes(), options.out)),
        refuses_oversize_(options.refuses_oversize),
        places_(universe()) {}

  void prefetch(ObjectIndex object) const { __builtin_prefetch(&places_[object], 1); }

  bool lookup(ObjectIndex object) {
    if (!contains(object)) return false;
    if (places_[object].tag == kMain) main_.renew(places_.data(), object);
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    if (refuses_oversize_ && size > in_limit_bytes_) return;
    const bool is_remembered = places_[object].tag == kOut;
    if (is_remembered) out_.erase(places_.data(), object, size);
    while (!has_room(size)) evict();
    (is_remembered ? main_ : in_).push(places_.data(), object, size);
    added(size);
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    const std::uint8_t tag = places_[object].tag;
    return tag == kIn || tag == kMain;
  }

  void evict_next() { evict(); }

  [[nodiscard]] ObjectIndex victim() override {
    return objects() == 0 ? kNoObject : (evicts_in() ? in_ : main_).oldest();
  }

  void check_invariants() const override {
    in_.check("twoq A1in", places_, sizes_bytes());
    out_.check("twoq A1out", places_, sizes_bytes());
    main_.check("twoq Am", places_, sizes_bytes());
    if (out_.bytes() > out_limit_bytes_) throw std::logic_error("twoq: A1out is over its limit");
    check_totals("twoq", in_.bytes() + main_.bytes(), in_.objects() + main_.objects());
  }

 private:
  enum Tag : std::uint8_t { kIn = 1, kMain, kOut };

  [[nodiscard]] bool evicts_in() const {
    return !in_.empty() && (in_.bytes() > in_limit_bytes_ || main_.empty());
  }

  void evict() {
    const bool from_in = evicts_in();
    Segment& segment = from_in ? in_ : main_;
    const ObjectIndex object = segment.oldest();
    const std::uint64_t size = size_bytes(object);
    segment.erase(places_.data(), object, size);
    if (from_in) out_.remember(places_.data(), object, sizes_bytes(), out_limit_bytes_);
    evicted(object);
  }

  std::uint64_t in_limit_bytes_;
  std::uint64_t out_limit_bytes_;
  bool refuses_oversize_;
  geo::HugeArray<Place> places_;
  Segment in_{kIn};
  Segment main_{kMain};
  Segment out_{kOut};
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_twoq(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<TwoQ>(
      spec,
      TwoQOptions{.in = parameters.number("in", {.fallback = 0.25, .low = 0.001, .high = 0.999}),
                  .out = parameters.number("out", {.fallback = 0.5, .low = 0, .high = 10}),
                  .refuses_oversize = parameters.choice("oversize", {"admit", "refuse"}) == 1});
}

}  // namespace edgeward::cache
