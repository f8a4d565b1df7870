#include <bit>
#include <bitset>
#include <map>
#include <utility>

#include "tests/cache/oracles/oracle.hpp"
#include "tests/cache/oracles/sketch.hpp"

namespace edgeward::cache::oracle {

namespace {

class Size : public Admission {
 public:
  Size(const World& world, std::uint64_t most) : world_(world), most_(most) {}

  void observe(ObjectIndex, bool) override {}
  bool admits(ObjectIndex object, Cache&) override {
    const std::uint64_t size = world_.sizes_bytes[object];
    return world_.bug == Bug::size_is_strict ? size < most_ : size <= most_;
  }

 private:
  World world_;
  std::uint64_t most_;
};

class SecondHit : public Admission {
 public:
  SecondHit(const World& world, std::size_t ids)
      : ids_(ids), never_forgets_(world.bug == Bug::second_hit_never_forgets) {}

  void observe(ObjectIndex, bool) override {}
  bool admits(ObjectIndex object, Cache&) override {
    if (younger_.contains(object)) return true;
    const bool was_in_older = older_.contains(object);
    younger_.add(object);
    if (younger_.additions == ids_ && !never_forgets_) {
      older_ = Filter(ids_);
      std::swap(older_, younger_);
    }
    return was_in_older;
  }

 private:
  struct Filter {
    explicit Filter(std::size_t ids) : blocks((ids + 31) / 32) {}

    [[nodiscard]] std::bitset<512> bits_of(ObjectIndex object) const {
      Random random(object);
      random.next();
      const std::uint64_t hash = random.next();
      std::bitset<512> bits;
      for (int i = 0; i < 7; ++i) bits.set((hash >> (9 * i)) % 512);
      return bits;
    }
    [[nodiscard]] std::size_t block(ObjectIndex object) const {
      return ((Random(object).next() >> 32) * blocks.size()) >> 32;
    }
    [[nodiscard]] bool contains(ObjectIndex object) const {
      const auto bits = bits_of(object);
      return (blocks[block(object)] & bits) == bits;
    }
    void add(ObjectIndex object) {
      blocks[block(object)] |= bits_of(object);
      ++additions;
    }

    std::vector<std::bitset<512>> blocks;
    std::size_t additions = 0;
  };

  std::size_t ids_;
  bool never_forgets_;
  Filter younger_{ids_};
  Filter older_{ids_};
};

class TinyLfu : public Admission {
 public:
  explicit TinyLfu(const World& world) : world_(world), sketch_(objects_that_fit(world)) {}

  void observe(ObjectIndex object, bool hit) override {
    if (!hit || world_.bug != Bug::tinylfu_counts_misses_only) sketch_.add(object);
  }
  bool admits(ObjectIndex object, Cache& cache) override {
    if (cache.used() + world_.sizes_bytes[object] <= cache.capacity()) return true;
    const auto victim = cache.victim();
    if (!victim) return true;
    std::uint64_t victim_size = std::max<std::uint64_t>(1, world_.sizes_bytes[*victim]);
    std::uint64_t larger = std::max(world_.sizes_bytes[object], victim_size);
    if (world_.bug == Bug::tinylfu_ignores_sizes) larger = victim_size;
    return sketch_.frequency(object) * victim_size > sketch_.frequency(*victim) * larger;
  }

 private:
  World world_;
  Sketch sketch_;
};

class AdaptSize : public Admission {
 public:
  AdaptSize(const World& world, std::size_t window)
      : world_(world),
        random_(world.seed),
        window_(window),
        left_(std::min<std::size_t>(16384, window)),
        period_(left_),
        scale_(static_cast<double>(std::max<std::uint64_t>(1, world.capacity_bytes))) {}

  void observe(ObjectIndex object, bool) override {
    if (rate_[object] == 0) order_.push_back(object);
    rate_[object] += 1;
    if (--left_ > 0 || world_.bug == Bug::adaptsize_never_tunes) return;
    tune();
    period_ = std::min(2 * period_, window_);
    left_ = period_;
  }
  bool admits(ObjectIndex object, Cache&) override {
    return random_.unit() < std::exp(-static_cast<double>(world_.sizes_bytes[object]) / scale_);
  }

