#include <array>
#include <bit>
#include <map>

#include "cache/random.hpp"
#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

namespace {

/// Objects in slots, of which some are looked at to find a victim.
class Sampling : public Cache {
 public:
  Sampling(const World& world, double samples)
      : Cache(world), samples_(static_cast<std::size_t>(samples)), random_(world.seed) {}

  void on_hit(ObjectIndex object) override {
    forget_victim();
    note_hit(object);
  }
  void on_miss(ObjectIndex object) override {
    make_room(object);
    enter(object);
    forget_victim();
    note_insertion(object);
  }

 protected:
  [[nodiscard]] virtual double worth(ObjectIndex object) const = 0;
  virtual void note_hit(ObjectIndex object) = 0;
  virtual void note_insertion(ObjectIndex object) { take_slot(object); }
  virtual void note_eviction(ObjectIndex) {}

  ObjectIndex next_victim() override {
    if (!victim_) victim_ = choose();
    return *victim_;
  }
  void on_evicted(ObjectIndex object) override {
    note_eviction(object);
    leave_slot(object);
    victim_.reset();
  }
  virtual void forget_victim() { victim_.reset(); }
  [[nodiscard]] virtual ObjectIndex choose() {
    std::vector<ObjectIndex> sample = slots_;
    if (slots_.size() > samples_) {
      sample.clear();
      while (sample.size() < samples_) sample.push_back(draw());
    }
    return *std::min_element(sample.begin(), sample.end(),
                             [&](auto a, auto b) { return worth(a) < worth(b); });
  }
  [[nodiscard]] ObjectIndex draw() { return slots_[random_.below(slots_.size())]; }

  void take_slot(ObjectIndex object) { slots_.push_back(object); }
  void leave_slot(ObjectIndex object) {
    const auto gap = std::find(slots_.begin(), slots_.end(), object);
    if (gap == slots_.end()) return;
    if (has(Bug::random_shifts_the_slots)) {
      slots_.erase(gap);
      return;
    }
    *gap = slots_.back();
    slots_.pop_back();
  }

 private:
  std::size_t samples_;
  Random random_;
  std::vector<ObjectIndex> slots_;
  std::optional<ObjectIndex> victim_;
};

class AnyObject : public Sampling {
 public:
  explicit AnyObject(const World& world) : Sampling(world, 1) {}

 protected:
  double worth(ObjectIndex) const override { return 0; }
  void note_hit(ObjectIndex) override {}
  void forget_victim() override {}
  ObjectIndex choose() override { return draw(); }
};

class Hyperbolic : public Sampling {
 public:
  Hyperbolic(const World& world, const Settings& settings)
      : Sampling(world, settings.number("samples", 64)),
        size_aware_(settings.number("size_aware", 0) == 1) {}

 protected:
  double worth(ObjectIndex object) const override {
    const auto age = static_cast<double>(now() - inserted_.at(object));
    const auto requests = static_cast<double>(requests_.at(object));
    return requests / (size_aware_ ? age * divisor(object) : age);
  }
  void note_hit(ObjectIndex object) override {
    ++requests_[object];
    if (has(Bug::hyperbolic_ages_from_the_last_access)) inserted_[object] = now();
  }
  void note_insertion(ObjectIndex object) override {
    requests_[object] = 1;
    inserted_[object] = now();
    take_slot(object);
  }

 private:
  bool size_aware_;
  std::map<ObjectIndex, std::uint64_t> requests_;
  std::map<ObjectIndex, std::size_t> inserted_;
};

class Lhd : public Sampling {
 public:
  Lhd(const World& world, const Settings& settings)
      : Sampling(world, settings.number("samples", 32)) {
    double before = 1;
    for (std::size_t step = 0; step < kSteps; ++step) {
      const double after = before + width(step);
      for (auto* const counts : {&hits_, &evictions_}) {
        for (auto& of_class : *counts) {
          of_class[step] = 1000 * (1 / (before * before) - 1 / (after * after));
        }
      }
      before = after;
    }
    derive_densities();
  }

  void on_request(ObjectIndex) override {
    constexpr std::size_t kLongest = 65536;
    if (now() != derive_at_ || has(Bug::lhd_never_learns)) return;
    period_ = std::min(2 * period_, kLongest);
    derive_at_ += period_;
    derive_densities();
    for (auto* const counts : {&hits_, &evictions_}) {
      for (auto& of_class : *counts) {
        for (double& count : of_class) count *= 0.9;
      }
    }
    forget_victim();
  }

