#include "cache/random.hpp"

#include <memory>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/sample_set.hpp"

namespace edgeward::cache {

namespace {

/// Evicts any cached object with equal probability (a baseline; Belady 1966 calls it RAND). One
/// draw an eviction, from spec.seed. O(1).
class RandomEviction final : public PolicyBase<RandomEviction> {
 public:
  explicit RandomEviction(const CacheSpec& spec)
      : PolicyBase(spec), cached_(universe()), random_(spec.seed) {}

  void prefetch(ObjectIndex object) const { cached_.prefetch(object); }

  [[nodiscard]] bool lookup(ObjectIndex object) const { return contains(object); }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict_next();
    cached_.insert(object, {});
    added(size);
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

  /// Drawn once, then kept until it is evicted.
  [[nodiscard]] ObjectIndex victim() override {
    if (victim_ == kNoObject && objects() > 0) {
      victim_ = cached_.slot(random_.below(cached_.size())).object;
    }
    return victim_;
  }

  void check_invariants() const override { check_contents("random"); }

 private:
  struct Nothing {};

  SampleSet<Nothing> cached_;
  Random random_;
  ObjectIndex victim_ = kNoObject;
};

}  // namespace

std::unique_ptr<EvictionPolicy> make_random(const CacheSpec& spec, Parameters&) {
  return std::make_unique<RandomEviction>(spec);
}

}  // namespace edgeward::cache
