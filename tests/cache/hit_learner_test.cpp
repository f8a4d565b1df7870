#include "cache/hit_learner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "cache/eviction/registry.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

EdgeId edge(std::size_t number) {
  return EdgeId{static_cast<std::uint16_t>(number)};
}

ContentId content(std::uint64_t number) {
  return content_id(fmt::format("/{}", number));
}

float probability(const HitModel& model, ContentId id, EdgeId at, std::uint64_t size = 0) {
  return model.find(id, size).at(at);
}

/// Ranks drawn by Zipf's law.
class Zipf {
 public:
  Zipf(std::size_t objects, double skew) {
    for (std::size_t i = 0; i < objects; ++i) {
      sum_ += std::pow(static_cast<double>(i + 1), -skew);
      cumulative_.push_back(sum_);
    }
  }
  ObjectIndex draw(Random& random) const {
    const auto at = std::lower_bound(cumulative_.begin(), cumulative_.end(), random.unit() * sum_);
    return static_cast<ObjectIndex>(at - cumulative_.begin());
  }

 private:
  double sum_ = 0;
  std::vector<double> cumulative_;
};

std::vector<geo::GeoPoint> around_the_world(std::size_t edges) {
  std::vector<geo::GeoPoint> points;
  for (std::size_t i = 0; i < edges; ++i) {
    const auto step = static_cast<double>(i);
    points.push_back({-60 + std::fmod(step * 37, 120), -180 + std::fmod(step * 97, 360)});
  }
  return points;
}

/// Real LRU caches of several sizes, fed by Zipf traffic, that report their requests.
class World {
 public:
  static constexpr std::size_t kEdges = 12;
  static constexpr std::size_t kObjects = 20'000;

  explicit World(std::uint64_t seed) : random_(seed), sizes_(kObjects, 1000) {
    for (std::size_t at = 0; at < kEdges; ++at) {
      const std::uint64_t capacity = 1000 * (at % 3 == 0 ? 200 : at % 3 == 1 ? 1000 : 4000);
      caches_.push_back(
          make_policy({.name = "lru"}, {.sizes_bytes = sizes_, .capacity_bytes = capacity}));
    }
  }

  CacheEvent next() {
    now_ms_ += 10;
    // Edges are asked unequally.
    const std::size_t at = std::min(random_.below(kEdges), random_.below(kEdges));
    const ObjectIndex object = zipf_.draw(random_);
    std::uint8_t hit = 0;
    caches_[at]->replay({&object, 1}, nullptr, &hit);
    return {.at_ms = now_ms_,
            .edge = edge(at),
            .content = content(object),
            .size_bytes = 1000,
            .is_hit = hit != 0};
  }

 private:
  Random random_;
  Zipf zipf_{kObjects, 0.9};
  std::vector<std::uint64_t> sizes_;
  std::vector<std::unique_ptr<EvictionPolicy>> caches_;
  std::int64_t now_ms_ = 1'700'000'000'000;
};

struct Tally {
  double requests = 0;
  double expected = 0;
  double hits = 0;
};

}  // namespace

