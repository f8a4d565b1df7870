#include <algorithm>
#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "cache/admission/registry.hpp"
#include "cache/frequency_sketch.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

/// A Bloom filter (Bloom, CACM 13(7), 1970) whose bits for an object lie in one 64-byte block, at
/// 16 bits an object: under 0.3 % of strangers are taken for members.
///
/// With h1, h2 the first two numbers of Random(object): block (h1 >> 32) * blocks / 2^32, and in it
/// bits (h2 >> 9i) mod 512 for i = 0 .. 6.
class BloomFilter {
 public:
  explicit BloomFilter(std::uint64_t objects) : blocks_((objects + 31) / 32) {}

  [[nodiscard]] bool contains(ObjectIndex object) const {
    const Place place = place_of(object);
    bool all = true;
    for (unsigned i = 0; i < kProbes; ++i) {
      const std::uint64_t bit = place.bits >> (9 * i) & 511;
      all &= (blocks_[place.block][bit / 64] >> (bit % 64) & 1) != 0;
    }
    return all;
  }

  void insert(ObjectIndex object) {
    const Place place = place_of(object);
    for (unsigned i = 0; i < kProbes; ++i) {
      const std::uint64_t bit = place.bits >> (9 * i) & 511;
      blocks_[place.block][bit / 64] |= std::uint64_t{1} << (bit % 64);
    }
  }

  void clear() { std::fill(blocks_.begin(), blocks_.end(), Block{}); }

 private:
  static constexpr unsigned kProbes = 7;
  using Block = std::array<std::uint64_t, 8>;
  struct Place {
    std::size_t block = 0;
    std::uint64_t bits = 0;
  };

  [[nodiscard]] Place place_of(ObjectIndex object) const {
    Random random(object);
    const std::uint64_t block = (random.next() >> 32) * blocks_.size() >> 32;
    return {.block = block, .bits = random.next()};
  }

  std::vector<Block> blocks_;
};

/// Admits an object that was missed before (Maggs, Sitaraman, "Algorithmic nuggets in content
/// delivery", CCR 45(3), 2015, §3: "cache on second hit"; three quarters of a CDN's objects are
/// requested once in days). Misses are remembered by two Bloom filters: when the younger holds
/// `ids` of them, the older is cleared and they change places, so that a miss counts for the next
/// `ids` new ones at least and memory is 4 bytes for each of `ids`. Default: four times the objects
/// that fit, at least 1024, at most those there are.
class SecondHit final : public AdmissionPolicy {
 public:
  explicit SecondHit(std::uint64_t ids) : ids_(ids), younger_(ids), older_(ids) {}

  void observe(ObjectIndex, bool) override {}

  [[nodiscard]] bool admits(ObjectIndex object, EvictionPolicy&) override {
    if (younger_.contains(object)) return true;
    const bool was_missed = older_.contains(object);
    younger_.insert(object);
    if (++inserted_ == ids_) {
      inserted_ = 0;
      older_.clear();
      std::swap(younger_, older_);
    }
    return was_missed;
  }

 private:
  std::uint64_t ids_;
  std::uint64_t inserted_ = 0;  ///< into the younger
  BloomFilter younger_;
  BloomFilter older_;
};

}  // namespace

std::unique_ptr<AdmissionPolicy> make_second_hit(const CacheSpec& spec, Parameters& parameters) {
  const std::uint64_t fitting = objects_that_fit(spec.sizes_bytes, spec.capacity_bytes);
  const std::uint64_t fallback =
      std::max<std::uint64_t>(1024, std::min<std::uint64_t>(4 * fitting, spec.sizes_bytes.size()));
  return std::make_unique<SecondHit>(parameters.count("ids", fallback, 1, std::uint64_t{1} << 32));
}

}  // namespace edgeward::cache
