#include <map>

#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

namespace {

/// fifo, lru: a queue, with or without promotion.
class Fifo : public Cache {
 public:
  Fifo(const World& world, bool promotes) : Cache(world), promotes_(promotes) {}

  void on_hit(ObjectIndex object) override {
    if (promotes_) queue_.renew(object);
  }
  void on_miss(ObjectIndex object) override {
    make_room(object);
    enter(object);
    queue_.push(object);
  }

 protected:
  ObjectIndex next_victim() override { return queue_.oldest(); }
  void on_evicted(ObjectIndex object) override { queue_.remove(object); }

 private:
  bool promotes_;
  Queue queue_{world()};
};

class Clock : public Cache {
 public:
  using Cache::Cache;

  void on_hit(ObjectIndex object) override { bit_[object] = true; }
  void on_miss(ObjectIndex object) override {
    make_room(object);
    enter(object);
    queue_.push(object);
    bit_[object] = has(Bug::clock_inserts_with_the_bit_set);
  }

 protected:
  ObjectIndex next_victim() override {
    while (bit_[queue_.oldest()]) {
      const ObjectIndex spared = queue_.oldest();
      bit_[spared] = false;
      queue_.renew(spared);
    }
    return queue_.oldest();
  }
  void on_evicted(ObjectIndex object) override { queue_.remove(object); }

 private:
  Queue queue_{world()};
  std::map<ObjectIndex, bool> bit_;
};

class Sieve : public Cache {
 public:
  using Cache::Cache;

  void on_hit(ObjectIndex object) override { bit_[object] = true; }
  void on_miss(ObjectIndex object) override {
    make_room(object);
    enter(object);
    queue_.push(object);
    bit_[object] = false;
  }

 protected:
  ObjectIndex next_victim() override {
    if (!hand_) hand_ = queue_.oldest();
    while (bit_[*hand_]) {
      bit_[*hand_] = false;
      hand_ = next_newer(*hand_);
      if (!hand_) hand_ = queue_.oldest();
    }
    return *hand_;
  }
  void on_evicted(ObjectIndex object) override {
    hand_ = has(Bug::sieve_hand_starts_over) ? std::nullopt : next_newer(object);
    queue_.remove(object);
  }

 private:
  [[nodiscard]] std::optional<ObjectIndex> next_newer(ObjectIndex object) const {
    const auto& objects = queue_.oldest_first();
    const auto after = std::find(objects.begin(), objects.end(), object) + 1;
    return after == objects.end() ? std::nullopt : std::optional(*after);
  }

  Queue queue_{world()};
  std::map<ObjectIndex, bool> bit_;
  std::optional<ObjectIndex> hand_;
};

class S3Fifo : public Cache {
 public:
  S3Fifo(const World& world, const Settings& settings)
      : Cache(world),
        small_limit_(entry_limit(settings.number("small", 0.1))),
        ghost_limit_(share(settings.number("ghost", 0.9))),
        refuses_(settings.refuses_oversize()) {}

  void on_hit(ObjectIndex object) override { count_[object] = std::min(count_[object] + 1, 3); }
  void on_miss(ObjectIndex object) override {
    if (refuses_ && size(object) > small_limit_) return;
    const bool had_ghost = ghosts_.has(object);
    ghosts_.remove(object);
    make_room(object);
    enter(object);
    count_[object] = 0;
    const bool starts_cold = !has(Bug::s3fifo_has_no_cold_start) && !has_evicted() &&
                             small_.bytes() + size(object) > small_limit_;
    (had_ghost || starts_cold ? main_ : small_).push(object);
  }

 protected:
  ObjectIndex next_victim() override {
    const int promoted_at = has(Bug::s3fifo_promotes_at_one) ? 1 : 2;
    while (true) {
      if (!small_.empty() && (small_.bytes() >= small_limit_ || main_.empty())) {
        const ObjectIndex object = small_.oldest();
        if (count_[object] < promoted_at) return object;
        small_.remove(object);
        main_.push(object);
        count_[object] = 0;
      } else {
        const ObjectIndex object = main_.oldest();
        if (count_[object] == 0) return object;
        --count_[object];
        main_.renew(object);
      }
    }
  }
  void on_evicted(ObjectIndex object) override {
    if (main_.has(object)) {
      main_.remove(object);
      return;
    }
    small_.remove(object);
    ghosts_.push(object);
    while (ghosts_.bytes() > ghost_limit_) ghosts_.remove(ghosts_.oldest());
  }

 private:
  std::uint64_t small_limit_;
  std::uint64_t ghost_limit_;
  bool refuses_;
  Queue small_{world()};
  Queue main_{world()};
  Queue ghosts_{world()};
  std::map<ObjectIndex, int> count_;
};

}  // namespace

std::unique_ptr<Cache> make_queue_cache(const NamedSettings& settings, const World& world) {
  if (settings.name == "fifo") {
    return std::make_unique<Fifo>(world, world.bug == Bug::fifo_promotes);
  }
  if (settings.name == "lru") {
    return std::make_unique<Fifo>(world, world.bug != Bug::lru_does_not_promote);
  }
  if (settings.name == "clock") return std::make_unique<Clock>(world);
  if (settings.name == "sieve") return std::make_unique<Sieve>(world);
  if (settings.name == "s3fifo") return std::make_unique<S3Fifo>(world, Settings(settings));
  return nullptr;
}

}  // namespace edgeward::cache::oracle
