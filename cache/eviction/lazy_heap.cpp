#include "cache/eviction/lazy_heap.hpp"

namespace edgeward::cache {

void LazyHeap::check() const {
  std::vector<bool> seen(nodes_.size());
  std::size_t placed = 0;
  const auto see = [&](ObjectIndex object) {
    if (!contains(object) || seen[object]) {
      throw std::logic_error("lazy heap: an object is in two places, or is not cached");
    }
    seen[object] = true;
    ++placed;
  };
  const auto see_entry = [&](const Entry& entry) {
    see(entry.object);
    if (entry_of(entry.object) < entry) {
      throw std::logic_error("lazy heap: an object is placed above its key");
    }
  };
  for (const Entry& entry : run_) see_entry(entry);
  for (const Entry& entry : late_) see_entry(entry);
  for (std::size_t i = 1; i < run_.size(); ++i) {
    if (run_[i - 1] < run_[i]) throw std::logic_error("lazy heap: the run is out of order");
  }
  for (std::size_t i = 1; i < late_.size(); ++i) {
    if (late_[i] < late_[(i - 1) / 4]) throw std::logic_error("lazy heap: out of order");
  }
  for (std::size_t bucket = 0; bucket <= kBuckets; ++bucket) {
    const bool is_beyond = bucket == kBuckets;
    for (ObjectIndex object = is_beyond ? beyond_ : buckets_[bucket]; object != kNoObject;
         object = next_[object]) {
      see(object);
      const std::uint64_t priority = nodes_[object].priority;
      if (priority < limit_ || ((priority - base_) >> shift_) < bucket) {
        throw std::logic_error("lazy heap: an object is placed above its key");
      }
    }
  }
  if (placed != size_) throw std::logic_error("lazy heap: objects are lost");
}

}  // namespace edgeward::cache
