#include "cache/object_map.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <unordered_map>

#include "cache/random.hpp"

namespace edgeward::cache {

TEST_CASE("an object map holds what a standard map holds, through any sequence of changes") {
  for (const std::uint64_t objects : {3U, 60U, 5000U}) {
    Random random(objects);
    ObjectMap<std::uint64_t> map;
    std::unordered_map<ObjectIndex, std::uint64_t> expected;
    for (int i = 0; i < 30'000; ++i) {
      const auto object = static_cast<ObjectIndex>(random.below(objects));
      map.prefetch(object);
      if (random.below(5) < 2) {
        REQUIRE(map.erase(object) == (expected.erase(object) == 1));
      } else {
        const std::uint64_t value = random.next();
        map.insert_or_assign(object, value);
        expected[object] = value;
      }
      REQUIRE(map.size() == expected.size());
      const auto asked = static_cast<ObjectIndex>(random.below(objects));
      const std::uint64_t* const found = map.find(asked);
      const auto wanted = expected.find(asked);
      REQUIRE((found != nullptr) == (wanted != expected.end()));
      if (found != nullptr) REQUIRE(*found == wanted->second);
    }
    for (const auto& [object, value] : expected) {
      REQUIRE(map.find(object) != nullptr);
      REQUIRE(*map.find(object) == value);
    }
  }
}

}  // namespace edgeward::cache
