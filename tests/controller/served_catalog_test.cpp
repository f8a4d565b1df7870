#include "controller/service/served_catalog.hpp"

#include <fmt/format.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/support.hpp"

namespace edgeward::controller {

namespace {

using cache::ContentId;
using cache::RankedEntry;

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::int64_t kNowMs = 1'700'000'000'000;

/// What a store was told, shared with the test; it may be away.
struct StoreLog {
  std::mutex mutex;
  std::map<ContentId, RankedEntry> entries;
  std::atomic<std::uint64_t> puts{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<bool> is_away{false};

  std::map<ContentId, RankedEntry> now() {
    const std::lock_guard lock(mutex);
    return entries;
  }
};

class LoggedStore final : public cache::CatalogStore {
 public:
  explicit LoggedStore(std::shared_ptr<StoreLog> log) : log_(std::move(log)) {}

  cache::Stored<cache::Done> put(std::span<const RankedEntry> entries) override {
    const std::lock_guard lock(log_->mutex);
    // Half of it may have been written before it went away.
    const std::size_t count = log_->is_away ? entries.size() / 2 : entries.size();
    for (const RankedEntry& ranked : entries.first(count)) {
      log_->entries[cache::content_id(ranked.entry.key)] = ranked;
      ++log_->puts;
    }
    return end();
  }
  cache::Stored<cache::Done> remove(std::span<const ContentId> contents) override {
    const std::lock_guard lock(log_->mutex);
    if (!log_->is_away) {
      for (const ContentId content : contents) log_->entries.erase(content);
    }
    return end();
  }
  cache::Stored<std::optional<RankedEntry>> get(ContentId) override { return std::nullopt; }
  cache::Stored<std::vector<RankedEntry>> most_popular(std::size_t) override { return {}; }

 private:
  cache::Stored<cache::Done> end() {
    if (!log_->is_away) return cache::Done{};
    ++log_->refused;
    return cache::failed(cache::StoreFault::unreachable, "away");
  }

  std::shared_ptr<StoreLog> log_;
};

/// A catalogue whose time stands where the test puts it.
class Catalogue {
 public:
  explicit Catalogue(std::size_t entries_max = 1000,
                     std::optional<std::filesystem::path> folder = {},
                     std::shared_ptr<StoreLog> store = {})
      : catalog_(std::make_unique<ServedCatalog>(
            ServedCatalog::Parts{.entries_max = entries_max,
                                 .folder = std::move(folder),
                                 .store = store ? std::make_unique<LoggedStore>(store) : nullptr,
                                 .now_ms = [this] { return now_ms_.load(); }},
            [this](std::string_view sentence) { said_ += fmt::format("{}\n", sentence); }, log_)) {}

  ServedCatalog* operator->() { return catalog_.get(); }
  void end() { catalog_.reset(); }
  [[nodiscard]] const std::string& said() const { return said_; }

  std::atomic<std::int64_t> now_ms_{kNowMs};

