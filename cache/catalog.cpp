#include "cache/catalog.hpp"

#include <algorithm>
#include <cmath>
#include <functional>

namespace edgeward::cache {

namespace {

constexpr std::int64_t kDayMs = 86'400'000;
/// Stands for "never" in what is saved.
constexpr std::int64_t kNeverViewed = -1;

/// Takes in what an update says.
void overwrite(CatalogEntry& entry, const CatalogUpdate& update, ViewsRule rule) {
  entry.size_bytes = update.size_bytes;
  entry.duration_min = update.duration_min;
  entry.type = update.type;
  entry.rating = update.rating;
  entry.created_at_ms = update.created_at_ms.value_or(entry.created_at_ms);
  const bool is_larger = rule == ViewsRule::larger;
  if (update.views) entry.views = is_larger ? std::max(entry.views, *update.views) : *update.views;
  if (!update.last_viewed_at_ms) return;
  // An empty optional is less than any time.
  entry.last_viewed_at_ms = is_larger ? std::max(entry.last_viewed_at_ms, update.last_viewed_at_ms)
                                      : update.last_viewed_at_ms;
}

[[nodiscard]] bool get_entry(ByteReader& bytes, CatalogEntry& entry) {
  std::string_view key;
  std::string_view type;
  std::int64_t viewed_at_ms = 0;
  const bool is_whole = bytes.get_text(key) && bytes.get_text(type) &&
                        bytes.get(entry.size_bytes) && bytes.get(entry.duration_min) &&
                        bytes.get(entry.created_at_ms) && bytes.get(viewed_at_ms) &&
                        bytes.get(entry.views) && bytes.get(entry.rating);
  if (!is_whole || key.empty()) return false;
  entry.key = key;
  entry.type = type;
  if (viewed_at_ms != kNeverViewed) entry.last_viewed_at_ms = viewed_at_ms;
  return true;
}

}  // namespace

double popularity(const CatalogEntry& entry, std::int64_t now_ms) {
  const std::int64_t age_days = std::max<std::int64_t>(now_ms - entry.created_at_ms, 0) / kDayMs;
  return 0.4 * std::log10(static_cast<double>(entry.views) + 1) + 0.3 * entry.rating +
         0.3 * std::exp(-static_cast<double>(age_days) / 365);
}

CatalogEntry* Catalog::add(std::string_view key) {
  if (size() >= entries_max_) return nullptr;
  Slot slot = static_cast<Slot>(entries_.size());
  if (free_.empty()) {
    entries_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  slots_.emplace(content_id(key), slot);
  entries_[slot].key = key;
  return &entries_[slot];
}

Catalog::Put Catalog::put(const CatalogUpdate& update, ViewsRule rule, std::int64_t now_ms) {
  if (const auto slot = slot_of(content_id(update.key))) {
    overwrite(entries_[*slot], update, rule);
    return Put::updated;
  }
  CatalogEntry* const entry = add(update.key);
  if (entry == nullptr) return Put::full;
  entry->created_at_ms = now_ms;
  overwrite(*entry, update, rule);
  return Put::added;
}

bool Catalog::view(ContentId content, std::int64_t at_ms) {
  const auto slot = slot_of(content);
  if (!slot) return false;
  CatalogEntry& entry = entries_[*slot];
  ++entry.views;
  entry.last_viewed_at_ms = std::max(entry.last_viewed_at_ms.value_or(at_ms), at_ms);
  return true;
}

bool Catalog::remove(ContentId content) {
  const auto found = slots_.find(content);
  if (found == slots_.end()) return false;
  entries_[found->second] = {};
  free_.push_back(found->second);
  slots_.erase(found);
  return true;
}

const CatalogEntry* Catalog::find(ContentId content) const {
  const auto slot = slot_of(content);
  return slot ? &entries_[*slot] : nullptr;
}

std::optional<Catalog::Slot> Catalog::slot_of(ContentId content) const {
  const auto found = slots_.find(content);
  if (found == slots_.end()) return std::nullopt;
  return found->second;
}

const CatalogEntry* Catalog::at(Slot slot) const {
  return entries_[slot].key.empty() ? nullptr : &entries_[slot];
}

void Catalog::save(Slot begin, Slot end, ByteWriter& bytes) const {
  for (Slot slot = begin; slot < end; ++slot) {
    const CatalogEntry* const entry = at(slot);
    if (entry == nullptr) continue;
    bytes.put_text(entry->key);
    bytes.put_text(entry->type);
    bytes.put(entry->size_bytes);
    bytes.put(entry->duration_min);
    bytes.put(entry->created_at_ms);
    bytes.put(entry->last_viewed_at_ms.value_or(kNeverViewed));
    bytes.put(entry->views);
    bytes.put(entry->rating);
  }
}

std::optional<std::size_t> Catalog::take_saved(std::string_view saved) {
  std::vector<CatalogEntry> entries;
  for (ByteReader bytes(saved); !bytes.is_at_end();) {
    if (!get_entry(bytes, entries.emplace_back())) return std::nullopt;
  }
  std::size_t left_out = 0;
  for (CatalogEntry& entry : entries) {
    const auto slot = slot_of(content_id(entry.key));
    CatalogEntry* const place = slot ? &entries_[*slot] : add(entry.key);
    if (place == nullptr) {
      ++left_out;
    } else {
      *place = std::move(entry);
    }
  }
  return left_out;
}

void MostPopular::offer(double popularity, ContentId content) {
  const std::pair one(popularity, content);
  const std::greater<> is_better;
  if (heap_.size() < count_) {
    heap_.push_back(one);
    std::push_heap(heap_.begin(), heap_.end(), is_better);
  } else if (count_ > 0 && is_better(one, heap_.front())) {
    std::pop_heap(heap_.begin(), heap_.end(), is_better);
    heap_.back() = one;
    std::push_heap(heap_.begin(), heap_.end(), is_better);
  }
}

std::vector<std::pair<double, ContentId>> MostPopular::sorted() && {
  std::sort_heap(heap_.begin(), heap_.end(), std::greater<>());
  return std::move(heap_);
}

}  // namespace edgeward::cache
