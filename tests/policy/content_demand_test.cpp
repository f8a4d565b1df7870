#include "policy/content_demand.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "cache/random.hpp"
#include "policy/share_blend.hpp"

namespace edgeward::policy {

namespace {

using cache::ContentId;

struct Asked {
  std::int64_t at_ms = 0;
  std::uint64_t content = 0;
};

/// Skewed requests, one a second, for contents whose popularity moves on.
std::vector<Asked> requests(std::uint64_t seed, int count) {
  cache::Random random(seed);
  std::vector<Asked> result;
  for (int i = 0; i < count; ++i) {
    const double skewed = random.unit() * random.unit() * random.unit() * random.unit();
    const auto moved = static_cast<std::uint64_t>(i / 5000) * 20;
    result.push_back({.at_ms = std::int64_t{1000} * i,
                      .content = static_cast<std::uint64_t>(skewed * 5000) + moved});
  }
  return result;
}

}  // namespace

TEST_CASE("counts are those of an exact decay but for the error that they state") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    ContentDemand demand({.tracked_contents = 100, .half_life_s = 3600});
    std::map<std::uint64_t, double> exact;
    const std::vector<Asked> asked = requests(seed, 20'000);
    for (const Asked& one : asked) {
      demand.note(ContentId{one.content}, 10, one.at_ms);
    }
    const std::int64_t now_ms = asked.back().at_ms;
    for (const Asked& one : asked) {
      exact[one.content] += std::pow(0.5, static_cast<double>(now_ms - one.at_ms) / 1000 / 3600);
    }
    REQUIRE(demand.size() <= 200);
    const double uncounted = demand.uncounted(now_ms);
    CHECK(uncounted > 0);
    std::size_t found = 0;
    for (const auto& [content, count] : exact) {
      const auto known = demand.find(ContentId{content}, now_ms);
      CAPTURE(seed, content, count, uncounted);
      if (!known) {
        CHECK(count <= uncounted * 1.001);
        continue;
      }
      ++found;
      CHECK(known->count <= count * 1.001);
      CHECK(known->count + known->error >= count * 0.999);
      CHECK(known->size_bytes == 10);
    }
    CHECK(found == demand.size());
  }
}

TEST_CASE("what is asked for most is never forgotten") {
  ContentDemand demand({.tracked_contents = 50, .half_life_s = 86'400});
  cache::Random random(9);
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t content = i % 10 == 0 ? 7 : 1000 + random.below(1'000'000);
    demand.note(ContentId{content}, 1, std::int64_t{100} * i);
  }
  const auto known = demand.find(ContentId{7}, 5'000'000);
  REQUIRE(known);
  CHECK(known->count + known->error >= 4500);
  CHECK(known->per_second == Approx(1).epsilon(0.2));
}

TEST_CASE("a rate is what it was and a trend follows what is new") {
  ContentDemand demand({.tracked_contents = 100, .half_life_s = 86'400});
  // Content 1 every ten seconds throughout, 2 only of late, 3 only at first.
  for (std::int64_t second = 0; second < 4 * 86'400; second += 10) {
    demand.note(ContentId{1}, 1, second * 1000);
    if (second >= 4 * 86'400 - 7200) demand.note(ContentId{2}, 1, second * 1000);
    if (second < 2 * 86'400) demand.note(ContentId{3}, 1, second * 1000);
  }
  const std::int64_t now_ms = std::int64_t{4} * 86'400'000;
  const auto steady = *demand.find(ContentId{1}, now_ms);
  const auto rising = *demand.find(ContentId{2}, now_ms);
  const auto fallen = *demand.find(ContentId{3}, now_ms);
  CHECK(steady.per_second == Approx(0.1).epsilon(0.05));
  CHECK(steady.trend == Approx(1).epsilon(0.05));
  CHECK(rising.trend > 1.2);
  CHECK(rising.trend <= 3);
  CHECK(fallen.trend == Approx(0.5));
  CHECK(demand.per_second(now_ms) ==
        Approx(steady.per_second + rising.count / 115'000 + fallen.per_second).epsilon(0.3));
}

TEST_CASE("one request is less than a rate of one a window") {
  ContentDemand demand;
  demand.note(ContentId{2}, 1, -200'000'000);
  demand.note(ContentId{1}, 1, 0);
  const auto known = *demand.find(ContentId{1}, 1000);
  CHECK(known.count == Approx(1));
  CHECK(known.per_second * 86'400 < 3);
}

TEST_CASE("times that go back or are far apart do no harm") {
  ContentDemand demand({.tracked_contents = 4, .half_life_s = 10});
  for (const std::int64_t at_ms : {0LL, -5000LL, 1LL << 60, 3000LL, -(1LL << 60)}) {
    for (std::uint64_t content = 0; content < 20; ++content) {
      demand.note(ContentId{content}, 1, at_ms);
    }
  }
  CHECK(std::isfinite(demand.total(5000)));
  demand.visit(5000, [](ContentId, const ContentDemand::Known& known) {
    CHECK(std::isfinite(known.per_second));
    CHECK(known.count >= 0);
  });
}

TEST_CASE("an edge whose taste is everybody's learns to believe the others") {
  ShareBlend alike;
  ShareBlend apart;
  cache::Random random(4);
  CHECK(alike.strength() == 0);
  for (int i = 0; i < 5000; ++i) {
    // Shares that the edge has seen scatter around the true one; the others' are true.
    const double true_share = 0.001;
    const double own = random.below(4) == 0 ? 4 * true_share : 0;
    alike.note(own, true_share, 1000);
    // Here the others ask for something else.
    apart.note(true_share, 0, 1000);
  }
  CHECK(alike.strength() > 10'000);
  CHECK(alike.own_weight(1000) < 0.1);
  CHECK(apart.strength() == 0);
  CHECK(apart.own_weight(1000) == 1);
  CHECK(alike.own_weight(0) == 0);
}

}  // namespace edgeward::policy
