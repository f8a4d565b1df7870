// What every implementation of the stores of purges has to do, in memory and in a real Redis.

#include <fmt/format.h>
#include <poll.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/cache/store/stores.hpp"

namespace edgeward::cache {

namespace {

using test::good;
using test::MemoryStores;
using test::RedisStores;

constexpr std::int64_t kLongMs = 600'000;

Purge purge_of(std::uint64_t n, PurgeKind kind = PurgeKind::prefix) {
  return {.entry = {},
          .id = to_hex(ContentId{n}),
          .at_ms = static_cast<std::int64_t>(1'700'000'000'000 + n),
          .kind = kind,
          .text = fmt::format("/video/{}?a=b", n),
          .edges = {}};
}

/// Without what the store adds.
Purge bare(Purge purge) {
  purge.entry.clear();
  return purge;
}

}  // namespace

TEST_CASE("a purge is of what it names and of what was stored before it") {
  const Purge key{.at_ms = 10'000, .kind = PurgeKind::key, .text = "/a", .edges = {"fra1", "ams1"}};
  CHECK(is_named(key, "/a"));
  CHECK_FALSE(is_named(key, "/a/b"));
  CHECK_FALSE(is_named(key, "/"));
  CHECK(is_for(key, "ams1"));
  CHECK_FALSE(is_for(key, "lhr1"));
  const Purge prefix{.at_ms = 10'000, .kind = PurgeKind::prefix, .text = "/a", .edges = {}};
  CHECK(is_named(prefix, "/a"));
  CHECK(is_named(prefix, "/ab?c"));
  CHECK_FALSE(is_named(prefix, "/b/a"));
  CHECK(is_for(prefix, "lhr1"));
  CHECK(is_before(prefix, 9'000));
  CHECK(is_before(prefix, 10'000 + kClockErrorMaxMs));  // whose clock may be ahead
  CHECK_FALSE(is_before(prefix, 10'001 + kClockErrorMaxMs));
}

TEMPLATE_TEST_CASE("a purge comes to every edge and its answers to who asked", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto controller = stores.purges();
  const auto fra1 = stores.purges_of("fra1");
  const auto ams1 = stores.purges_of("ams1");
  CHECK(good(controller->latest(10)).empty());
  CHECK_FALSE(good(controller->status(purge_of(1).id)));
  CHECK(good(fra1->purges("", 10)) == PurgeNews{});

  const std::vector<std::string> awaited{"lhr1", "fra1"};
  CHECK(good(controller->ask(purge_of(1), awaited, kLongMs)));
  CHECK_FALSE(good(controller->ask(purge_of(1), awaited, kLongMs)));  // asked for again
  Purge named = purge_of(2, PurgeKind::key);
  named.edges = {"ams1", "fra1"};
  CHECK(good(controller->ask(named, named.edges, kLongMs)));

  const PurgeNews news = good(fra1->purges("", 10));
  REQUIRE(news.purges.size() == 2);
  CHECK(bare(news.purges[0]) == purge_of(1));
  CHECK(bare(news.purges[1]) == named);
  CHECK(news.last == news.purges[1].entry);
  CHECK_FALSE(news.lost_before_ms);
  CHECK(good(ams1->purges("", 1)).purges == std::vector{news.purges[0]});
  const PurgeNews rest = good(ams1->purges(news.purges[0].entry, 10));
  CHECK(rest.purges == std::vector{news.purges[1]});
  CHECK_FALSE(rest.lost_before_ms);
  CHECK(good(fra1->purges(news.last, 10)) == PurgeNews{.purges = {}, .last = news.last});

  PurgeStatus expected{.purge = purge_of(1), .answers = {{"fra1", {}}, {"lhr1", {}}}};
  CHECK(good(controller->status(purge_of(1).id)) == expected);
  CHECK(expected.pending() == 2);
  good(fra1->acknowledge(purge_of(1).id, 7));
  good(fra1->acknowledge(purge_of(1).id, 0));  // again, after a crash
  good(ams1->acknowledge(purge_of(1).id, 5));  // nobody waits for it
  expected.answers[0].removed = 7;
  CHECK(good(controller->status(purge_of(1).id)) == expected);
  CHECK(expected.pending() == 1);
  CHECK(expected.removed() == 7);
  good(fra1->acknowledge(purge_of(99).id, 5));
  CHECK_FALSE(good(controller->status(purge_of(99).id)));

  // Another controller sees them too.
  const auto latest = good(stores.purges()->latest(10));
  REQUIRE(latest.size() == 2);
  CHECK(bare(latest[0]) == named);
  CHECK(good(controller->latest(1)) == std::vector{latest[0]});
}

TEMPLATE_TEST_CASE("an edge remembers how far it has come", "", MemoryStores, RedisStores) {
  TestType stores;
  const auto controller = stores.purges();
  CHECK(good(stores.purges_of("fra1")->position()).empty());
  for (std::uint64_t n = 0; n < 3; ++n) good(controller->ask(purge_of(n), {}, kLongMs));
  const PurgeNews news = good(stores.purges_of("fra1")->purges("", 2));
  good(stores.purges_of("fra1")->set_position(news.last));
  const auto again = stores.purges_of("fra1");
  CHECK(good(again->position()) == news.last);
  const PurgeNews rest = good(again->purges(good(again->position()), 10));
  REQUIRE(rest.purges.size() == 1);
  CHECK(bare(rest.purges[0]) == purge_of(2));
  CHECK(good(stores.purges_of("ams1")->position()).empty());
}

TEMPLATE_TEST_CASE("an edge that was away for too long is told that purges are missing", "",
                   MemoryStores, RedisStores) {
  TestType stores;
  const auto controller = stores.purges();
  const auto edge = stores.purges_of("fra1");
  good(controller->ask(purge_of(0), {}, kLongMs));
  const std::string position = good(edge->purges("", 1)).last;
  for (std::uint64_t n = 1; n <= kPurgesMax + 200; ++n) {
    good(controller->ask(purge_of(n), {}, 1000));
  }
  const PurgeNews news = good(edge->purges(position, 10));
  REQUIRE(news.purges.size() == 10);
  REQUIRE(news.lost_before_ms);
  CHECK(*news.lost_before_ms == news.purges[0].at_ms);
  CHECK(*news.lost_before_ms > purge_of(1).at_ms);
  // One that never read any does not know what was there.
  CHECK(good(stores.purges_of("ams1")->purges("", 10)).lost_before_ms);
  CHECK_FALSE(good(edge->purges(news.last, 10)).lost_before_ms);
}

TEMPLATE_TEST_CASE("answers are kept for as long as they were to be", "", MemoryStores,
                   RedisStores) {
  TestType stores;
  const auto controller = stores.purges();
  const std::vector<std::string> awaited{"fra1"};
  good(controller->ask(purge_of(1), awaited, 1));
  const std::int64_t end = test::steady_ms() + 10'000;
  while (good(controller->status(purge_of(1).id)) && test::steady_ms() < end) ::poll(nullptr, 0, 1);
  CHECK_FALSE(good(controller->status(purge_of(1).id)));
  const auto edge = stores.purges_of("fra1");
  CHECK(good(edge->purges("", 10)).purges.size() == 1);  // it is to be done all the same
  good(edge->acknowledge(purge_of(1).id, 1));
  CHECK_FALSE(good(controller->status(purge_of(1).id)));
}

TEMPLATE_TEST_CASE("a purge of what nobody can ask for is refused", "", MemoryStores, RedisStores) {
  TestType stores;
  Purge purge = purge_of(1);
  purge.text = "/" + std::string(kKeyBytesMax, 'k');
  const auto refused = stores.purges()->ask(purge, {}, kLongMs);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().fault == StoreFault::too_large);
  CHECK(good(stores.purges_of("fra1")->purges("", 10)).purges.empty());
}

}  // namespace edgeward::cache
