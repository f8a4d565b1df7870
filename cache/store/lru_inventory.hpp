#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <list>
#include <optional>

#include "cache/ids.hpp"
#include "cache/store/agent_store.hpp"

namespace edgeward::cache {

/// What an edge holds, in the order in which it would go: least recently used first (LRU). Knows
/// neither store nor time. Objects that are being read go last, however old.
class LruInventory {
 public:
  struct Entry {
    ContentId content{};
    ObjectMeta meta;
    unsigned readers = 0;
  };

  /// Nothing where it is not held. Stays where it is until it is erased.
  [[nodiscard]] Entry* find(ContentId content);
  /// It was asked for.
  void touch(const Entry& entry);
  /// As the one used last; in the place of another of the same content.
  void insert(ContentId content, const ObjectMeta& meta);
  void erase(ContentId content);
  /// The one to go next; nothing where all are being read.
  [[nodiscard]] const Entry* victim() const;

  [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  using Order = std::list<Entry>;

  Order order_;  ///< the next to go in front
  boost::unordered_flat_map<std::uint64_t, Order::iterator> entries_;
  std::uint64_t used_bytes_ = 0;
};

}  // namespace edgeward::cache
