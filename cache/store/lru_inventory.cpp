#include "cache/store/lru_inventory.hpp"

#include <algorithm>

namespace edgeward::cache {

LruInventory::Entry* LruInventory::find(ContentId content) {
  const auto found = entries_.find(static_cast<std::uint64_t>(content));
  return found == entries_.end() ? nullptr : &*found->second;
}

void LruInventory::touch(const Entry& entry) {
  const auto at = entries_.find(static_cast<std::uint64_t>(entry.content))->second;
  order_.splice(order_.end(), order_, at);
}

void LruInventory::insert(ContentId content, const ObjectMeta& meta) {
  erase(content);
  order_.push_back({.content = content, .meta = meta});
  entries_.emplace(static_cast<std::uint64_t>(content), std::prev(order_.end()));
  used_bytes_ += meta.length_bytes;
}

void LruInventory::erase(ContentId content) {
  const auto found = entries_.find(static_cast<std::uint64_t>(content));
  if (found == entries_.end()) return;
  used_bytes_ -= found->second->meta.length_bytes;
  order_.erase(found->second);
  entries_.erase(found);
}

const LruInventory::Entry* LruInventory::victim() const {
  const auto found = std::find_if(order_.begin(), order_.end(),
                                  [](const Entry& entry) { return entry.readers == 0; });
  return found == order_.end() ? nullptr : &*found;
}

}  // namespace edgeward::cache