 private:
  struct Class {
    double number = 0;
    double rates = 0;
    double sizes = 0;
  };
  struct Sums {
    double bytes = 0;
    double hits = 0;
  };

  static int step(std::uint64_t x) {
    if (x < 2) return 0;
    const int k = static_cast<int>(std::bit_width(x)) - 1;
    return 2 * k + static_cast<int>(x >> (k - 1) & 1);
  }
  [[nodiscard]] Sums sums(double c, double time) const {
    Sums sum;
    for (const auto& [steps, of] : classes_) {
      const double p = std::exp(-of.sizes / of.number / c);
      const double x = p * std::expm1(std::min(of.rates / of.number / span_ * time, 600.0));
      const double q = x / (1 + x);
      sum.bytes += q * of.sizes;
      sum.hits += q * of.rates;
    }
    return sum;
  }
  [[nodiscard]] double hits(double c) const {
    double low = 0;
    double high = std::log2(static_cast<double>(period_));
    for (int i = 0; i < 12; ++i) {
      const double middle = (low + high) / 2;
      const bool is_full =
          sums(c, std::exp2(middle)).bytes > static_cast<double>(world_.capacity_bytes);
      (is_full ? high : low) = middle;
    }
    return sums(c, std::exp2(low)).hits;
  }
  void tune() {
    span_ = span_ / 2 + static_cast<double>(period_);
    classes_.clear();
    for (const ObjectIndex object : order_) {
      const std::uint64_t size = std::max<std::uint64_t>(1, world_.sizes_bytes[object]);
      const auto rate16 = static_cast<std::uint64_t>(std::floor(16 * rate_[object]));
      Class& of = classes_[{step(size), step(rate16)}];
      of.number += 1;
      of.rates += rate_[object];
      of.sizes += static_cast<double>(size);
    }
    double best = 0;
    double most = -1;
    const auto consider = [&](double k) {
      const double found = hits(std::exp2(k));
      if (found > most) {
        most = found;
        best = k;
      }
    };
    const int last = static_cast<int>(std::bit_width(world_.capacity_bytes)) + 1;
    for (int k = 0; k <= last; ++k) consider(k);
    const double coarse = best;
    for (const double off : {-.75, -.5, -.25, .25, .5, .75}) consider(coarse + off);
    scale_ = std::exp2(best);
    age();
  }
  void age() {
    std::vector<ObjectIndex> still;
    for (const ObjectIndex object : order_) {
      double& rate = rate_[object];
      rate /= 2;
      if (rate < 0.1 || world_.bug == Bug::adaptsize_forgets_the_past) rate = 0;
      if (rate > 0) still.push_back(object);
    }
    order_ = still;
  }

  World world_;
  Random random_;
  std::size_t window_;
  std::size_t left_;
  std::size_t period_;
  double scale_;
  double span_ = 0;
  std::map<ObjectIndex, double> rate_;
  std::vector<ObjectIndex> order_;
  std::map<std::pair<int, int>, Class> classes_;
};

}  // namespace

std::unique_ptr<Admission> make_admission(const NamedSettings& named, const World& world) {
  const Settings settings(named);
  if (named.name == "size") {
    return std::make_unique<Size>(world, parse_bytes(settings.text("", "")));
  }
  if (named.name == "second_hit") {
    const auto fallback = std::max<std::uint64_t>(
        1024, std::min<std::uint64_t>(4 * objects_that_fit(world), world.sizes_bytes.size()));
    const double ids = settings.number("ids", static_cast<double>(fallback));
    return std::make_unique<SecondHit>(world, static_cast<std::size_t>(ids));
  }
  if (named.name == "tinylfu") return std::make_unique<TinyLfu>(world);
  if (named.name == "adaptsize") {
    const auto window = static_cast<std::size_t>(settings.number("window", 250000));
    return std::make_unique<AdaptSize>(world, window);
  }
  return nullptr;
}

}  // namespace edgeward::cache::oracle
