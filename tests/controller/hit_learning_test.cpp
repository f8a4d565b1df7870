#include "controller/service/hit_learning.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::controller {

namespace {

using cache::CacheEvent;
using cache::EdgeId;

std::shared_ptr<const cache::Fleet> fleet(const std::vector<std::string>& names) {
  auto fleet = std::make_shared<cache::Fleet>();
  for (const std::string& name : names) {
    // The same place for the same name.
    const auto letter = static_cast<double>(name[0] - 'a');
    fleet->edges.push_back({.name = name, .point = {letter * 5, letter * 10}});
  }
  return fleet;
}

/// What an edge says that hit in `hits` of 100 requests for as many contents asked for before.
std::vector<CacheEvent> events(EdgeId edge, int hits) {
  std::vector<CacheEvent> all;
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) {
      all.push_back({.at_ms = 1000,
                     .edge = edge,
                     .content = cache::content_id(fmt::format("/{}", i)),
                     .is_hit = i < hits});
    }
  }
  return all;
}

float chance(const cache::HitModel& model, std::string_view key, std::uint16_t edge) {
  const cache::ContentId content = cache::content_id(key);
  return model.find(content).at(EdgeId{edge});
}

}  // namespace

TEST_CASE("a model comes of events, once an interval") {
  const auto abc = fleet({"a", "b", "c"});
  HitLearning learning(abc, {.interval_ms = 1000}, 0.5);
  const auto nothing = learning.learn(0);
  REQUIRE(nothing);
  CHECK(nothing->model == nullptr);
  REQUIRE(learning.add(events(EdgeId{0}, 100), *abc));
  REQUIRE(learning.add(events(EdgeId{1}, 0), *abc));
  CHECK_FALSE(learning.learn(999));
  const auto learned = learning.learn(1000);
  REQUIRE(learned);
  REQUIRE(learned->model != nullptr);
  CHECK(learned->fleet == abc);
  CHECK(chance(*learned->model, "/5", 0) > 0.9F);
  CHECK(chance(*learned->model, "/5", 1) < 0.1F);
  CHECK(chance(*learned->model, "/5", 2) == 0.5F);
  CHECK(learned->hit_ratios == std::vector<std::optional<double>>{1.0, 0.0, std::nullopt});
}

TEST_CASE("another fleet takes over what was learned, and events numbered by the old one") {
  const auto abc = fleet({"a", "b", "c"});
  HitLearning learning(abc, {.interval_ms = 0}, 0.5);
  REQUIRE(learning.add(events(EdgeId{0}, 100), *abc));
  const auto cda = fleet({"c", "d", "a"});
  const auto learned = learning.replace(cda, 1000);
  REQUIRE(learned.model != nullptr);
  CHECK(learned.fleet == cda);
  CHECK(chance(*learned.model, "/5", 2) > 0.9F);
  CHECK(chance(*learned.model, "/5", 0) == 0.5F);
  // Workers may number edges by the old fleet for a while; b is no more there.
  REQUIRE(learning.add(events(EdgeId{2}, 100), *abc));
  REQUIRE(learning.add(events(EdgeId{1}, 100), *abc));
  REQUIRE(learning.add(events(EdgeId{1}, 0), *cda));
  const auto later = learning.learn(1000);
  REQUIRE(later);
  CHECK(later->hit_ratios == std::vector<std::optional<double>>{1.0, 0.0, 1.0});
  // The same edges, read anew: the same model.
  const auto again = learning.replace(fleet({"c", "d", "a"}), 2000);
  CHECK(again.model == later->model);
}

TEST_CASE("events that wait are bounded") {
  const auto a = fleet({"a"});
  HitLearning learning(a, {}, 0.5);
  const std::vector<CacheEvent> many(400'000, CacheEvent{.at_ms = 1});
  CHECK(learning.add(many, *a));
  CHECK(learning.add(many, *a));
  CHECK_FALSE(learning.add(many, *a));
  (void)learning.learn(1);
  CHECK(learning.add(many, *a));
}

TEST_CASE("what was learned outlives a restart for the same edges alone") {
  const auto ab = fleet({"a", "b"});
  HitLearning learning(ab, {}, 0.5);
  REQUIRE(learning.add(events(EdgeId{1}, 100), *ab));
  (void)learning.learn(1000);
  const std::string saved = learning.save();
  HitLearning same(fleet({"a", "b"}), {}, 0.5);
  REQUIRE(same.restore(saved));
  const auto learned = same.learn(1000);
  REQUIRE(learned);
  REQUIRE(learned->model != nullptr);
  CHECK(chance(*learned->model, "/7", 1) > 0.9F);
  REQUIRE(learned->demand->size() == 2);
  CHECK((*learned->demand)[1].save() == (*learning.learn(20'000)->demand)[1].save());
  CHECK((*learned->demand)[0].save() != (*learned->demand)[1].save());
  cache::Random random(2);
  for (int i = 0; i < 300; ++i) {
    std::string damaged = saved;
    damaged[random.below(damaged.size())] ^= static_cast<char>(1 + random.below(255));
    CHECK_FALSE(HitLearning(fleet({"a", "b"}), {}, 0.5).restore(damaged));
    CHECK_FALSE(HitLearning(fleet({"a", "b"}), {}, 0.5)
                    .restore(saved.substr(0, random.below(saved.size()))));
  }
  CHECK_FALSE(HitLearning(fleet({"a", "c"}), {}, 0.5).restore(saved));
  CHECK_FALSE(HitLearning(fleet({"b", "a"}), {}, 0.5).restore(saved));
  CHECK_FALSE(same.restore("a"));
}

}  // namespace edgeward::controller
