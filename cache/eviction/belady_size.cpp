#include <cassert>
#include <memory>
#include <vector>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/sample_set.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

/// Belady weighed by size, a heuristic (not a bound, see pfoo_lower): evicts the object with the
/// greatest size × distance to its next access, the bytes × requests it would hold until then, of
/// `samples` drawn ones. Objects never requested again go before all others, the one that was last
/// requested latest first. Always admits. O(samples) an eviction, O(1) a hit.
class BeladySize final : public PolicyBase<BeladySize> {
 public:
  BeladySize(const CacheSpec& spec, std::uint64_t samples)
      : PolicyBase(spec),
        future_(spec.future),
        live_(universe()),
        is_dead_(universe()),
        random_(spec.seed),
        samples_(samples) {
    assert(future_.requests.size() == future_.next_access.size());
    dead_.reserve(universe());
  }

  void prefetch(ObjectIndex object) const { live_.prefetch(object); }

  bool lookup(ObjectIndex object) {
    assert(object == future_.requests[now()]);
    if (!live_.contains(object)) return false;
    victim_ = kNoObject;
    const RequestIndex next = future_.next_access[now()];
    if (next != kNever) {
      live_.state(object).next = next;
    } else {
      live_.erase(object);
      bury(object);
    }
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict();
    const RequestIndex next = future_.next_access[now()];
    if (next != kNever) {
      live_.insert(object, {.next = next, .size_bytes = size});
    } else {
      bury(object);
    }
    added(size);
    victim_ = kNoObject;
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return live_.contains(object) || is_dead_[object] != 0;
  }

  /// Drawn anew only after a hit, an insertion or an eviction.
  [[nodiscard]] ObjectIndex victim() override {
    if (victim_ != kNoObject || objects() == 0) return victim_;
    if (!dead_.empty()) {
      victim_ = dead_.back();
    } else {
      victim_ = live_.least(samples_, random_, [this](const auto& slot) {
        return -static_cast<double>(slot.state.size_bytes) *
               static_cast<double>(slot.state.next - now());
      });
    }
    return victim_;
  }

  void check_invariants() const override {
    check_contents("belady_size");
    for (std::size_t i = 0; i < live_.size(); ++i) {
      const RequestIndex next = live_.slot(i).state.next;
      if (next < now() || future_.requests[next] != live_.slot(i).object) {
        throw std::logic_error("belady_size: a stale next access");
      }
    }
    if (live_.size() + dead_.size() != objects()) throw std::logic_error("belady_size: lost count");
  }

 private:
  struct State {
    RequestIndex next = kNever;
    std::uint64_t size_bytes = 0;
  };

  void bury(ObjectIndex object) {
    dead_.push_back(object);
    is_dead_[object] = 1;
  }

  void evict() {
    const ObjectIndex out = victim();
    if (is_dead_[out] != 0) {
      dead_.pop_back();
      is_dead_[out] = 0;
    } else {
      live_.erase(out);
    }
    evicted(out);
    victim_ = kNoObject;
  }

  Future future_;
  SampleSet<State> live_;          ///< requested again
  std::vector<ObjectIndex> dead_;  ///< never requested again
  std::vector<std::uint8_t> is_dead_;
  Random random_;
  std::uint64_t samples_;
  ObjectIndex victim_ = kNoObject;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_belady_size(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<BeladySize>(spec, parameters.count("samples", 128, 1, 4096));
}

}  // namespace edgeward::cache
