#include "cache/store/inventory_copy.hpp"

namespace edgeward::cache {

namespace {

/// Changes that are asked for at once.
constexpr std::size_t kChangesAtOnce = 4096;

}  // namespace

std::optional<std::uint64_t> InventoryCopy::find(ContentId content) const {
  const Bucket& bucket = buckets_[inventory_bucket(content)];
  const auto found = bucket.find(static_cast<std::uint64_t>(content));
  if (found == bucket.end()) return std::nullopt;
  return found->second;
}

std::size_t InventoryCopy::size() const {
  std::size_t objects = 0;
  for (const Bucket& bucket : buckets_) objects += bucket.size();
  return objects;
}

Stored<Done> InventoryCopy::follow(EdgeStore& store, std::string_view edge) {
  while (true) {
    const auto read = store.inventory_changes(edge, digests_.seq, kChangesAtOnce);
    if (!read) return tl::unexpected(read.error());
    if (read->has_gap) return compare(store, edge);
    for (const InventoryChange& change : read->changes) {
      if (change.is_held) {
        set(change.holding);
      } else {
        erase(change.holding.content);
      }
      digests_.seq = change.seq;
    }
    if (read->changes.size() < kChangesAtOnce) return Done{};
  }
}

Stored<Done> InventoryCopy::compare(EdgeStore& store, std::string_view edge) {
  const auto theirs = store.inventory_digests(edge);
  if (!theirs) return tl::unexpected(theirs.error());
  for (std::size_t bucket = 0; bucket < kInventoryBuckets; ++bucket) {
    if (digests_.buckets[bucket] == theirs->buckets[bucket]) continue;
    if (const auto replaced = replace_bucket(store, edge, bucket); !replaced) return replaced;
  }
  // Changes after the digests, some of which the buckets had by then, come again: in their order
  // they end where the buckets do.
  digests_.seq = theirs->seq;
  return Done{};
}

Stored<Done> InventoryCopy::replace_bucket(EdgeStore& store, std::string_view edge,
                                           std::size_t bucket) {
  const auto read = store.inventory(edge, bucket);
  if (!read) return tl::unexpected(read.error());
  for (const auto& held : buckets_[bucket]) used_bytes_ -= held.second;
  buckets_[bucket].clear();
  digests_.buckets[bucket] = 0;
  for (const Holding& holding : *read) set(holding);
  return Done{};
}

void InventoryCopy::set(const Holding& holding) {
  erase(holding.content);
  Bucket& bucket = buckets_[inventory_bucket(holding.content)];
  bucket[static_cast<std::uint64_t>(holding.content)] = holding.size_bytes;
  used_bytes_ += holding.size_bytes;
  digests_.buckets[inventory_bucket(holding.content)] ^= digest_of(holding);
}

void InventoryCopy::erase(ContentId content) {
  Bucket& bucket = buckets_[inventory_bucket(content)];
  const auto found = bucket.find(static_cast<std::uint64_t>(content));
  if (found == bucket.end()) return;
  const Holding gone{.content = content, .size_bytes = found->second};
  digests_.buckets[inventory_bucket(content)] ^= digest_of(gone);
  used_bytes_ -= gone.size_bytes;
  bucket.erase(found);
}

}  // namespace edgeward::cache
