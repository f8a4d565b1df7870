#include "cache/store/lru_inventory.hpp"

#include <algorithm>
#include <utility>

namespace edgeward::cache {

LruInventory::Entry* LruInventory::find(ContentId content) {
  const auto found = entries_.find(static_cast<std::uint64_t>(content));
  return found == entries_.end() ? nullptr : found->second;
}

LruInventory::Order::node_type LruInventory::take(const Entry& entry) {
  const auto group = groups_.find(entry.protected_until_ms);
  used_bytes_ -= entry.meta.length_bytes;
  if (group->first != 0) protected_bytes_ -= entry.meta.length_bytes;
  auto node = group->second.extract(entry.last_use);
  if (group->second.empty()) groups_.erase(group);
  return node;
}

void LruInventory::put(Order::node_type node) {
  Entry& entry = node.mapped();
  node.key() = entry.last_use;
  used_bytes_ += entry.meta.length_bytes;
  if (entry.protected_until_ms != 0) protected_bytes_ += entry.meta.length_bytes;
  Order& group = groups_[entry.protected_until_ms];
  group.insert(group.end(), std::move(node));
}

void LruInventory::touch(const Entry& entry) {
  auto node = take(entry);
  node.mapped().last_use = ++uses_;
  put(std::move(node));
}

void LruInventory::insert(ContentId content, const ObjectMeta& meta,
                          std::int64_t protected_until_ms) {
  protected_until_ms = std::max<std::int64_t>(protected_until_ms, 0);
  if (const Entry* const before = find(content)) {
    protected_until_ms = std::max(protected_until_ms, before->protected_until_ms);
    erase(content);
  }
  Order single;
  Entry& entry = single[++uses_];
  entry = {.content = content,
           .meta = meta,
           .protected_until_ms = protected_until_ms,
           .last_use = uses_};
  entries_.emplace(static_cast<std::uint64_t>(content), &entry);
  put(single.extract(single.begin()));
}

void LruInventory::erase(ContentId content) {
  const Entry* const entry = find(content);
  if (entry == nullptr) return;
  entries_.erase(static_cast<std::uint64_t>(content));
  (void)take(*entry);
}

void LruInventory::protect(ContentId content, std::int64_t until_ms) {
  const Entry* const entry = find(content);
  until_ms = std::max<std::int64_t>(until_ms, 0);
  if (entry == nullptr || entry->protected_until_ms == until_ms) return;
  auto node = take(*entry);
  node.mapped().protected_until_ms = until_ms;
  put(std::move(node));
}

void LruInventory::expire(std::int64_t now_ms) {
  // Those without protection stand first, as if it had ended at 0.
  for (auto group = groups_.upper_bound(0); group != groups_.end() && group->first <= now_ms;) {
    const auto ended = groups_.extract(group++);
    for (auto& [last_use, entry] : ended.mapped()) {
      protected_bytes_ -= entry.meta.length_bytes;
      entry.protected_until_ms = 0;
    }
    groups_[0].merge(ended.mapped());
  }
}

const LruInventory::Entry* LruInventory::victim(std::int64_t now_ms) {
  expire(now_ms);
  const Entry* next = nullptr;
  for (const auto& [until_ms, group] : groups_) {
    const auto found = std::find_if(group.begin(), group.end(),
                                    [](const auto& used) { return used.second.readers == 0; });
    if (found == group.end()) continue;
    if (next == nullptr || found->second.last_use < next->last_use) next = &found->second;
    if (until_ms == 0) break;  // what is protected goes only where nothing else is left
  }
  return next;
}

}  // namespace edgeward::cache
