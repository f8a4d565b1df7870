#include "controller/service/purging.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "cache/store/memory_store.hpp"

namespace edgeward::controller {

namespace {

using cache::MemoryStore;
using cache::Purge;
using cache::Stored;

std::int64_t clock_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

template <class Holds>
void eventually(Holds holds) {
  const std::int64_t end_ms = clock_ms() + 20'000;
  while (!holds()) {
    if (clock_ms() > end_ms) throw std::runtime_error("waited in vain");
    ::poll(nullptr, 0, 1);
  }
}

/// A store that is away while it is told to be.
class FailingStore final : public cache::PurgeStore {
 public:
  FailingStore(MemoryStore& memory, const std::atomic<bool>& is_away)
      : store_(memory.purges()), is_away_(is_away) {}

  Stored<bool> ask(const Purge& purge, std::span<const std::string> awaited,
                   std::int64_t ttl_ms) override {
    if (is_away_) return gone();
    return store_->ask(purge, awaited, ttl_ms);
  }
  Stored<std::optional<cache::PurgeStatus>> status(std::string_view id) override {
    if (is_away_) return gone();
    return store_->status(id);
  }
  Stored<std::vector<Purge>> latest(std::size_t count) override {
    if (is_away_) return gone();
    return store_->latest(count);
  }

 private:
  static tl::unexpected<cache::StoreError> gone() {
    return cache::failed(cache::StoreFault::unreachable, "it is away");
  }

  std::unique_ptr<cache::PurgeStore> store_;
  const std::atomic<bool>& is_away_;
};

struct World {
  MemoryStore memory{clock_ms};
  std::atomic<bool> is_away = false;
  Log log{{.level = LogLevel::error}};

  std::unique_ptr<cache::PurgeStore> store() {
    return std::make_unique<FailingStore>(memory, is_away);
  }
};

Purge purge_of(const std::string& text) {
  return {.entry = {},
          .id = {},
          .at_ms = 1'700'000'000'000,
          .kind = cache::PurgeKind::key,
          .text = text,
          .edges = {}};
}

}  // namespace

TEST_CASE("a purge is done once every edge has answered") {
  World world;
  Purging purging(world.store(), world.log);
  const auto view = purging.add(purge_of("/a"), {"fra1", "ams1"});
  REQUIRE(view);
  const std::string id = view->status.purge.id;
  CHECK(id.size() == 16);
  CHECK(view->state == PurgeState::waiting);
  CHECK(view->status.pending() == 2);
  const auto fra1 = world.memory.purges_of("fra1");
  eventually([&] { return purging.find(id)->state == PurgeState::under_way; });
  REQUIRE(fra1->purges("", 10)->purges.size() == 1);
  CHECK(fra1->purges("", 10)->purges[0].text == "/a");
  CHECK(fra1->acknowledge(id, 3));
  eventually([&] { return purging.find(id)->status.pending() == 1; });
  CHECK(purging.find(id)->state == PurgeState::under_way);
  CHECK(world.memory.purges_of("ams1")->acknowledge(id, 0));
  eventually([&] { return purging.find(id)->state == PurgeState::done; });
  CHECK(purging.find(id)->status.removed() == 3);
  CHECK_FALSE(purging.find("00000000000000aa"));
}

TEST_CASE("purges wait for a store that is away and not more of them than may") {
  World world;
  world.is_away = true;
  Purging purging(world.store(), world.log);
  CHECK(purging.latest().empty());  // which it is asked for first
  eventually([&] { return purging.store_error() == "it is away"; });
  CHECK_FALSE(purging.has_read());
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < Purging::kWaitingMax; ++i) {
    const auto view = purging.add(purge_of(fmt::format("/{}", i)), {"fra1"});
    REQUIRE(view);
    ids.push_back(view->status.purge.id);
  }
  CHECK_FALSE(purging.add(purge_of("/more"), {"fra1"}));
  CHECK(purging.find(ids.back())->state == PurgeState::waiting);
  CHECK(world.memory.purges_of("fra1")->purges("", 100)->purges.empty());
  world.is_away = false;
  eventually([&] { return purging.find(ids.back())->state == PurgeState::under_way; });
  CHECK(purging.store_error().empty());
  // In their order.
  const auto news = world.memory.purges_of("fra1")->purges("", 100);
  REQUIRE(news->purges.size() == ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(news->purges[i].id == ids[i]);
  CHECK(purging.add(purge_of("/more"), {"fra1"}));
}

TEST_CASE("purges of other controllers and of before are known") {
  World world;
  std::string id;
  {
    Purging before(world.store(), world.log);
    id = before.add(purge_of("/a"), {"fra1"})->status.purge.id;
  }
  // What was asked for is told before the end.
  CHECK(world.memory.purges_of("fra1")->acknowledge(id, 2));
  Purging purging(world.store(), world.log);
  Purging other(world.store(), world.log);
  CHECK_FALSE(purging.has_read());
  eventually([&] { return purging.find(id).has_value(); });
  eventually([&] { return purging.has_read(); });
  CHECK(purging.find(id)->state == PurgeState::done);
  CHECK(purging.find(id)->status.removed() == 2);
  Purge next = purge_of("/b");
  next.at_ms += 1;
  const std::string second = other.add(next, {"fra1"})->status.purge.id;
  eventually([&] { return purging.find(second).has_value(); });
  REQUIRE(purging.latest().size() == 2);
  CHECK(purging.latest()[0].status.purge.id == second);
  CHECK(world.memory.purges_of("fra1")->acknowledge(second, 0));
  eventually([&] { return purging.find(second)->state == PurgeState::done; });
}

TEST_CASE("the last purges are known and no more of them") {
  World world;
  Purging purging(world.store(), world.log);
  std::string first;
  std::string last;
  for (std::size_t i = 0; i < Purging::kKnownMax + 10; ++i) {
    eventually([&] {
      const auto view = purging.add(purge_of(fmt::format("/{}", i)), {});
      if (view) last = view->status.purge.id;
      return view.has_value();
    });
    if (i == 0) first = last;
  }
  eventually([&] { return purging.find(last)->state == PurgeState::done; });
  CHECK(purging.latest().size() == Purging::kKnownMax);
  CHECK_FALSE(purging.find(first));
}

}  // namespace edgeward::controller
