#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string_view>

#include "cache/admission/admission.hpp"
#include "cache/eviction/policy.hpp"

namespace edgeward::cache {

/// The replay loop that all policies share, with the policy's own steps inlined into it.
///
/// Derived provides
///   void prefetch(ObjectIndex)   touch the memory that lookup will need, soon
///   bool lookup(ObjectIndex)     true if cached; notes the access (promotion, counters, ghosts)
///   void insert(ObjectIndex, std::uint64_t size_bytes)   after a miss; what others keep leaves
///   room for it;
///                                evicts until the object fits, or refuses it
///   void evict_next()            evicts what victim() names (not for ceilings)
/// and keeps used_bytes_, objects_ and evictions_ through added() and evicted().
template <class Derived>
class PolicyBase : public EvictionPolicy {
 public:
  void replay(std::span<const ObjectIndex> requests, AdmissionPolicy* admission,
              std::uint8_t* hits) final {
    if (admission == nullptr) {
      run(
          requests, hits, [](ObjectIndex, bool) {}, [](ObjectIndex) { return true; });
    } else {
      run(
          requests, hits,
          [admission](ObjectIndex object, bool hit) { admission->observe(object, hit); },
          [admission, this](ObjectIndex object) { return admission->admits(object, *this); });
    }
  }

  void prefetch_all(std::span<const ObjectIndex> objects) const final {
    for (const ObjectIndex object : objects) static_cast<const Derived*>(this)->prefetch(object);
  }

  void share(Sharer* sharer, std::uint64_t bytes, std::uint64_t common_bytes) final {
    if constexpr (requires(Derived & derived) { derived.evict_next(); }) {
      sharer_ = sharer;
      shared_bytes_ = std::min(bytes, capacity_bytes_);
      reserved_bytes_ = shared_bytes_ - std::min(common_bytes, shared_bytes_);
      while (used_bytes_ > room_bytes()) static_cast<Derived*>(this)->evict_next();
    } else {
      throw std::logic_error("a ceiling shares its capacity with nobody");
    }
  }

  [[nodiscard]] std::uint64_t capacity_bytes() const final { return capacity_bytes_; }
  [[nodiscard]] std::uint64_t used_bytes() const final { return used_bytes_; }
  [[nodiscard]] std::uint64_t objects() const final { return objects_; }
  [[nodiscard]] std::uint64_t evictions() const final { return evictions_; }

 protected:
  explicit PolicyBase(const CacheSpec& spec)
      : sizes_bytes_(spec.sizes_bytes), capacity_bytes_(spec.capacity_bytes) {}

  [[nodiscard]] bool has_room(std::uint64_t size_bytes) const {
    return used_bytes_ + size_bytes <= room_bytes();
  }
  /// The capacity that a sharer leaves, at the moment; less as what both hold becomes its own.
  [[nodiscard]] std::uint64_t room_bytes() const { return capacity_bytes_ - reserved_bytes_; }
  [[nodiscard]] std::uint64_t size_bytes(ObjectIndex object) const { return sizes_bytes_[object]; }
  void prefetch_size(ObjectIndex object) const { __builtin_prefetch(&sizes_bytes_[object]); }
  [[nodiscard]] std::span<const std::uint64_t> sizes_bytes() const { return sizes_bytes_; }
  [[nodiscard]] std::size_t universe() const { return sizes_bytes_.size(); }

  /// How many requests came before the one being handled.
  [[nodiscard]] std::uint64_t now() const { return now_; }

  void added(std::uint64_t size_bytes) {
    used_bytes_ += size_bytes;
    ++objects_;
  }
  void evicted(ObjectIndex object) {
    used_bytes_ -= sizes_bytes_[object];
    --objects_;
    ++evictions_;
    if (sharer_ != nullptr) reserved_bytes_ += sharer_->take_over(object);
  }

  /// For check_invariants: compares the totals with what was derived anew.
  void check_totals(std::string_view policy, std::uint64_t bytes, std::uint64_t count) const {
    if (bytes != used_bytes_ || count != objects_ || used_bytes_ > room_bytes()) {
      throw std::logic_error(
          fmt::format("{}: holds {} objects of {} bytes, but counted {} of {} (capacity {})",
                      policy, count, bytes, objects_, used_bytes_, room_bytes()));
    }
  }

  /// For check_invariants: check_totals over the objects that contains() names.
  void check_contents(std::string_view policy) const {
    std::uint64_t bytes = 0;
    std::uint64_t count = 0;
    for (std::size_t object = 0; object < universe(); ++object) {
      if (!static_cast<const Derived*>(this)->contains(static_cast<ObjectIndex>(object))) continue;
      bytes += sizes_bytes_[object];
      ++count;
    }
    check_totals(policy, bytes, count);
  }

 private:
  /// How many requests ahead memory is touched: enough to hide a miss in all caches (~100 ns)
  /// behind requests of ~6 ns each.
  static constexpr std::size_t kPrefetchDistance = 16;

  template <class Observe, class Admits>
  void run(std::span<const ObjectIndex> requests, std::uint8_t* hits, Observe observe,
           Admits admits) {
    auto& self = static_cast<Derived&>(*this);
    const std::size_t count = requests.size();
    for (std::size_t i = 0; i < count; ++i) {
      if (i + kPrefetchDistance < count) {
        const ObjectIndex soon = requests[i + kPrefetchDistance];
        self.prefetch(soon);
        __builtin_prefetch(&sizes_bytes_[soon]);
      }
      const ObjectIndex object = requests[i];
      const bool hit = self.lookup(object);
      hits[i] = static_cast<std::uint8_t>(hit);
      observe(object, hit);
      if (!hit) {
        const std::uint64_t size = sizes_bytes_[object];
        if (size <= capacity_bytes_ - shared_bytes_ && admits(object)) self.insert(object, size);
      }
      ++now_;
    }
  }

  std::span<const std::uint64_t> sizes_bytes_;
  std::uint64_t capacity_bytes_;
  Sharer* sharer_ = nullptr;
  std::uint64_t shared_bytes_ = 0;    ///< what the sharer keeps
  std::uint64_t reserved_bytes_ = 0;  ///< of it, what the policy does not hold as well
  std::uint64_t used_bytes_ = 0;
  std::uint64_t objects_ = 0;
  std::uint64_t evictions_ = 0;
  std::uint64_t now_ = 0;
};

}  // namespace edgeward::cache