 protected:
  double worth(ObjectIndex object) const override {
    return density_[class_of(object)][coarse(age(object))] / divisor(object);
  }
  void note_hit(ObjectIndex object) override {
    const std::uint64_t age_now = std::min(age(object), kLongAgo);
    ++hits_[class_of(object)][coarse(age_now)];
    Seen& seen = seen_[object];
    const auto bits = static_cast<int>(std::bit_width(age_now + seen.last_age));
    seen.of_class = 15 - std::min(bits / 2, 14);
    seen.last_age = age_now;
    seen.at = now();
  }
  void note_insertion(ObjectIndex object) override {
    seen_[object] = {.at = now()};
    take_slot(object);
  }
  void note_eviction(ObjectIndex object) override {
    ++evictions_[class_of(object)][coarse(age(object))];
  }

 private:
  static constexpr std::size_t kClasses = 16;
  static constexpr std::size_t kSteps = 256;
  static constexpr std::uint64_t kLongAgo = std::uint64_t{1} << 30;
  using Table = std::array<std::array<double, kSteps>, kClasses>;

  struct Seen {
    std::size_t at = 0;
    std::uint64_t last_age = kLongAgo;
    int of_class = 0;
  };

  static std::size_t coarse(std::uint64_t age) {
    if (age < 16) return age;
    const auto bits = static_cast<std::uint64_t>(std::bit_width(age));
    return std::min<std::uint64_t>(255, 8 * (bits - 3) + (age >> (bits - 4)) % 8);
  }
  static double width(std::size_t step) {
    return step < 16 ? 1 : std::pow(2.0, static_cast<double>(step / 8 - 1));
  }
  [[nodiscard]] std::uint64_t age(ObjectIndex object) const { return now() - seen_.at(object).at; }
  [[nodiscard]] std::size_t class_of(ObjectIndex object) const {
    return has(Bug::lhd_ignores_classes) ? 0 : static_cast<std::size_t>(seen_.at(object).of_class);
  }
  void derive_densities() {
    for (std::size_t c = 0; c < kClasses; ++c) {
      double hits = 0;
      double events = 0;
      double time = 0;
      for (std::size_t step = kSteps; step-- > 0;) {
        hits += hits_[c][step];
        events += hits_[c][step] + evictions_[c][step];
        time += events * width(step);
        density_[c][step] = hits / time;
      }
    }
  }

  Table hits_{};
  Table evictions_{};
  Table density_{};
  std::map<ObjectIndex, Seen> seen_;
  std::size_t derive_at_ = 4096;
  std::size_t period_ = 4096;
};

class BeladySize : public Sampling {
 public:
  BeladySize(const World& world, const Settings& settings)
      : Sampling(world, settings.number("samples", 128)) {}

 protected:
  double worth(ObjectIndex object) const override {
    const auto next = next_request(world(), object, last_request_.at(object));
    const auto distance = static_cast<double>(next.value() - now());
    const bool ignores = has(Bug::belady_size_ignores_sizes);
    return ignores ? -distance : -static_cast<double>(size(object)) * distance;
  }
  void note_hit(ObjectIndex object) override {
    last_request_[object] = now();
    if (!next_request(world(), object, now())) leave_slot(object);
  }
  void note_insertion(ObjectIndex object) override {
    last_request_[object] = now();
    if (next_request(world(), object, now())) take_slot(object);
  }
  ObjectIndex choose() override {
    std::optional<ObjectIndex> dead;
    for (const ObjectIndex object : cached()) {
      if (next_request(world(), object, last_request_[object])) continue;
      if (!dead || last_request_[object] > last_request_[*dead]) dead = object;
    }
    return dead ? *dead : Sampling::choose();
  }

 private:
  std::map<ObjectIndex, std::size_t> last_request_;
};

}  // namespace

std::unique_ptr<Cache> make_sampling_cache(const NamedSettings& settings, const World& world) {
  if (settings.name == "random") return std::make_unique<AnyObject>(world);
  if (settings.name == "hyperbolic") return std::make_unique<Hyperbolic>(world, Settings(settings));
  if (settings.name == "lhd") return std::make_unique<Lhd>(world, Settings(settings));
  if (settings.name == "belady_size") {
    return std::make_unique<BeladySize>(world, Settings(settings));
  }
  return nullptr;
}

}  // namespace edgeward::cache::oracle
