#include "cache/store/lru_inventory.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <utility>

#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

/// Naive: everything is looked through each time.
struct NaiveObject {
  std::uint64_t size_bytes = 0;
  std::uint64_t last_use = 0;
  std::int64_t protected_until_ms = 0;
  bool is_read = false;
};
using NaiveObjects = std::map<std::uint64_t, NaiveObject>;

NaiveObjects::const_iterator next_to_go(const NaiveObjects& objects, std::int64_t now_ms) {
  auto next = objects.end();
  for (auto object = objects.begin(); object != objects.end(); ++object) {
    const auto rank = [now_ms](const NaiveObject& of) {
      return std::pair(of.protected_until_ms > now_ms, of.last_use);
    };
    if (object->second.is_read) continue;
    if (next == objects.end() || rank(object->second) < rank(next->second)) next = object;
  }
  return next;
}

}  // namespace

TEST_CASE("the one that goes next is not protected and was used longest ago") {
  const std::uint64_t seed = GENERATE(5U, 6U, 7U);
  INFO("seed " << seed);
  Random random(seed);
  LruInventory inventory;
  NaiveObjects objects;
  std::int64_t now_ms = 1000;
  for (std::uint64_t step = 1; step <= 5000; ++step) {
    const std::uint64_t content = random.below(40);
    now_ms += static_cast<std::int64_t>(random.below(20));
    auto* const entry = inventory.find(ContentId{content});
    REQUIRE((entry != nullptr) == objects.contains(content));
    const std::uint64_t choice = random.below(8);
    if (choice == 0) {
      inventory.erase(ContentId{content});
      objects.erase(content);
    } else if (choice < 3 || entry == nullptr) {
      const std::uint64_t size = random.below(1000);
      // One that is replaced stays protected.
      const std::int64_t until_ms = choice == 1 ? now_ms / 100 * 100 + 400 : 0;
      inventory.insert(ContentId{content}, {.length_bytes = size}, until_ms);
      NaiveObject& object = objects[content];
      object = {.size_bytes = size,
                .last_use = step,
                .protected_until_ms = std::max(object.protected_until_ms, until_ms)};
    } else if (choice < 5) {
      inventory.touch(*entry);
      objects[content].last_use = step;
    } else if (choice < 7) {
      // Ends that several share, as those of a plan do, some of them over already.
      const std::int64_t until_ms = now_ms / 100 * 100 + 100 * (random.below(8) == 0 ? -5 : 5);
      inventory.protect(ContentId{content}, until_ms);
      objects[content].protected_until_ms = std::max<std::int64_t>(until_ms, 0);
    } else {
      entry->readers = 1 - entry->readers;
      objects[content].is_read = entry->readers > 0;
    }
    const auto* const victim = inventory.victim(now_ms);
    const auto next = next_to_go(objects, now_ms);
    REQUIRE((victim != nullptr) == (next != objects.end()));
    if (victim != nullptr) REQUIRE(victim->content == ContentId{next->first});
    std::uint64_t used = 0;
    std::uint64_t kept = 0;
    for (const auto& [held, object] : objects) {
      used += object.size_bytes;
      kept += object.protected_until_ms > now_ms ? object.size_bytes : 0;
    }
    CHECK(inventory.used_bytes() == used);
    CHECK(inventory.protected_bytes() == kept);
    CHECK(inventory.size() == objects.size());
  }
}

TEST_CASE("what is protected goes last and only until its plan ends") {
  LruInventory inventory;
  for (const std::uint64_t content : {1U, 2U, 3U}) {
    inventory.insert(ContentId{content}, {.length_bytes = 10});
  }
  inventory.protect(ContentId{1}, 200);
  inventory.protect(ContentId{2}, 300);
  CHECK(inventory.protected_bytes() == 20);
  CHECK(inventory.victim(100)->content == ContentId{3});
  inventory.erase(ContentId{3});
  CHECK(inventory.victim(100)->content == ContentId{1});
  inventory.protect(ContentId{1}, 400);  // a later plan asks for it too
  CHECK(inventory.victim(200)->content == ContentId{1});
  CHECK(inventory.victim(300)->content == ContentId{2});
  CHECK(inventory.protected_bytes() == 10);
  inventory.protect(ContentId{1}, 0);
  CHECK(inventory.victim(300)->content == ContentId{1});
  inventory.protect(ContentId{9}, 400);  // not held
  CHECK(inventory.protected_bytes() == 0);
}

TEST_CASE("what is being read stays") {
  LruInventory inventory;
  inventory.insert(ContentId{1}, {});
  inventory.insert(ContentId{2}, {});
  inventory.find(ContentId{1})->readers = 1;
  CHECK(inventory.victim(0)->content == ContentId{2});
  inventory.find(ContentId{2})->readers = 1;
  CHECK(inventory.victim(0) == nullptr);
}

}  // namespace edgeward::cache
