#include <algorithm>
#include <memory>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/sample_set.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

/// Hyperbolic caching (Blankstein, Sen, Freedman, USENIX ATC 2017, §2): an object is worth its
/// requests since insertion divided by its time in the cache, counted in requests; the least of
/// `samples` drawn objects is evicted. `size_aware=1` also divides by the object's bytes (§3, cost
/// and size), which raises the request hit ratio and lowers the byte hit ratio. O(samples) an
/// eviction, O(1) a hit.
class Hyperbolic final : public PolicyBase<Hyperbolic> {
 public:
  Hyperbolic(const CacheSpec& spec, std::uint64_t samples, bool size_aware)
      : PolicyBase(spec),
        cached_(universe()),
        random_(spec.seed),
        samples_(samples),
        size_aware_(size_aware) {}

  void prefetch(ObjectIndex object) const { cached_.prefetch(object); }

  bool lookup(ObjectIndex object) {
    if (!cached_.contains(object)) return false;
    ++cached_.state(object).requests;
    victim_ = kNoObject;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict_next();
    cached_.insert(object, {.requests = 1, .inserted = now()});
    added(size);
    victim_ = kNoObject;
  }

  void evict_next() {
    const ObjectIndex out = victim();
    cached_.erase(out);
    evicted(out);
    victim_ = kNoObject;
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return cached_.contains(object);
  }

  /// Drawn anew only after a hit, an insertion or an eviction.
  [[nodiscard]] ObjectIndex victim() override {
    if (victim_ == kNoObject && objects() > 0) {
      victim_ = cached_.least(samples_, random_, [this](const auto& slot) { return worth(slot); });
    }
    return victim_;
  }

  void check_invariants() const override { check_contents("hyperbolic"); }

 private:
  struct State {
    std::uint32_t requests = 0;
    std::uint64_t inserted = 0;
  };

  [[nodiscard]] double worth(const SampleSet<State>::Slot& slot) const {
    double cost = static_cast<double>(now() - slot.state.inserted);
    if (size_aware_)
      cost *= static_cast<double>(std::max<std::uint64_t>(size_bytes(slot.object), 1));
    return static_cast<double>(slot.state.requests) / cost;
  }

  SampleSet<State> cached_;
  Random random_;
  std::uint64_t samples_;
  bool size_aware_;
  ObjectIndex victim_ = kNoObject;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_hyperbolic(const CacheSpec& spec, Parameters& parameters) {
  const std::uint64_t samples = parameters.count("samples", 64, 1, 4096);
  return std::make_unique<Hyperbolic>(spec, samples, parameters.flag("size_aware", false));
}

}  // namespace edgeward::cache
