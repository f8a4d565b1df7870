#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <map>

#include "cache/ids.hpp"
#include "cache/store/agent_store.hpp"

namespace edgeward::cache {

/// What an edge holds, in the order in which it would go: first what no plan asks for, then what is
/// protected, both least recently used first (LRU). Protection ends at a time of its own, which
/// whoever asks says. Knows neither store nor clock. Objects that are being read go last, however
/// old. Invariant: an object is in the group of the end of its protection (0: it has none), by use.
/// Finding takes constant time, all else the logarithm of what is held.
class LruInventory {
 public:
  struct Entry {
    ContentId content{};
    ObjectMeta meta;
    unsigned readers = 0;
    std::int64_t protected_until_ms = 0;  ///< 0: not at all
    std::uint64_t last_use = 0;           ///< grows with each use of any
  };

  /// Nothing where it is not held. Stays where it is until it is erased.
  [[nodiscard]] Entry* find(ContentId content);
  /// It was asked for.
  void touch(const Entry& entry);
  /// As the one used last; in the place of another of the same content, whose protection it keeps.
  void insert(ContentId content, const ObjectMeta& meta, std::int64_t protected_until_ms = 0);
  void erase(ContentId content);
  /// A plan asks for it until then; in the place of what was said before. It is no use.
  void protect(ContentId content, std::int64_t until_ms);
  /// Ends the protection of those that are not protected any more.
  void expire(std::int64_t now_ms);
  /// Calls it with each entry, in any order.
  template <class Visit>
  void visit(const Visit& visit) {
    for (const auto& [content, entry] : entries_) visit(*entry);
  }
  /// The one to go next; nothing where all are being read.
  [[nodiscard]] const Entry* victim(std::int64_t now_ms);

  [[nodiscard]] std::uint64_t used_bytes() const { return used_bytes_; }
  /// At the last time that was said.
  [[nodiscard]] std::uint64_t protected_bytes() const { return protected_bytes_; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  using Order = std::map<std::uint64_t, Entry>;  ///< by last use

  /// Takes it out of its group, which is forgotten where it was the last.
  [[nodiscard]] Order::node_type take(const Entry& entry);
  void put(Order::node_type node);

  std::map<std::int64_t, Order> groups_;  ///< by the end of protection; none is empty
  boost::unordered_flat_map<std::uint64_t, Entry*> entries_;
  std::uint64_t uses_ = 0;
  std::uint64_t used_bytes_ = 0;
  std::uint64_t protected_bytes_ = 0;
};

}  // namespace edgeward::cache
