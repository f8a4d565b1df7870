#pragma once

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "cache/ids.hpp"
#include "cache/parameters.hpp"

/// Eviction and admission policies once more, as slow as the README.md beside each of them reads:
/// written from that text, sharing no line with the fast ones, so that both are wrong together
/// only if they were misread alike.
namespace edgeward::cache::oracle {

/// Plausible slips, each of which makes one oracle wrong: they show that the comparison sees them.
enum class Bug {
  none,
  fifo_promotes,
  lru_does_not_promote,
  clock_inserts_with_the_bit_set,
  sieve_hand_starts_over,
  s3fifo_promotes_at_one,
  s3fifo_has_no_cold_start,
  slru_drops_to_the_lowest,
  twoq_promotes_in_a1in,
  arc_never_adapts,
  arc_prefers_t2_at_the_target,
  lirs_forgets_to_prune,
  lirs_ignores_the_stack,
  lfu_remembers_the_evicted,
  lfuda_does_not_age,
  gdsf_does_not_age,
  gdsf_never_refuses,
  random_shifts_the_slots,
  hyperbolic_ages_from_the_last_access,
  lhd_ignores_classes,
  lhd_never_learns,
  belady_size_ignores_sizes,
  wtinylfu_lets_equals_win,
  wtinylfu_never_adapts,
  belady_misses_a_request,
  belady_always_bypasses,
  unbounded_is_bounded,
  pfoo_lower_skips_what_is_too_large,
  pfoo_upper_counts_the_end,
  size_is_strict,
  second_hit_never_forgets,
  tinylfu_ignores_sizes,
  tinylfu_counts_misses_only,
  adaptsize_never_tunes,
  adaptsize_forgets_the_past,
};

/// What an oracle may know. The spans must outlive it.
struct World {
  std::span<const std::uint64_t> sizes_bytes;
  std::uint64_t capacity_bytes = 0;
  std::uint64_t seed = 0;
  std::span<const ObjectIndex> requests;
  Bug bug = Bug::none;
};

/// Settings as text, with fallbacks; no checks, the subject has made them.
class Settings {
 public:
  explicit Settings(const NamedSettings& named) : named_(named) {}

  [[nodiscard]] std::string text(const std::string& name, const std::string& fallback) const {
    const auto found = named_.settings.find(name);
    return found == named_.settings.end() ? fallback : found->second;
  }
  [[nodiscard]] double number(const std::string& name, double fallback) const {
    return std::stod(text(name, std::to_string(fallback)));
  }
  [[nodiscard]] bool refuses_oversize() const { return text("oversize", "admit") == "refuse"; }

 private:
  NamedSettings named_;
};

/// A list of objects from the oldest to the newest end.
class Queue {
 public:
  explicit Queue(const World& world) : world_(&world) {}

  [[nodiscard]] bool empty() const { return objects_.empty(); }
  [[nodiscard]] bool has(ObjectIndex object) const {
    return std::find(objects_.begin(), objects_.end(), object) != objects_.end();
  }
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t sum = 0;
    for (const ObjectIndex object : objects_) sum += world_->sizes_bytes[object];
    return sum;
  }
  [[nodiscard]] ObjectIndex oldest() const { return objects_.front(); }
  [[nodiscard]] const std::vector<ObjectIndex>& oldest_first() const { return objects_; }

  void push(ObjectIndex object) {
    assert(!has(object));
    objects_.push_back(object);
  }
  void remove(ObjectIndex object) { std::erase(objects_, object); }
  void renew(ObjectIndex object) {
    remove(object);
    push(object);
  }

 private:
  const World* world_;
  std::vector<ObjectIndex> objects_;
};

/// A cache whose every step is spelled out. Derived says what a hit and a miss do, which object
/// leaves next, and what becomes of it.
class Cache {
 public:
  explicit Cache(const World& world) : world_(world) {}
  virtual ~Cache() = default;
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  [[nodiscard]] virtual bool contains(ObjectIndex object) const { return cached_.contains(object); }
  [[nodiscard]] std::optional<ObjectIndex> victim() {
    return cached_.empty() ? std::nullopt : std::optional(next_victim());
  }

