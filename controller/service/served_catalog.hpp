#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "cache/catalog.hpp"
#include "cache/hit_learner.hpp"
#include "cache/store/catalog_store.hpp"
#include "controller/locator_loading.hpp"
#include "controller/log/log.hpp"
#include "controller/service/kept_state.hpp"

namespace edgeward::controller {

/// What came of contents that were told.
struct CatalogTaken {
  std::uint64_t added = 0;
  std::uint64_t updated = 0;
  std::uint64_t full = 0;  ///< new ones for which there was no room

  CatalogTaken& operator+=(const CatalogTaken& other);
};

/// The catalogue of a service. Workers hand over what is told and what was viewed; a thread of its
/// own counts views, ranks by popularity, keeps it on disk and writes it to a store, if there is
/// one. Thread-safe: a worker waits for some ten microseconds, nobody for a disk or a store. The
/// ranking follows changes within a fraction of a second, where there are a million entries within
/// seconds: the thread works in small steps and rests between them.
class ServedCatalog {
 public:
  /// Entries that a ranking has at most.
  static constexpr std::size_t kRankedMax = 1000;

  struct Parts {
    std::size_t entries_max = cache::Catalog::kEntriesMax;
    std::optional<std::filesystem::path> folder{};  ///< KeptFolder; nothing: it is not kept
    std::unique_ptr<cache::CatalogStore> store{};   ///< null: none
    std::function<std::int64_t()> now_ms{};         ///< since the epoch
  };

  /// Takes up what was kept, and says so.
  ServedCatalog(Parts parts, const Talk& talk, const Log& log);
  ~ServedCatalog();

  cache::Catalog::Put put(const cache::CatalogUpdate& update);
  /// Of a list: the larger count of views stays (cache::ViewsRule).
  CatalogTaken take(std::span<const cache::CatalogUpdate> updates);
  bool remove(cache::ContentId content);
  /// Counts a view of each event's content that is known. More events than may wait count none.
  void note(std::span<const cache::CacheEvent> events);

  /// The entry as it is, but for views that are not counted yet.
  [[nodiscard]] std::optional<cache::RankedEntry> find(cache::ContentId content) const;

  struct Ranking {
    std::int64_t at_ms = 0;
    std::vector<cache::RankedEntry> entries;  ///< most popular first
  };
  [[nodiscard]] std::shared_ptr<const Ranking> ranking() const;

  struct Counts {
    std::uint64_t entries = 0;
    std::uint64_t entries_max = 0;
    std::uint64_t refused = 0;          ///< contents that there was no room for
    std::uint64_t views = 0;            ///< that were counted
    std::uint64_t unread_events = 0;    ///< that there was no room for
    std::optional<bool> is_store_good;  ///< whether it took what it was given last
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct View {
    cache::ContentId content{};
    std::int64_t at_ms = 0;
  };

  void run();
  /// Everything that is due. Whether something is left to be done soon.
  bool pass();
  void count_views();
  void rank(std::int64_t now_ms);
  void write_to_store(std::int64_t now_ms);
  [[nodiscard]] std::vector<cache::RankedEntry> unwritten(cache::Catalog::Slot& from,
                                                          std::int64_t now_ms);
  void tell_store(const cache::Stored<cache::Done>& done);
  void keep();
  void restore(const Talk& talk);
  /// The mutex is held.
  cache::Catalog::Put put_locked(const cache::CatalogUpdate& update, cache::ViewsRule rule);
  void mark_unwritten(cache::ContentId content);
  void wake();

  const std::function<std::int64_t()> now_ms_;
  const Log& log_;
  const std::optional<KeptFolder> folder_;
  const std::unique_ptr<cache::CatalogStore> store_;

  mutable std::mutex mutex_;  ///< guards the following, held for a bounded number of entries
  cache::Catalog catalog_;
  std::vector<double> written_;            ///< popularity in the store, by slot; NaN: not there
  std::vector<cache::ContentId> removed_;  ///< that the store still has
  std::shared_ptr<const Ranking> ranking_;
  bool has_told_ = false;  ///< what was told since it was kept last

  std::mutex waiting_mutex_;
  std::vector<View> waiting_;

  std::atomic<std::uint64_t> entries_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> views_{0};
  std::atomic<std::uint64_t> unread_events_{0};
  std::atomic<bool> is_store_good_{true};

  // Of the thread alone.
  bool has_views_ = false;  ///< since it was kept last
  bool has_failed_to_keep_ = false;
  std::int64_t kept_at_ms_ = 0;
  std::int64_t keeping_took_ms_ = 0;

  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool has_news_ = true;
  std::atomic<bool> is_ending_{false};
  std::thread thread_;
};

}  // namespace edgeward::controller
