#include "cache/planned_cache.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <set>
#include <vector>

#include "cache/eviction/registry.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

const std::vector<std::string> kPolicies{"lru",  "fifo",  "clock",  "sieve",     "s3fifo", "slru",
                                         "twoq", "arc",   "lirs",   "wtinylfu",  "gdsf",   "lfu",
                                         "lhd",  "lfuda", "random", "hyperbolic"};

std::unique_ptr<PlannedCache> make(const std::string& policy,
                                   const std::vector<std::uint64_t>& sizes_bytes,
                                   std::uint64_t capacity_bytes) {
  const CacheSpec spec{.sizes_bytes = sizes_bytes, .capacity_bytes = capacity_bytes, .seed = 7};
  return std::make_unique<PlannedCache>(make_policy(NamedSettings::parse(policy), spec), nullptr,
                                        sizes_bytes);
}

bool ask(PlannedCache& cache, ObjectIndex object) {
  std::uint8_t flag = 2;
  cache.replay({&object, 1}, &flag);
  return flag == 1;
}

/// A few objects are asked for often, many rarely.
ObjectIndex draw(Random& random, std::size_t objects) {
  const double skewed = random.unit() * random.unit() * random.unit();
  return static_cast<ObjectIndex>(skewed * static_cast<double>(objects));
}

std::vector<std::uint64_t> mixed_sizes(Random& random) {
  std::vector<std::uint64_t> sizes_bytes;
  for (int i = 0; i < 60; ++i) sizes_bytes.push_back(random.below(8) == 0 ? random.below(60) : 3);
  return sizes_bytes;
}

}  // namespace

TEST_CASE("without plans a cache is its policy request for request") {
  for (const std::string& policy : kPolicies) {
    CAPTURE(policy);
    Random random(3);
    const std::vector<std::uint64_t> sizes_bytes = mixed_sizes(random);
    const auto planned = make(policy, sizes_bytes, 50);
    const auto plain = make_policy(NamedSettings::parse(policy),
                                   {.sizes_bytes = sizes_bytes, .capacity_bytes = 50, .seed = 7});
    for (int i = 0; i < 800; ++i) {
      const ObjectIndex object = draw(random, sizes_bytes.size());
      std::uint8_t flag = 2;
      plain->replay({&object, 1}, nullptr, &flag);
      REQUIRE(ask(*planned, object) == (flag == 1));
    }
  }
}

TEST_CASE("what plans keep is a hit until they evict it and nothing is over the capacity") {
  for (const std::string& policy : kPolicies) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      CAPTURE(policy, seed);
      Random random(seed);
      const std::vector<std::uint64_t> sizes_bytes = mixed_sizes(random);
      constexpr std::uint64_t kCapacity = 50;
      const auto cache = make(policy, sizes_bytes, kCapacity);
      std::set<ObjectIndex> kept;
      std::uint64_t kept_bytes = 0;
      for (int i = 0; i < 1500; ++i) {
        const ObjectIndex object = draw(random, sizes_bytes.size());
        const std::uint64_t size = sizes_bytes[object];
        switch (random.below(6)) {
          case 0: {
            const bool was_held = cache->contains(object);
            const bool has_room = kept.count(object) > 0 || kept_bytes + size <= kCapacity;
            const auto result = cache->keep(object);
            REQUIRE((result == PlannedCache::Kept::refused) == !has_room);
            if (has_room) REQUIRE((result == PlannedCache::Kept::held) == was_held);
            if (has_room && kept.insert(object).second) kept_bytes += size;
            break;
          }
          case 1:
            REQUIRE(cache->evict(object) == (kept.count(object) > 0));
            if (kept.erase(object) > 0) kept_bytes -= size;
            break;
          default:
            const bool is_held = cache->contains(object);
            REQUIRE(ask(*cache, object) == is_held);
            if (kept.count(object) > 0) REQUIRE(is_held);
        }
        REQUIRE(cache->kept_bytes() == kept_bytes);
        REQUIRE_NOTHROW(cache->check_invariants());
      }
      cache->release_all();
      CHECK(cache->kept_bytes() == 0);
      CHECK(cache->kept().empty());
      CHECK_NOTHROW(cache->check_invariants());
    }
  }
}

TEST_CASE("a content that is held when a plan keeps it takes no room twice") {
  const std::vector<std::uint64_t> sizes_bytes(10, 1);
  const auto cache = make("lru", sizes_bytes, 4);
  for (const ObjectIndex object : {0U, 1U, 2U, 3U}) CHECK_FALSE(ask(*cache, object));
  CHECK(cache->keep(0) == PlannedCache::Kept::held);
  for (const ObjectIndex object : {0U, 1U, 2U, 3U}) CHECK(ask(*cache, object));
  // The policy lets its oldest go, which is the one that stays all the same.
  CHECK_FALSE(ask(*cache, 4));
  CHECK(cache->contains(0));
  CHECK_FALSE(cache->contains(1));
  cache->check_invariants();
}

TEST_CASE("what plans kept stays where there is room when they end") {
  const std::vector<std::uint64_t> sizes_bytes(10, 1);
  const auto cache = make("lru", sizes_bytes, 4);
  CHECK_FALSE(ask(*cache, 9));
  CHECK(cache->keep(1) == PlannedCache::Kept::fetched);
  CHECK(cache->keep(2) == PlannedCache::Kept::fetched);
  cache->release_all();
  for (const ObjectIndex object : {9U, 1U, 2U}) CHECK(ask(*cache, object));
  CHECK_FALSE(cache->keeps(1));
  // It goes as everything else does.
  for (const ObjectIndex object : {3U, 4U, 5U, 6U}) CHECK_FALSE(ask(*cache, object));
  CHECK_FALSE(cache->contains(1));
  cache->check_invariants();
}

TEST_CASE("a fetched content counts as used once and a held one never") {
  const std::vector<std::uint64_t> sizes_bytes{5, 7, 11};
  const auto cache = make("lru", sizes_bytes, 20);
  CHECK_FALSE(ask(*cache, 0));
  CHECK(cache->keep(0) == PlannedCache::Kept::held);
  CHECK(cache->keep(1) == PlannedCache::Kept::fetched);
  CHECK(cache->keep(2) == PlannedCache::Kept::refused);
  CHECK(cache->prefetched().bytes == 7);
  CHECK(cache->prefetched().used_bytes == 0);
  for (int i = 0; i < 3; ++i) {
    CHECK(ask(*cache, 0));
    CHECK(ask(*cache, 1));
  }
  CHECK(cache->prefetched().bytes == 7);
  CHECK(cache->prefetched().used_bytes == 7);
}

}  // namespace edgeward::cache
