#include "controller/agent/holdings.hpp"

#include "controller/terminal.hpp"

namespace edgeward::controller {

cache::Stored<cache::Done> Holdings::reserve(std::uint64_t bytes, Tasks::Yield yield) {
  if (bytes > capacity_bytes_) {
    return cache::failed(cache::StoreFault::out_of_memory, "it is larger than the edge");
  }
  reserved_bytes_ += bytes;
  while (occupied_bytes() > capacity_bytes_) {
    if (index_.used_bytes() + reserved_bytes_ <= capacity_bytes_) {
      changed_.wait(yield);  // for what is being removed already
      continue;
    }
    auto evicted = evict_one(yield);
    if (evicted) continue;
    release(bytes);
    return evicted;
  }
  return cache::Done{};
}

void Holdings::release(std::uint64_t bytes) {
  reserved_bytes_ -= bytes;
  changed_.notify();
}

cache::Stored<cache::Done> Holdings::evict_one(Tasks::Yield yield) {
  const cache::LruInventory::Entry* const victim = index_.victim(wall_ms());
  if (victim == nullptr) {
    return cache::failed(cache::StoreFault::out_of_memory, "all that is held is being read");
  }
  const bool is_protected = victim->protected_until_ms != 0;
  auto removed = remove(victim->content, yield);
  if (removed) ++evictions_;
  if (removed && is_protected) ++protected_evictions_;
  return removed;
}

void Holdings::add(cache::ContentId content, const cache::ObjectMeta& meta,
                   std::int64_t protected_until_ms) {
  reserved_bytes_ -= meta.length_bytes;
  index_.insert(content, meta, protected_until_ms);
}

cache::Stored<cache::Done> Holdings::remove(cache::ContentId content, Tasks::Yield yield) {
  const cache::LruInventory::Entry* const entry = index_.find(content);
  if (entry == nullptr) return cache::Done{};
  const cache::ObjectMeta meta = entry->meta;
  const std::int64_t protected_until_ms = entry->protected_until_ms;
  index_.erase(content);
  leaving_bytes_ += meta.length_bytes;
  const auto done = store_.run(
      content,
      [content, chunks = cache::chunks_of(meta.length_bytes)](cache::AgentStore& store) {
        return store.remove_object(content, chunks);
      },
      yield);
  leaving_bytes_ -= meta.length_bytes;
  // Whether it is gone is not known: it is asked for again, or removed again.
  if (!done && index_.find(content) == nullptr) {
    index_.insert(content, meta, protected_until_ms);
  }
  changed_.notify();
  return done;
}

}  // namespace edgeward::controller
