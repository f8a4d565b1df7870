#include <map>
#include <tuple>

#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

namespace {

/// Evicts the least (priority, time of the last access).
template <class Priority>
class Prioritised : public Cache {
 public:
  using Cache::Cache;

  void on_hit(ObjectIndex object) override { access(object); }
  void on_miss(ObjectIndex object) override {
    make_room(object);
    enter(object);
    access(object);
  }

 protected:
  [[nodiscard]] virtual Priority priority_of(ObjectIndex object, std::uint64_t frequency) const = 0;

  [[nodiscard]] Priority priority(ObjectIndex object) const { return priority_.at(object); }
  void access(ObjectIndex object) {
    priority_[object] = priority_of(object, ++frequency_[object]);
    last_access_[object] = now();
  }
  ObjectIndex next_victim() override {
    return *std::min_element(cached().begin(), cached().end(), [&](auto a, auto b) {
      return std::tuple(priority_[a], last_access_[a]) < std::tuple(priority_[b], last_access_[b]);
    });
  }
  void on_evicted(ObjectIndex object) override {
    if (!has(Bug::lfu_remembers_the_evicted)) frequency_[object] = 0;
  }

 private:
  std::map<ObjectIndex, Priority> priority_;
  std::map<ObjectIndex, std::uint64_t> frequency_;
  std::map<ObjectIndex, std::size_t> last_access_;
};

/// lfu, lfuda.
class Lfu : public Prioritised<std::uint64_t> {
 public:
  Lfu(const World& world, bool ages) : Prioritised(world), ages_(ages) {}

 protected:
  std::uint64_t priority_of(ObjectIndex, std::uint64_t frequency) const override {
    return age_ + frequency;
  }
  void on_evicted(ObjectIndex object) override {
    if (ages_) age_ = priority(object);
    Prioritised::on_evicted(object);
  }

 private:
  bool ages_;
  std::uint64_t age_ = 0;
};

class Gdsf : public Prioritised<double> {
 public:
  using Prioritised::Prioritised;

  void on_miss(ObjectIndex object) override {
    const double rank = age_ + 1 / divisor(object);
    while (used() + size(object) > capacity()) {
      const ObjectIndex victim = next_victim();
      if (rank < priority(victim) && !has(Bug::gdsf_never_refuses)) {
        age(rank);
        return;
      }
      age(priority(victim));
      evict(victim);
    }
    enter(object);
    rank_ = rank;
    access(object);
    rank_.reset();
  }

 protected:
  double priority_of(ObjectIndex object, std::uint64_t frequency) const override {
    return rank_.value_or(age_ + static_cast<double>(frequency) / divisor(object));
  }

 private:
  void age(double to) {
    if (!has(Bug::gdsf_does_not_age)) age_ = to;
  }

  double age_ = 0;
  std::optional<double> rank_;  ///< of the object that enters
};

}  // namespace

std::unique_ptr<Cache> make_priority_cache(const NamedSettings& settings, const World& world) {
  if (settings.name == "lfu") return std::make_unique<Lfu>(world, false);
  if (settings.name == "lfuda") {
    return std::make_unique<Lfu>(world, world.bug != Bug::lfuda_does_not_age);
  }
  if (settings.name == "gdsf") return std::make_unique<Gdsf>(world);
  return nullptr;
}

}  // namespace edgeward::cache::oracle