  [[nodiscard]] std::uint64_t capacity() const { return world_.capacity_bytes; }
  [[nodiscard]] std::uint64_t used() const {
    std::uint64_t sum = 0;
    for (const ObjectIndex object : cached_) sum += size(object);
    return sum;
  }

  /// `request` is the position of the request that comes; after the last, the number of requests.
  void advance(std::size_t request) { now_ = request; }

  /// Before it is known to be a hit or a miss.
  virtual void on_request(ObjectIndex) {}
  virtual void on_hit(ObjectIndex object) = 0;
  /// After a miss of an object that is admitted and no larger than the capacity.
  virtual void on_miss(ObjectIndex object) = 0;
  /// Each request that is a hit, or a miss before its admission is asked for.
  virtual void after_lookup(bool /*hit*/) {}

 protected:
  /// What leaves next; the cache is not empty.
  [[nodiscard]] virtual ObjectIndex next_victim() = 0;
  /// The object is no longer cached.
  virtual void on_evicted(ObjectIndex object) = 0;

  [[nodiscard]] std::uint64_t size(ObjectIndex object) const { return world_.sizes_bytes[object]; }
  [[nodiscard]] double divisor(ObjectIndex object) const {
    return static_cast<double>(std::max<std::uint64_t>(1, size(object)));
  }
  [[nodiscard]] std::uint64_t share(double of_capacity) const {
    return static_cast<std::uint64_t>(std::floor(of_capacity * static_cast<double>(capacity())));
  }
  [[nodiscard]] std::uint64_t entry_limit(double of_capacity) const {
    return std::max<std::uint64_t>(1, share(of_capacity));
  }
  [[nodiscard]] bool has(Bug bug) const { return world_.bug == bug; }
  [[nodiscard]] const World& world() const { return world_; }
  [[nodiscard]] const std::set<ObjectIndex>& cached() const { return cached_; }
  [[nodiscard]] bool has_evicted() const { return has_evicted_; }
  [[nodiscard]] std::size_t now() const { return now_; }

  void make_room(ObjectIndex object) {
    while (used() + size(object) > capacity()) evict(next_victim());
  }
  void evict(ObjectIndex object) {
    cached_.erase(object);
    has_evicted_ = true;
    on_evicted(object);
  }
  void enter(ObjectIndex object) { cached_.insert(object); }

 private:
  World world_;
  std::set<ObjectIndex> cached_;
  bool has_evicted_ = false;
  std::size_t now_ = 0;
};

/// The position of the first request for the object after `request`; none if there is none.
[[nodiscard]] std::optional<std::size_t> next_request(const World& world, ObjectIndex object,
                                                      std::size_t request);

/// Which missed objects may enter.
class Admission {
 public:
  virtual ~Admission() = default;
  virtual void observe(ObjectIndex object, bool hit) = 0;
  [[nodiscard]] virtual bool admits(ObjectIndex object, Cache& cache) = 0;
};

/// The eviction policy of that name; null where there is no oracle for it.
[[nodiscard]] std::unique_ptr<Cache> make_cache(const NamedSettings& settings, const World& world);
/// Null for `none`, and where there is no oracle.
[[nodiscard]] std::unique_ptr<Admission> make_admission(const NamedSettings& settings,
                                                        const World& world);

// The same, one a file.
std::unique_ptr<Cache> make_queue_cache(const NamedSettings& settings, const World& world);
std::unique_ptr<Cache> make_ghost_cache(const NamedSettings& settings, const World& world);
std::unique_ptr<Cache> make_priority_cache(const NamedSettings& settings, const World& world);
std::unique_ptr<Cache> make_sampling_cache(const NamedSettings& settings, const World& world);
std::unique_ptr<Cache> make_wtinylfu_cache(const NamedSettings& settings, const World& world);
std::unique_ptr<Cache> make_ceiling(const NamedSettings& settings, const World& world);

/// The hits of all requests; `admission` may be null.
[[nodiscard]] std::vector<std::uint8_t> replay(Cache& cache, Admission* admission,
                                               const World& world);

}  // namespace edgeward::cache::oracle
