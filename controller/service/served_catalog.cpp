#include "controller/service/served_catalog.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "cache/bytes.hpp"

namespace edgeward::controller {

using cache::Catalog;
using cache::ContentId;
using cache::RankedEntry;

namespace {

using PassClock = std::chrono::steady_clock;

constexpr std::string_view kKeptCatalogMagic = "edgeward catalogue 1\n";

/// Events that may wait to be counted: 16 MB.
constexpr std::size_t kViewsWaitingMax = 1'000'000;
/// What is done without letting others to the catalogue: some ten microseconds.
constexpr std::size_t kViewsAStep = 256;
constexpr std::size_t kSlotsAStep = 256;
constexpr std::size_t kUpdatesAStep = 128;
/// Between two steps, so that who waits for the catalogue or for the processor has its turn.
constexpr std::chrono::microseconds kRestAStep{100};
/// Entries that are given to the store at once.
constexpr std::size_t kWrittenAtOnce = 4096;
/// Contents that the store still has to remove; those beyond stay in it.
constexpr std::size_t kRemovedMax = 100'000;

constexpr int kRestPerWork = 4;
constexpr std::chrono::milliseconds kRestMin{100};
/// From one pass to the next where nothing happens but time, and where something is left to do.
constexpr std::chrono::seconds kQuietInterval{60};
constexpr std::chrono::seconds kBusyInterval{1};
/// What was told is on disk after so long, what was only viewed after so long.
constexpr std::int64_t kToldKeptAfterMs = 3000;
constexpr std::int64_t kViewsKeptAfterMs = 300'000;

constexpr double kUnwritten = std::numeric_limits<double>::quiet_NaN();

/// Slots begin to end, a step of the whole.
struct SlotStep {
  Catalog::Slot begin = 0;
  Catalog::Slot end = 0;