 private:
  std::string said_;
  const Log log_{LogOptions{}};
  std::unique_ptr<ServedCatalog> catalog_;
};

template <class Holds>
bool comes_true(Holds holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

cache::CacheEvent event(const std::string& key, std::int64_t at_ms) {
  return {.at_ms = at_ms, .content = cache::content_id(key)};
}

std::vector<std::string> keys_of(const ServedCatalog::Ranking& ranking) {
  std::vector<std::string> keys;
  for (const RankedEntry& ranked : ranking.entries) keys.push_back(ranked.entry.key);
  return keys;
}

}  // namespace

TEST_CASE("events count views of what is known and the ranking follows") {
  Catalogue catalog;
  catalog->note(std::vector{event("/a", 1)});  // nothing is known yet
  (void)catalog->put({.key = "/a", .rating = 1});
  (void)catalog->put({.key = "/b", .rating = 2});
  CHECK(comes_true([&] {
    return keys_of(*catalog->ranking()) == std::vector<std::string>{"/b", "/a"};
  }));
  // 0.3 more rating is worth as much as 10^0.75 - 1 = 4.6 views.
  std::vector<cache::CacheEvent> events;
  for (int i = 0; i < 5; ++i) events.push_back(event("/a", kNowMs + i));
  events.push_back(event("/unknown", kNowMs));
  catalog->note(events);
  CHECK(comes_true([&] {
    return keys_of(*catalog->ranking()) == std::vector<std::string>{"/a", "/b"};
  }));
  const auto entry = catalog->find(cache::content_id("/a"));
  REQUIRE(entry);
  CHECK(entry->entry.views == 5);
  CHECK(entry->entry.last_viewed_at_ms == kNowMs + 4);
  CHECK(entry->popularity == catalog->ranking()->entries[0].popularity);
  CHECK(catalog->counts().views == 5);
  CHECK(catalog->counts().entries == 2);
  CHECK_FALSE(catalog->counts().is_store_good);
}

TEST_CASE("more events than may wait count no views and are counted themselves") {
  Catalogue catalog;
  (void)catalog->put({.key = "/a"});
  const std::vector<cache::CacheEvent> many(1'000'001, event("/a", kNowMs));
  catalog->note(many);
  CHECK(catalog->counts().unread_events == many.size());
  catalog->note(std::vector{event("/a", kNowMs)});
  CHECK(comes_true([&] { return catalog->counts().views == 1; }));
}

TEST_CASE("the catalogue is the same after a restart, and a damaged one is said and begins anew") {
  const test::TemporaryFolder folder;
  std::optional<RankedEntry> before;
  {
    Catalogue catalog(1000, folder.path());
    CHECK(catalog.said().empty());
    (void)catalog->put({.key = "/a", .size_bytes = 7, .type = "x", .rating = 3, .views = 4});
    (void)catalog->put({.key = "/b"});
    catalog->note(std::vector{event("/a", kNowMs + 1)});
    catalog.end();
  }
  {
    Catalogue catalog(1000, folder.path());
    CHECK(catalog.said() == "contents that the catalogue had before: 2\n");
    before = catalog->find(cache::content_id("/a"));
    REQUIRE(before);
    CHECK(before->entry.views == 5);
    CHECK(before->entry.last_viewed_at_ms == kNowMs + 1);
    CHECK(before->entry.size_bytes == 7);
    CHECK(comes_true([&] { return catalog->ranking()->entries.size() == 2; }));
  }
  {
    Catalogue smaller(1, folder.path());
    CHECK(smaller->counts().entries == 1);
    CHECK(smaller->counts().refused == 1);
    CHECK(smaller.said().find("allows no more: 1") != std::string::npos);
  }
  const std::filesystem::path file = folder.path() / KeptFolder::kCatalog;
  std::string bytes = test::read_file(file);
  for (const std::size_t at :
       {std::size_t{3}, std::size_t{19}, std::size_t{40}, bytes.size() - 1}) {
    std::string damaged = bytes;
    damaged[at] ^= 1;
    folder.write(KeptFolder::kCatalog, damaged);
    Catalogue catalog(1000, folder.path());
    CHECK(catalog.said().find("damaged or of another version") != std::string::npos);
    CHECK(catalog->counts().entries == 0);
  }
}

TEST_CASE("what was told is on disk soon and not only at the end") {
  const test::TemporaryFolder folder;
  Catalogue catalog(1000, folder.path());
  (void)catalog->put({.key = "/a"});
  CHECK(comes_true([&] { return std::filesystem::exists(folder.path() / KeptFolder::kCatalog); }));
  const std::string bytes = test::read_file(folder.path() / KeptFolder::kCatalog);
  catalog.now_ms_ += 10'000;
  CHECK(catalog->remove(cache::content_id("/a")));
  CHECK(comes_true([&] { return test::read_file(folder.path() / KeptFolder::kCatalog) != bytes; }));
}

TEST_CASE("a store gets what is told, what is viewed, and what time does to popularity") {
  auto store = std::make_shared<StoreLog>();
  Catalogue catalog(20'000, {}, store);
  std::vector<cache::CatalogUpdate> updates;
  for (int i = 0; i < 10'000; ++i) updates.push_back({.key = fmt::format("/{}", i)});
  CHECK(catalog->take(updates).added == updates.size());
  CHECK(comes_true([&] { return store->now().size() == updates.size(); }));
  const auto same = [&] {
    for (const auto& [content, ranked] : store->now()) {
      if (catalog->find(content) != ranked) return false;
    }
    return true;
  };
  CHECK(same());
  const std::uint64_t puts = store->puts;
  CHECK(puts == updates.size());
  catalog->note(std::vector{event("/77", kNowMs)});
  CHECK(comes_true([&] { return store->now().at(cache::content_id("/77")).entry.views == 1; }));
  CHECK(store->puts.load() == puts + 1);  // and nothing else
  // What popularity does not show.
  (void)catalog->put({.key = "/8", .size_bytes = 800});
  CHECK(
      comes_true([&] { return store->now().at(cache::content_id("/8")).entry.size_bytes == 800; }));
  CHECK(catalog->remove(cache::content_id("/5")));
  CHECK(comes_true([&] { return store->now().size() == updates.size() - 1; }));
  // A day later all are a day older.
  catalog.now_ms_ += kDayMs;
  (void)catalog->put({.key = "/77", .rating = 9});
  CHECK(comes_true(same));
  CHECK(store->puts.load() == 2 * puts + 1);
}

TEST_CASE("what a store did not take it gets when it is back") {
  auto store = std::make_shared<StoreLog>();
  Catalogue catalog(1000, {}, store);
  (void)catalog->put({.key = "/gone"});
  (void)catalog->put({.key = "/back"});
  CHECK(comes_true([&] { return store->now().size() == 2; }));
  store->is_away = true;
  CHECK(catalog->remove(cache::content_id("/gone")));
  CHECK(catalog->remove(cache::content_id("/back")));
  CHECK(comes_true([&] { return catalog->counts().is_store_good == false; }));
  for (int i = 0; i < 100; ++i) (void)catalog->put({.key = fmt::format("/{}", i)});
  (void)catalog->put({.key = "/back", .rating = 2});
  const std::uint64_t refused = store->refused;
  CHECK(comes_true([&] { return store->refused.load() > refused; }));
  // Nobody waits for it meanwhile.
  CHECK(comes_true([&] { return catalog->ranking()->entries.size() == 101; }));
  store->is_away = false;
  CHECK(comes_true([&] { return store->now().size() == 101; }));
  CHECK(comes_true([&] {
    const auto entries = store->now();
    const auto back = entries.find(cache::content_id("/back"));
    return back != entries.end() && back->second.entry.rating == 2 &&
           !entries.contains(cache::content_id("/gone"));
  }));
  CHECK(catalog->counts().is_store_good == true);
}

TEST_CASE("many at once lose no view and break nothing") {
  auto store = std::make_shared<StoreLog>();
  Catalogue catalog(50, {}, store);
  std::vector<std::thread> threads;
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  for (int i = 0; i < 10; ++i) (void)catalog->put({.key = fmt::format("/kept/{}", i)});
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&catalog, thread] {
      for (int round = 0; round < kRounds; ++round) {
        const std::string mine = fmt::format("/{}/{}", thread, round % 20);
        (void)catalog->put({.key = mine});
        catalog->note(std::vector{event(fmt::format("/kept/{}", round % 10), kNowMs)});
        (void)catalog->find(cache::content_id(mine));
        (void)catalog->ranking();
        if (round % 3 == 0) (void)catalog->remove(cache::content_id(mine));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(comes_true([&] {
    std::uint64_t views = 0;
    for (int i = 0; i < 10; ++i) {
      views += catalog->find(cache::content_id(fmt::format("/kept/{}", i)))->entry.views;
    }
    return views == kThreads * kRounds;
  }));
  CHECK(comes_true([&] { return store->now().size() == catalog->counts().entries; }));
}

}  // namespace edgeward::controller
