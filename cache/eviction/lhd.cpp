#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

#include "cache/eviction/policy_base.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/eviction/sample_set.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

/// Least hit density (Beckmann, Chen, Cidon, "LHD: improving cache hit rate by maximizing hit
/// density", NSDI 2018): an object is worth the hits it may expect divided by the bytes x time it
/// will take for them, learnt from how objects of its class fared from its age on; the least worthy
/// of `samples` drawn objects is evicted.
///
/// Age is the number of requests since the last access. It is coarsened to eight steps an octave,
/// where the paper takes steps of one width that it keeps adapting. An object's class is the
/// magnitude of the sum of its last two ages at a hit. The densities are derived anew every so
/// often from the counts of hits and evictions by class and age, which then decay; the counts begin
/// with a prior under which density falls about as 1 / age. O(samples) an eviction, O(1) a hit.
class Lhd final : public PolicyBase<Lhd> {
 public:
  Lhd(const CacheSpec& spec, std::uint64_t samples)
      : PolicyBase(spec),
        cached_(universe()),
        counts_(kClasses * kAges),
        density_(kClasses * kAges),
        random_(spec.seed),
        samples_(samples) {
    double from = 1;
    for (std::size_t age = 0; age < kAges; ++age) {
      const double to = from + width(age);
      const double prior = kPrior * (1 / (from * from) - 1 / (to * to));
      for (std::size_t c = 0; c < kClasses; ++c) counts_[c * kAges + age] = {prior, prior};
      from = to;
    }
    derive_densities();
  }

  void prefetch(ObjectIndex object) const { cached_.prefetch(object); }

  bool lookup(ObjectIndex object) {
    if (now() == next_update_) update();
    if (!cached_.contains(object)) return false;
    State& state = cached_.state(object);
    ++counts_[cell(state)].hits;
    const auto age =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(now() - state.last_access, kLongAgo));
    state.class_id = class_of(age + state.last_hit_age);
    state.last_hit_age = age;
    state.last_access = now();
    victim_ = kNoObject;
    return true;
  }

  void insert(ObjectIndex object, std::uint64_t size) {
    while (!has_room(size)) evict_next();
    cached_.insert(object, {.last_access = now(), .size_bytes = std::max<std::uint64_t>(size, 1)});
    added(size);
    victim_ = kNoObject;
  }

  void evict_next() {
    const ObjectIndex out = victim();
    ++counts_[cell(cached_.state(out))].evictions;
    cached_.erase(out);
    evicted(out);
    victim_ = kNoObject;
  }

  [[nodiscard]] bool contains(ObjectIndex object) const override {
    return cached_.contains(object);
  }

  /// Drawn anew only after a hit, an insertion, an eviction or new densities.
  [[nodiscard]] ObjectIndex victim() override {
    if (victim_ == kNoObject && objects() > 0) {
      victim_ = cached_.least(samples_, random_, [this](const auto& slot) {
        return density_[cell(slot.state)] / static_cast<double>(slot.state.size_bytes);
      });
    }
    return victim_;
  }

  void check_invariants() const override {
    check_contents("lhd");
    if (cached_.size() != objects()) throw std::logic_error("lhd: lost count of its objects");
  }

 private:
  static constexpr std::size_t kAges = 256;
  static constexpr std::size_t kClasses = 16;
  static constexpr std::uint32_t kLongAgo = 1U << 30;  ///< the last hit's age before there was one
  static constexpr double kPrior = 1000;               ///< events a class
  static constexpr double kDecay = 0.9;
  static constexpr std::uint64_t kFirstInterval = 4096;  ///< requests between two updates; doubles
  static constexpr std::uint64_t kLastInterval = 65536;

  struct State {
    std::uint64_t last_access = 0;
    std::uint64_t size_bytes = 0;
    std::uint32_t last_hit_age = kLongAgo;
    std::uint32_t class_id = 0;  ///< never hit; 1: hit once or rarely … 15: hit most often
  };
  struct Count {
    double hits = 0;
    double evictions = 0;
  };

  /// Steps 0 .. 15 hold one age each, then eight hold 2 each, eight 4, and so on.
  static std::size_t coarse(std::uint64_t age) {
    const auto bits = static_cast<unsigned>(std::bit_width(age));
    if (bits <= 4) return age;
    return std::min<std::size_t>((bits - 3) * 8 + (age >> (bits - 4) & 7), kAges - 1);
  }
  static double width(std::size_t step) {
    return step < 16 ? 1 : static_cast<double>(std::uint64_t{1} << (step / 8 - 1));
  }
  static std::uint32_t class_of(std::uint32_t last_two_ages) {
    const auto bits = static_cast<std::uint32_t>(std::bit_width(last_two_ages));
    return 15 - std::min(bits / 2, 14U);
  }
  [[nodiscard]] std::size_t cell(const State& state) const {
    return state.class_id * kAges + coarse(now() - state.last_access);
  }

  void derive_densities();
  void update();

  SampleSet<State> cached_;
  std::vector<Count> counts_;    ///< by class, then age
  std::vector<double> density_;  ///< the same: hits a request while an object is kept
  Random random_;
  std::uint64_t samples_;
  std::uint64_t interval_ = kFirstInterval;
  std::uint64_t next_update_ = kFirstInterval;
  ObjectIndex victim_ = kNoObject;
};

void Lhd::derive_densities() {
  for (std::size_t c = 0; c < kClasses; ++c) {
    double hits = 0;
    double events = 0;
    double lifetime = 0;
    for (std::size_t age = kAges; age-- > 0;) {
      const Count& count = counts_[c * kAges + age];
      hits += count.hits;
      events += count.hits + count.evictions;
      lifetime += events * width(age);
      density_[c * kAges + age] = hits / lifetime;
    }
  }
}

void Lhd::update() {
  derive_densities();
  for (Count& count : counts_) {
    count.hits *= kDecay;
    count.evictions *= kDecay;
  }
  interval_ = std::min(2 * interval_, kLastInterval);
  next_update_ = now() + interval_;
  victim_ = kNoObject;
}

}  // namespace

std::unique_ptr<EvictionPolicy> make_lhd(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<Lhd>(spec, parameters.count("samples", 32, 1, 4096));
}

}  // namespace edgeward::cache