  /// False at the end of the catalogue, which may grow between steps.
  bool next(const Catalog& catalog) {
    begin = end;
    end = static_cast<Catalog::Slot>(std::min(catalog.slots(), begin + kSlotsAStep));
    return begin < end;
  }
};

void rest_a_step() {
  std::this_thread::sleep_for(kRestAStep);
}

}  // namespace

CatalogTaken& CatalogTaken::operator+=(const CatalogTaken& other) {
  added += other.added;
  updated += other.updated;
  full += other.full;
  return *this;
}

ServedCatalog::ServedCatalog(Parts parts, const Talk& talk, const Log& log)
    : now_ms_(std::move(parts.now_ms)),
      log_(log),
      folder_(parts.folder ? std::optional(KeptFolder(*parts.folder)) : std::nullopt),
      store_(std::move(parts.store)),
      catalog_(parts.entries_max),
      ranking_(std::make_shared<const Ranking>()) {
  restore(talk);
  thread_ = std::thread([this] { run(); });
}

ServedCatalog::~ServedCatalog() {
  {
    const std::lock_guard lock(wake_mutex_);
    is_ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
  count_views();
  if (has_told_ || has_views_) keep();
}

void ServedCatalog::restore(const Talk& talk) {
  if (!folder_) return;
  const auto bytes = folder_->read(KeptFolder::kCatalog);
  if (!bytes) return;
  const auto content = cache::unsealed(kKeptCatalogMagic, *bytes);
  const auto left_out = content ? catalog_.take_saved(*content) : std::nullopt;
  if (!left_out) {
    talk("the catalogue that was kept is damaged or of another version, and begins anew");
    return;
  }
  entries_ = catalog_.size();
  refused_ = *left_out;
  talk(fmt::format("contents that the catalogue had before: {}", catalog_.size()));
  if (*left_out > 0) {
    talk(fmt::format("dropped of them, since catalog.entries_max allows no more: {}", *left_out));
  }
}

Catalog::Put ServedCatalog::put_locked(const cache::CatalogUpdate& update, cache::ViewsRule rule) {
  const Catalog::Put done = catalog_.put(update, rule, now_ms_());
  if (done == Catalog::Put::full) {
    ++refused_;
    return done;
  }
  const ContentId content = cache::content_id(update.key);
  mark_unwritten(content);
  if (store_ != nullptr && done == Catalog::Put::added) std::erase(removed_, content);
  has_told_ = true;
  entries_ = catalog_.size();
  return done;
}

void ServedCatalog::mark_unwritten(ContentId content) {
  if (store_ == nullptr) return;
  const auto slot = catalog_.slot_of(content);
  if (slot && *slot < written_.size()) written_[*slot] = kUnwritten;
}

Catalog::Put ServedCatalog::put(const cache::CatalogUpdate& update) {
  Catalog::Put done{};
  {
    const std::lock_guard lock(mutex_);
    done = put_locked(update, cache::ViewsRule::told);
  }
  wake();
  return done;
}

CatalogTaken ServedCatalog::take(std::span<const cache::CatalogUpdate> updates) {
  CatalogTaken taken;
  while (!updates.empty()) {
    const auto step = updates.first(std::min(updates.size(), kUpdatesAStep));
    updates = updates.subspan(step.size());
    const std::lock_guard lock(mutex_);
    for (const cache::CatalogUpdate& update : step) {
      switch (put_locked(update, cache::ViewsRule::larger)) {
        case Catalog::Put::added:
          ++taken.added;
          break;
        case Catalog::Put::updated:
          ++taken.updated;
          break;
        case Catalog::Put::full:
          ++taken.full;
          break;
      }
    }
  }
  wake();
  return taken;
}

bool ServedCatalog::remove(ContentId content) {
  {
    const std::lock_guard lock(mutex_);
    const auto slot = catalog_.slot_of(content);
    if (!slot) return false;
    catalog_.remove(content);
    if (*slot < written_.size()) written_[*slot] = kUnwritten;
    if (store_ != nullptr && removed_.size() < kRemovedMax) removed_.push_back(content);
    has_told_ = true;
    entries_ = catalog_.size();
  }
  wake();
  return true;
}

void ServedCatalog::note(std::span<const cache::CacheEvent> events) {
  if (events.empty() || entries_ == 0) return;
  {
    const std::lock_guard lock(waiting_mutex_);
    if (waiting_.size() + events.size() > kViewsWaitingMax) {
      unread_events_ += events.size();
      return;
    }
    for (const cache::CacheEvent& event : events) {
      waiting_.push_back({.content = event.content, .at_ms = event.at_ms});
    }
  }
  wake();
}

std::optional<RankedEntry> ServedCatalog::find(ContentId content) const {
  std::optional<RankedEntry> found;
  {
    const std::lock_guard lock(mutex_);
    const cache::CatalogEntry* const entry = catalog_.find(content);
    if (entry != nullptr) found = {.entry = *entry, .popularity = 0};
  }
  if (found) found->popularity = cache::popularity(found->entry, now_ms_());
  return found;
}

std::shared_ptr<const ServedCatalog::Ranking> ServedCatalog::ranking() const {
  const std::lock_guard lock(mutex_);
  return ranking_;
}

ServedCatalog::Counts ServedCatalog::counts() const {
  Counts counts{.entries = entries_,
                .entries_max = catalog_.entries_max(),
                .refused = refused_,
                .views = views_,
                .unread_events = unread_events_,
                .is_store_good = {}};
  if (store_ != nullptr) counts.is_store_good = is_store_good_;
  return counts;
}

void ServedCatalog::wake() {
  {
    const std::lock_guard lock(wake_mutex_);
    has_news_ = true;
  }
  wake_.notify_one();
}

void ServedCatalog::run() {
  bool is_busy = false;
  std::unique_lock lock(wake_mutex_);
  while (!is_ending_) {
    wake_.wait_for(lock, is_busy ? kBusyInterval : kQuietInterval,
                   [this] { return has_news_ || is_ending_; });
    if (is_ending_) return;
    has_news_ = false;
    lock.unlock();
    const PassClock::time_point begun = PassClock::now();
    is_busy = pass();
    const PassClock::duration took = PassClock::now() - begun;
    lock.lock();
    wake_.wait_for(lock, std::max<PassClock::duration>(kRestMin, kRestPerWork * took),
                   [this] { return is_ending_.load(); });
  }
}

bool ServedCatalog::pass() {
  const std::int64_t now_ms = now_ms_();
  count_views();
  rank(now_ms);
  write_to_store(now_ms);
  bool has_told = false;
  {
    const std::lock_guard lock(mutex_);
    has_told = has_told_;
  }
  const std::int64_t since_ms = now_ms - kept_at_ms_;
  const std::int64_t rest_ms = kRestPerWork * keeping_took_ms_;
  if ((has_told && since_ms >= std::max(kToldKeptAfterMs, rest_ms)) ||
      (has_views_ && since_ms >= std::max(kViewsKeptAfterMs, rest_ms))) {
    keep();
    has_told = false;
  }
  return (has_told && folder_.has_value()) || !is_store_good_;
}

void ServedCatalog::count_views() {
  std::vector<View> views;
  {
    const std::lock_guard lock(waiting_mutex_);
    views.swap(waiting_);
  }
  for (std::span<const View> left = views; !left.empty(); rest_a_step()) {
    const auto step = left.first(std::min(left.size(), kViewsAStep));
    left = left.subspan(step.size());
    const std::lock_guard lock(mutex_);
    for (const View& view : step) {
      if (!catalog_.view(view.content, view.at_ms)) continue;
      mark_unwritten(view.content);
      ++views_;
      has_views_ = true;
    }
  }
}

void ServedCatalog::rank(std::int64_t now_ms) {
  cache::MostPopular best(kRankedMax);
  for (SlotStep step;; rest_a_step()) {
    const std::lock_guard lock(mutex_);
    if (!step.next(catalog_)) break;
    for (Catalog::Slot slot = step.begin; slot < step.end; ++slot) {
      const cache::CatalogEntry* const entry = catalog_.at(slot);
      if (entry == nullptr) continue;
      best.offer(cache::popularity(*entry, now_ms), cache::content_id(entry->key));
    }
  }
  const auto sorted = std::move(best).sorted();
  auto ranking = std::make_shared<Ranking>();
  ranking->at_ms = now_ms;
  const std::lock_guard lock(mutex_);
  for (const auto& [popularity, content] : sorted) {
    const cache::CatalogEntry* const entry = catalog_.find(content);
    if (entry != nullptr) ranking->entries.push_back({.entry = *entry, .popularity = popularity});
  }
  ranking_ = std::move(ranking);
}

/// Of what the store has not, or has with another popularity, some from slot `from` on.
std::vector<RankedEntry> ServedCatalog::unwritten(Catalog::Slot& from, std::int64_t now_ms) {
  std::vector<RankedEntry> entries;
  for (SlotStep step{.begin = from, .end = from}; entries.size() < kWrittenAtOnce; rest_a_step()) {
    const std::lock_guard lock(mutex_);
    written_.resize(catalog_.slots(), kUnwritten);
    if (!step.next(catalog_)) break;
    for (from = step.begin; from < step.end && entries.size() < kWrittenAtOnce; ++from) {
      const cache::CatalogEntry* const entry = catalog_.at(from);
      if (entry == nullptr) continue;
      const double popularity = cache::popularity(*entry, now_ms);
      if (written_[from] == popularity) continue;
      written_[from] = popularity;
      entries.push_back({.entry = *entry, .popularity = popularity});
    }
  }
  return entries;
}

void ServedCatalog::write_to_store(std::int64_t now_ms) {
  if (store_ == nullptr) return;
  std::vector<ContentId> removed;
  {
    const std::lock_guard lock(mutex_);
    removed.swap(removed_);
  }
  if (!removed.empty()) {
    const auto done = store_->remove(removed);
    tell_store(done);
    if (!done) {
      const std::lock_guard lock(mutex_);
      for (const ContentId content : removed) {
        if (catalog_.find(content) == nullptr) removed_.push_back(content);
      }
      return;
    }
  }
  Catalog::Slot from = 0;
  for (auto entries = unwritten(from, now_ms); !entries.empty();
       entries = unwritten(from, now_ms)) {
    if (is_ending_) return;  // all is written at the next start
    const auto done = store_->put(entries);
    tell_store(done);
    if (done) continue;
    const std::lock_guard lock(mutex_);
    for (const RankedEntry& ranked : entries) mark_unwritten(cache::content_id(ranked.entry.key));
    return;
  }
}

void ServedCatalog::tell_store(const cache::Stored<cache::Done>& done) {
  if (is_store_good_.exchange(done.has_value()) == done.has_value()) return;
  if (done) {
    log_.write({.message = "the catalogue is written to its store again"});
  } else {
    log_.write({.level = LogLevel::warning,
                .message = "the catalogue cannot be written to its store, it will be",
                .fields = {{"reason", std::string(cache::name(done.error().fault))},
                           {"error", done.error().message}}});
  }
}

void ServedCatalog::keep() {
  if (!folder_) {
    has_views_ = false;
    return;
  }
  const PassClock::time_point begun = PassClock::now();
  {
    const std::lock_guard lock(mutex_);
    has_told_ = false;  // what is told from here on is kept the next time at the latest
  }
  has_views_ = false;
  cache::ByteWriter bytes;
  for (SlotStep step;; rest_a_step()) {
    const std::lock_guard lock(mutex_);
    if (!step.next(catalog_)) break;
    catalog_.save(step.begin, step.end, bytes);
  }
  try {
    folder_->write(KeptFolder::kCatalog, cache::sealed(kKeptCatalogMagic, std::move(bytes).text()));
    has_failed_to_keep_ = false;
  } catch (const std::exception& error) {
    if (!has_failed_to_keep_) {
      log_.write({.level = LogLevel::error,
                  .message = "the catalogue is not kept",
                  .fields = {{"error", error.what()}}});
    }
    has_failed_to_keep_ = true;
    const std::lock_guard lock(mutex_);
    has_told_ = true;
  }
  kept_at_ms_ = now_ms_();
  keeping_took_ms_ =
      std::chrono::duration_cast<std::chrono::milliseconds>(PassClock::now() - begun).count();
}

}  // namespace edgeward::controller
