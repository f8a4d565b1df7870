#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cache/bytes.hpp"
#include "cache/ids.hpp"

namespace edgeward::cache {

/// What is known of a content, whoever holds it.
struct CatalogEntry {
  std::string key;               ///< canonical, printable ASCII
  std::uint64_t size_bytes = 0;  ///< 0: not known
  double duration_min = 0;       ///< of what is played; 0: not known, or nothing to play
  std::string type;              ///< as whoever told it names it; may be empty
  std::int64_t created_at_ms = 0;
  std::optional<std::int64_t> last_viewed_at_ms;
  std::uint64_t views = 0;
  double rating = 0;  ///< 0 to 10

  bool operator==(const CatalogEntry&) const = default;
};

inline constexpr double kRatingMax = 10;

/// 0.4·log10(views + 1) + 0.3·rating + 0.3·e^(−age_days/365), age in whole days since it was
/// created; what is yet to come has the age 0.
[[nodiscard]] double popularity(const CatalogEntry& entry, std::int64_t now_ms);

/// What somebody tells of a content: all that is known of it from then on, but for what is left
/// open here.
struct CatalogUpdate {
  std::string key;
  std::uint64_t size_bytes = 0;
  double duration_min = 0;
  std::string type;
  double rating = 0;
  std::optional<std::int64_t> created_at_ms;      ///< else as known, else now
  std::optional<std::int64_t> last_viewed_at_ms;  ///< else as known
  std::optional<std::uint64_t> views;             ///< else as known

  bool operator==(const CatalogUpdate&) const = default;
};

/// What counts of views where both the catalogue and an update know some.
enum class ViewsRule : std::uint8_t {
  told,    ///< what the update says
  larger,  ///< the larger count and the later time: a list read again takes nothing away
};

/// Contents by id, at most entries_max of them: once full it takes no new ones, and what it knows
/// goes on being updated. An entry keeps its slot, a number below slots(), for as long as it is
/// there, so that a long walk over all may be done in steps with changes between them.
///
/// About 250 bytes an entry beside a key of more than 15 bytes. Not thread-safe.
class Catalog {
 public:
  using Slot = std::uint32_t;
  static constexpr std::size_t kEntriesMax = 1'000'000;  ///< by default

  explicit Catalog(std::size_t entries_max = kEntriesMax) : entries_max_(entries_max) {}

  enum class Put : std::uint8_t { added, updated, full };
  Put put(const CatalogUpdate& update, ViewsRule rule, std::int64_t now_ms);
  /// Counts a view of what is known; false for what is not.
  bool view(ContentId content, std::int64_t at_ms);
  bool remove(ContentId content);

  [[nodiscard]] const CatalogEntry* find(ContentId content) const;
  [[nodiscard]] std::optional<Slot> slot_of(ContentId content) const;
  /// Null where the slot is free.
  [[nodiscard]] const CatalogEntry* at(Slot slot) const;
  [[nodiscard]] std::size_t slots() const { return entries_.size(); }
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] std::size_t entries_max() const { return entries_max_; }

  /// Appends the entries of slots begin to end, for take_saved().
  void save(Slot begin, Slot end, ByteWriter& bytes) const;
  /// How many of saved entries there was no room for; nothing, without a change, for bytes that
  /// save() has not written.
  [[nodiscard]] std::optional<std::size_t> take_saved(std::string_view saved);

 private:
  /// Null where there is no room.
  CatalogEntry* add(std::string_view key);

  std::size_t entries_max_;
  std::vector<CatalogEntry> entries_;  ///< by slot; free ones have no key
  std::vector<Slot> free_;
  std::unordered_map<ContentId, Slot> slots_;
};

/// An entry and how popular it was when it was asked.
struct RankedEntry {
  CatalogEntry entry;
  double popularity = 0;

  bool operator==(const RankedEntry&) const = default;
};

/// The most popular of those offered, at most `count`; of equals those with the greater id, as a
/// sorted set of Redis has them in reverse order.
class MostPopular {
 public:
  explicit MostPopular(std::size_t count) : count_(count) {}

  void offer(double popularity, ContentId content);
  /// Best first.
  [[nodiscard]] std::vector<std::pair<double, ContentId>> sorted() &&;

 private:
  std::size_t count_;
  std::vector<std::pair<double, ContentId>> heap_;  ///< the least of them first
};

}  // namespace edgeward::cache
