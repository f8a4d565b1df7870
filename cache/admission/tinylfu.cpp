#include <algorithm>
#include <memory>

#include "cache/admission/registry.hpp"
#include "cache/frequency_sketch.hpp"

namespace edgeward::cache {

namespace {

/// TinyLFU (Einziger, Friedman, Manes, ACM ToS 13(4), 2017): where there is no room, admits an
/// object only if a sketch of recent requests knows it as more frequent than the eviction policy's
/// victim. An object larger than the victim has to be as much more frequent as it is larger, as
/// though all the objects it would push out were like the first.
class TinyLfu final : public AdmissionPolicy {
 public:
  explicit TinyLfu(const CacheSpec& spec)
      : sizes_bytes_(spec.sizes_bytes),
        sketch_(objects_that_fit(spec.sizes_bytes, spec.capacity_bytes)) {}

  void observe(ObjectIndex object, bool) override { sketch_.add(object); }

  [[nodiscard]] bool admits(ObjectIndex object, EvictionPolicy& cache) override {
    const std::uint64_t size = sizes_bytes_[object];
    if (cache.used_bytes() + size <= cache.capacity_bytes()) return true;
    const ObjectIndex victim = cache.victim();
    if (victim == kNoObject) return true;
    const std::uint64_t victim_size = std::max<std::uint64_t>(sizes_bytes_[victim], 1);
    return sketch_.frequency(object) * victim_size >
           sketch_.frequency(victim) * std::max(size, victim_size);
  }

 private:
  std::span<const std::uint64_t> sizes_bytes_;
  FrequencySketch sketch_;
};

}  // namespace

std::unique_ptr<AdmissionPolicy> make_tinylfu(const CacheSpec& spec, Parameters&) {
  return std::make_unique<TinyLfu>(spec);
}

}  // namespace edgeward::cache
