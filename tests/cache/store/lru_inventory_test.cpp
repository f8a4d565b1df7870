#include "cache/store/lru_inventory.hpp"

#include <catch2/catch.hpp>
#include <list>
#include <map>

#include "cache/random.hpp"

namespace edgeward::cache {

TEST_CASE("the one that goes next was used longest ago") {
  const std::uint64_t seed = 5;
  INFO("seed " << seed);
  Random random(seed);
  LruInventory inventory;
  std::list<std::uint64_t> order;  // naive: the next to go in front
  std::map<std::uint64_t, std::uint64_t> sizes;
  for (int step = 0; step < 5000; ++step) {
    const std::uint64_t content = random.below(40);
    auto* const entry = inventory.find(ContentId{content});
    REQUIRE((entry != nullptr) == sizes.contains(content));
    const std::uint64_t choice = random.below(4);
    if (choice == 0) {
      inventory.erase(ContentId{content});
      order.remove(content);
      sizes.erase(content);
    } else if (choice == 1 || entry == nullptr) {
      const std::uint64_t size = random.below(1000);
      inventory.insert(ContentId{content}, {.length_bytes = size});
      order.remove(content);
      order.push_back(content);
      sizes[content] = size;
    } else {
      inventory.touch(*entry);
      order.remove(content);
      order.push_back(content);
    }
    std::uint64_t used = 0;
    for (const auto& [held, size] : sizes) used += size;
    CHECK(inventory.used_bytes() == used);
    CHECK(inventory.size() == sizes.size());
    const auto* const victim = inventory.victim();
    REQUIRE((victim != nullptr) == !order.empty());
    if (victim != nullptr) CHECK(victim->content == ContentId{order.front()});
  }
}

TEST_CASE("what is being read stays") {
  LruInventory inventory;
  inventory.insert(ContentId{1}, {});
  inventory.insert(ContentId{2}, {});
  inventory.find(ContentId{1})->readers = 1;
  CHECK(inventory.victim()->content == ContentId{2});
  inventory.find(ContentId{2})->readers = 1;
  CHECK(inventory.victim() == nullptr);
}

}  // namespace edgeward::cache
