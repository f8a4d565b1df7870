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
  ++leaving_[content];
  const auto done = store_.run(
      content,
      [content, chunks = cache::chunks_of(meta.length_bytes)](cache::AgentStore& store) {
        return store.remove_object(content, chunks);
      },
      yield);
  leaving_bytes_ -= meta.length_bytes;
  if (const auto left = leaving_.find(content); --left->second == 0) leaving_.erase(left);
  // Whether it is gone is not known: it is asked for again, or removed again.
  if (!done && index_.find(content) == nullptr) {
    index_.insert(content, meta, protected_until_ms);
  }
  changed_.notify();
  return done;
}

cache::Stored<cache::Done> Holdings::remove(const HeldVersion& held, Tasks::Yield yield) {
  // It would come back if the store did not take its removal.
  while (leaving_.contains(held.content)) changed_.wait(yield);
  const cache::LruInventory::Entry* const entry = index_.find(held.content);
  if (entry == nullptr || entry->meta.version != held.version) return cache::Done{};
  return remove(held.content, yield);
}

std::vector<HeldVersion> Holdings::condemn(const cache::Purge& purge) {
  std::vector<HeldVersion> condemned;
  const auto look_at = [&](cache::LruInventory::Entry& entry) {
    cache::ObjectMeta& meta = entry.meta;
    if (!is_named(purge, meta.key) || !is_before(purge, meta.stored_at_ms)) return;
    meta.fresh_until_ms = meta.stale_until_ms = meta.error_stale_until_ms = 0;
    meta.etag.clear();
    meta.last_modified.clear();
    condemned.push_back({.content = entry.content, .version = meta.version});
  };
  if (purge.kind == cache::PurgeKind::prefix) {
    index_.visit(look_at);
  } else if (auto* const entry = index_.find(cache::content_id(purge.text))) {
    look_at(*entry);
  }
  return condemned;
}

}  // namespace edgeward::controller