TEST_CASE("chances learned from reports are those of the caches that report") {
  World world(3);
  HitLearner learner(around_the_world(World::kEdges), {.half_life_s = 1800});
  for (int i = 0; i < 400'000; ++i) learner.note(world.next());
  std::array<Tally, World::kEdges> by_edge{};
  std::array<Tally, 10> by_tenth{};
  double brier = 0;
  double brier_of_ratio = 0;
  double all = 0;
  for (int tick = 0; tick < 40; ++tick) {
    std::shared_ptr<const HitModel> model;
    for (int i = 0; i < 2000; ++i) {
      const CacheEvent event = world.next();
      if (model == nullptr) model = learner.publish(event.at_ms);
      const double chance =
          static_cast<double>(probability(*model, event.content, event.edge, event.size_bytes));
      const double hit = event.is_hit ? 1 : 0;
      Tally& tenth = by_tenth[std::min<std::size_t>(static_cast<std::size_t>(chance * 10), 9)];
      for (Tally* tally : {&by_edge[index(event.edge)], &tenth}) {
        tally->requests += 1;
        tally->expected += chance;
        tally->hits += hit;
      }
      const double ratio = learner.hit_ratio(event.edge).value();
      brier += (chance - hit) * (chance - hit);
      brier_of_ratio += (ratio - hit) * (ratio - hit);
      all += 1;
      learner.note(event);
    }
  }
  for (std::size_t at = 0; at < World::kEdges; ++at) {
    CAPTURE(at, by_edge[at].requests);
    CHECK(by_edge[at].expected / by_edge[at].requests ==
          Approx(by_edge[at].hits / by_edge[at].requests).margin(0.04));
  }
  for (std::size_t tenth = 0; tenth < by_tenth.size(); ++tenth) {
    if (by_tenth[tenth].requests < 500) continue;
    CAPTURE(tenth, by_tenth[tenth].requests);
    CHECK(by_tenth[tenth].expected / by_tenth[tenth].requests ==
          Approx(by_tenth[tenth].hits / by_tenth[tenth].requests).margin(0.08));
  }
  INFO("Brier scores " << brier / all << " and " << brier_of_ratio / all);
  CHECK(brier < 0.75 * brier_of_ratio);
}

TEST_CASE("what is no more asked for is less and less likely there, and forgotten in the end") {
  HitLearner learner(around_the_world(1), {.half_life_s = 100});
  std::int64_t now_ms = 1'000'000;
  Random random(1);
  // One content in ten requests, the others once each; what was asked before hits.
  for (int i = 0; i < 2000; ++i) {
    now_ms += 100;
    const bool is_favourite = i % 10 == 0;
    learner.note({.at_ms = now_ms,
                  .edge = edge(0),
                  .content = content(is_favourite ? 0 : 1000 + random.below(100)),
                  .is_hit = random.below(4) != 0});
  }
  double before = 1;
  for (int half_life = 0; half_life < 5; ++half_life) {
    const double now = static_cast<double>(
        probability(*learner.publish(now_ms + 100'000 * half_life), content(0), edge(0)));
    CHECK(now <= before);
    before = now;
  }
  CHECK(learner.tracked() > 0);
  (void)learner.publish(now_ms + 100'000 * 20);
  CHECK(learner.tracked() == 0);
  // A time far ahead is passed at once.
  const std::int64_t later_ms = now_ms + 4'000'000'000'000;
  learner.note({.at_ms = later_ms, .edge = edge(0), .content = content(5)});
  CHECK(learner.tracked() == 1);
  CHECK(learner.publish(later_ms)->find(content(5)).is_tracked());
}

TEST_CASE("no more contents are tracked than wanted, and those asked for most stay") {
  constexpr std::size_t kTracked = 1000;
  HitLearner learner(around_the_world(2), {.tracked_contents = kTracked});
  Random random(4);
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    const bool is_popular = random.below(2) == 0;
    learner.note({.at_ms = static_cast<std::int64_t>(i),
                  .edge = edge(i % 2),
                  .content = content(is_popular ? random.below(100) : 1'000'000 + i)});
    REQUIRE(learner.tracked() <= kTracked);
  }
  const auto model = learner.publish(50'000);
  CHECK(model->tracked() == learner.tracked());
  for (std::uint64_t i = 0; i < 100; ++i) CHECK(model->find(content(i)).is_tracked());
}

TEST_CASE("untracked contents have the hit ratio of those that were untracked, by size") {
  HitLearner learner(around_the_world(1), {});
  // Small ones are held by a cache that others filled, large ones never.
  for (std::uint64_t i = 0; i < 4000; ++i) {
    const bool is_small = i % 2 == 0;
    learner.note({.at_ms = static_cast<std::int64_t>(i),
                  .edge = edge(0),
                  .content = content(i),
                  .size_bytes = is_small ? 1000U : 50'000'000U,
                  .is_hit = is_small});
  }
  const auto model = learner.publish(4000);
  CHECK(probability(*model, content(1'000'000), edge(0), 1000) > 0.95F);
  CHECK(probability(*model, content(1'000'000), edge(0), 50'000'000) < 0.05F);
  // Of other sizes nothing is known but the edge's hit ratio, which no name has too.
  CHECK(probability(*model, content(1'000'000), edge(0), 200'000) == Approx(0.5).margin(0.02));
  CHECK(probability(*model, ContentId{}, edge(0)) == Approx(0.5).margin(0.02));
}

TEST_CASE("an edge that reports nothing has the prior, and so has one that ceased to") {
  HitLearner learner(around_the_world(2), {.half_life_s = 100, .prior = 0.7});
  for (std::uint64_t i = 0; i < 1000; ++i) {
    learner.note({.at_ms = 1000, .edge = edge(0), .content = content(i % 100), .is_hit = true});
  }
  CHECK(learner.hit_ratio(edge(0)) == 1.0);
  CHECK_FALSE(learner.hit_ratio(edge(1)));
  const auto model = learner.publish(1000);
  CHECK(probability(*model, content(3), edge(0)) > 0.9F);
  CHECK(probability(*model, content(3), edge(1)) == 0.7F);
  CHECK(probability(*model, content(1'000'000), edge(1)) == 0.7F);
  // Ten half-lives later a thousand requests count as one.
  const auto later = learner.publish(1'101'000);
  CHECK_FALSE(learner.hit_ratio(edge(0)));
  CHECK(probability(*later, content(3), edge(0)) == Approx(0.7).margin(0.05));
}

TEST_CASE("what was learned moves with the edges of a changed fleet") {
  // Towns far apart, so that regions are the same however many edges there are.
  const std::vector<geo::GeoPoint> before{{50, 8}, {40, -74}, {35, 139}};
  const std::vector<geo::GeoPoint> after{{35, 139}, {1, 103}, {50, 8}};
  HitLearner learner(before, {});
  Random random(6);
  std::int64_t now_ms = 0;
  for (int i = 0; i < 30'000; ++i) {
    now_ms += 10;
    const std::size_t at = random.below(3);
    const std::uint64_t number = std::min(random.below(300), random.below(300));
    learner.note({.at_ms = now_ms,
                  .edge = edge(at),
                  .content = content(1000 * at + number),
                  .is_hit = number < 60 * (at + 1)});
  }
  const std::vector<EdgeId> from{edge(2), kNoEdge, edge(0)};
  HitLearner moved = learner.moved_to(after, from);
  CHECK(moved.hit_ratio(edge(0)) == learner.hit_ratio(edge(2)));
  CHECK_FALSE(moved.hit_ratio(edge(1)));
  const auto model = learner.publish(now_ms);
  const auto moved_model = moved.publish(now_ms);
  for (std::uint64_t i = 0; i < 300; ++i) {
    // Shares are ratios of sums taken in another order, and rates are kept in steps of 9 %.
    CHECK(probability(*moved_model, content(i), edge(2)) ==
          Approx(probability(*model, content(i), edge(0))).margin(0.04));
    CHECK(probability(*moved_model, content(2000 + i), edge(0)) ==
          Approx(probability(*model, content(2000 + i), edge(2))).margin(0.04));
    CHECK_FALSE(moved_model->find(content(1000 + i)).is_tracked());
  }
}

TEST_CASE("nothing is claimed before the first event") {
  HitLearner learner(around_the_world(3), {});
  CHECK(learner.publish(1000) == nullptr);
}

TEST_CASE("what was learned is the same after it was kept and read again") {
  World world(8);
  HitLearner learner(around_the_world(World::kEdges), {});
  CacheEvent last;
  for (int i = 0; i < 20'000; ++i) learner.note(last = world.next());
  const std::string saved = learner.save();
  HitLearner other(around_the_world(World::kEdges), {});
  REQUIRE(other.restore(saved));
  CHECK(other.tracked() == learner.tracked());
  for (int i = 0; i < 1000; ++i) {
    last = world.next();
    learner.note(last);
    other.note(last);
  }
  const auto model = learner.publish(last.at_ms);
  const auto restored = other.publish(last.at_ms);
  for (std::uint64_t i = 0; i < World::kObjects; i += 3) {
    for (std::size_t at = 0; at < World::kEdges; ++at) {
      REQUIRE(probability(*restored, content(i), edge(at)) ==
              probability(*model, content(i), edge(at)));
    }
  }
}

TEST_CASE("what was not kept whole is not taken") {
  HitLearner learner(around_the_world(2), {});
  for (std::uint64_t i = 0; i < 50; ++i) {
    learner.note({.at_ms = 5, .edge = edge(i % 2), .content = content(i), .is_hit = true});
  }
  const std::string saved = learner.save();
  HitLearner other(around_the_world(2), {});
  for (std::size_t length = 0; length < saved.size(); ++length) {
    REQUIRE_FALSE(other.restore(saved.substr(0, length)));
  }
  Random random(2);
  for (int i = 0; i < 1000; ++i) {
    std::string bent = saved;
    char& byte = bent[random.below(bent.size())];
    byte = static_cast<char>(byte ^ (1 << random.below(8)));
    REQUIRE_FALSE(other.restore(bent));
  }
  CHECK(other.tracked() == 0);
  HitLearner larger(around_the_world(3), {});
  CHECK_FALSE(larger.restore(saved));
  CHECK(other.restore(saved));
}

TEST_CASE("regions are of edges that are near each other") {
  std::vector<geo::GeoPoint> edges;
  // Nine towns far apart, three edges in each: eight regions hold whole towns.
  const std::vector<geo::GeoPoint> towns{{50, 8},  {40, -74}, {35, 139},  {-33, 151}, {-23, -46},
                                         {28, 77}, {-26, 28}, {60, -150}, {1, 103}};
  for (const geo::GeoPoint& town : towns) {
    for (const double step : {0.0, 0.3, 0.6}) edges.push_back({town.lat_deg + step, town.lon_deg});
  }
  const std::vector<std::uint8_t> region = regions_of(edges);
  REQUIRE(region.size() == edges.size());
  for (std::size_t i = 0; i < edges.size(); ++i) {
    CHECK(region[i] == region[i - i % 3]);
    CHECK(region[i] < HitModel::kRegionsMax);
  }
  const std::vector<std::uint8_t> few = regions_of({edges.data(), 8});
  for (std::size_t i = 0; i < few.size(); ++i) CHECK(few[i] == i);
}

}  // namespace edgeward::cache
