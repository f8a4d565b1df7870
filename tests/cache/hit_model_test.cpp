#include "cache/hit_model.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <set>
#include <unordered_map>
#include <vector>

#include "cache/che.hpp"
#include "cache/eviction/registry.hpp"
#include "cache/random.hpp"

namespace edgeward::cache {

namespace {

ContentId content(std::uint64_t number) {
  return content_id(fmt::format("/{}", number));
}

EdgeId edge(std::size_t number) {
  return EdgeId{static_cast<std::uint16_t>(number)};
}

float probability(const HitModel& model, ContentId id, EdgeId at, std::uint64_t size = 0) {
  return model.find(id, size).at(at);
}

}  // namespace

TEST_CASE("a known inventory is answered exactly, through any sequence of changes") {
  for (const std::size_t edges : {1U, 64U, 65U, 1000U}) {
    Random random(edges);
    HitModelWriter writer(edges, 100'000);
    for (std::size_t e = 0; e < edges; ++e) writer.set_edge(edge(e), {.is_inventory_known = true});
    std::set<std::pair<std::uint64_t, std::size_t>> held;
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 20'000; ++i) {
      const std::uint64_t number = random.below(3000);
      const std::size_t at = random.below(edges);
      const bool is_held = random.below(3) != 0;
      if (is_held) {
        held.emplace(number, at);
        seen.insert(number);
      } else {
        held.erase({number, at});
      }
      if (random.below(2) == 0) {
        writer.set_held(content(number), edge(at), is_held);
        continue;
      }
      std::vector<std::uint64_t> bits((edges + 63) / 64);
      for (auto holder = held.lower_bound({number, 0});
           holder != held.end() && holder->first == number; ++holder) {
        bits[holder->second / 64] |= std::uint64_t{1} << (holder->second % 64);
      }
      writer.set_holders(content(number), bits);
    }
    const auto model = writer.publish();
    CHECK(model->tracked() == seen.size());
    for (std::uint64_t number = 0; number < 3000; ++number) {
      const HitModel::Chances chances = model->find(content(number));
      REQUIRE(chances.is_tracked() == seen.contains(number));
      if (!chances.is_tracked()) continue;
      for (int i = 0; i < 20; ++i) {
        const std::size_t at = random.below(edges);
        const float expected = held.contains({number, at}) ? 1 : 0;
        REQUIRE(probability(*model, content(number), edge(at)) == expected);
      }
    }
  }
}

TEST_CASE("what is forgotten is not tracked, and nothing else is lost by it") {
  HitModelWriter writer(1, 5000);
  writer.set_edge(edge(0), {.is_inventory_known = true});
  std::set<std::uint64_t> held;
  Random random(9);
  std::vector<std::shared_ptr<const HitModel>> models;
  std::vector<std::set<std::uint64_t>> expected;
  for (int i = 0; i < 30'000; ++i) {
    const std::uint64_t number = random.below(2000);
    if (random.below(2) == 0) {
      writer.set_held(content(number), edge(0), true);
      held.insert(number);
    } else {
      writer.forget(content(number));
      held.erase(number);
    }
    if (i % 5000 != 0) continue;
    models.push_back(writer.publish());
    expected.push_back(held);
  }
  for (std::size_t i = 0; i < models.size(); ++i) {
    REQUIRE(models[i]->tracked() == expected[i].size());
    for (std::uint64_t number = 0; number < 2000; ++number) {
      const bool is_tracked = models[i]->find(content(number)).is_tracked();
      REQUIRE(is_tracked == expected[i].contains(number));
    }
  }
}

TEST_CASE("a published model does not change any more") {
  HitModelWriter writer(2, 100);
  writer.set_edge(edge(0), {.is_inventory_known = true});
  writer.set_held(content(1), edge(0), true);
  const auto before = writer.publish();
  writer.set_held(content(1), edge(0), false);
  writer.set_held(content(2), edge(0), true);
  const auto after = writer.publish();
  CHECK(probability(*before, content(1), edge(0)) == 1);
  CHECK_FALSE(before->find(content(2)).is_tracked());
  CHECK(probability(*after, content(1), edge(0)) == 0);
  CHECK(probability(*after, content(2), edge(0)) == 1);
}

TEST_CASE("packed or not, a model says what it said when it was published") {
  // Large enough to be packed, then changed, published, and changed again.
  constexpr std::uint64_t kContents = 60'000;
  HitModelWriter writer(500, kContents);
  for (std::size_t e = 0; e < 500; ++e) writer.set_edge(edge(e), {.is_inventory_known = true});
  Random random(5);
  std::vector<std::shared_ptr<const HitModel>> models;
  std::vector<std::size_t> holder(kContents / 2);
  std::vector<std::vector<std::size_t>> holders;
  for (int version = 0; version < 4; ++version) {
    for (std::uint64_t i = 0; i < holder.size(); ++i) {
      if (version > 0 && random.below(version == 1 ? 2 : 2000) != 0) continue;
      if (version > 0) writer.set_held(ContentId{i + 1}, edge(holder[i]), false);
      holder[i] = random.below(500);
      writer.set_held(ContentId{i + 1}, edge(holder[i]), true);
    }
    models.push_back(writer.publish());
    holders.push_back(holder);
  }
  CHECK(models[0]->memory_bytes() > std::size_t{4} << 20);
  for (std::size_t version = 0; version < models.size(); ++version) {
    for (std::uint64_t i = 0; i < holder.size(); i += 7) {
      REQUIRE(models[version]->find(ContentId{i + 1}).is_tracked());
      const EdgeId held = edge(holders[version][i]);
      REQUIRE(probability(*models[version], ContentId{i + 1}, held) == 1);
      const EdgeId other = edge((holders[version][i] + 1) % 500);
      REQUIRE(probability(*models[version], ContentId{i + 1}, other) == 0);
    }
  }
}

TEST_CASE(
    "where no inventory is known, the chance follows rate and time, within the rates' steps") {
  HitModelWriter writer(1, 10'000);
  for (const double time_s : {0.5, 60.0, 3600.0, 86'400.0}) {
    for (const double share : {1.0, 0.2}) {
      writer.set_edge(edge(0),
                      {.region = 3, .region_share_ratio = share, .characteristic_time_s = time_s});
      for (double rate = 1e-5; rate < 1e3; rate *= 1.37) {
        writer.set_rate(content(7), 3, rate);
        const auto model = writer.publish();
        const double exact = 1 - std::exp(-rate * share * time_s);
        REQUIRE(probability(*model, content(7), edge(0)) == Approx(exact).margin(0.035));
      }
    }
  }
  writer.set_rate(content(7), 3, 0);
  CHECK(probability(*writer.publish(), content(7), edge(0)) == 0);
}

TEST_CASE("what is not tracked has the prior of its size, what is not named the prediction") {
  HitModelWriter writer(1, 100);
  EdgeHits hits{.predicted_hit_ratio = 0.8F};
  hits.prior[EdgeHits::size_class(10'000)] = 0.25F;
  writer.set_edge(edge(0), hits);
  const auto model = writer.publish();
  CHECK(probability(*model, content(1), edge(0), 10'000) == 0.25F);
  CHECK(probability(*model, content(1), edge(0), 1) == 0.5F);
  CHECK(probability(*model, ContentId{}, edge(0)) == 0.8F);
  // Below 4 KiB is one class, every fourfold one more.
  CHECK(EdgeHits::size_class(0) == 0);
  std::uint64_t begin = 4096;
  for (std::size_t number = 1; number < EdgeHits::kSizeClasses; ++number) {
    CHECK(EdgeHits::size_class(begin - 1) == number - 1);
    CHECK(EdgeHits::size_class(begin) == number);
    CHECK(EdgeHits::size_class(2 * begin) == number);
    begin *= 4;
  }
  CHECK(EdgeHits::size_class(~std::uint64_t{0}) == EdgeHits::kSizeClasses - 1);
}

TEST_CASE("no more rows are kept than wanted, and what an edge holds does not give way") {
  constexpr std::size_t kTracked = 256 * 20;
  HitModelWriter writer(3, kTracked);
  writer.set_edge(edge(1), {.is_inventory_known = true});
  for (std::uint64_t i = 0; i < 1000; ++i) writer.set_held(content(i), edge(1), true);
  for (std::uint64_t i = 1000; i < 60'000; ++i) {
    writer.set_rate(content(i), 0, 1.0 + static_cast<double>(i % 100));
  }
  const auto model = writer.publish();
  CHECK(model->tracked() <= kTracked);
  CHECK(model->tracked() > kTracked * 9 / 10);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    REQUIRE(probability(*model, content(i), edge(1)) == 1);
  }
}

TEST_CASE("what is asked for often does not give way to what is not") {
  constexpr std::size_t kTracked = 256 * 20;
  HitModelWriter writer(1, kTracked);
  for (std::uint64_t i = 0; i < 1000; ++i) writer.set_rate(content(i), 0, 100);
  for (std::uint64_t i = 1000; i < 60'000; ++i) writer.set_rate(content(i), 0, 0.01);
  const auto model = writer.publish();
  std::size_t kept = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) kept += model->find(content(i)).is_tracked() ? 1 : 0;
  // Only a few rows are looked at for one to give way, so some go; chance would leave none.
  CHECK(kept > 400);
}

TEST_CASE("a million contents at a thousand edges stay below 512 MiB") {
  HitModelWriter writer(1000, 1'000'000);
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    writer.set_held(ContentId{i * 0x9E3779B97F4A7C15 + 1}, edge(i % 1000), true);
  }
  const auto model = writer.publish();
  CHECK(model->tracked() > 990'000);
  CHECK(model->memory_bytes() < std::size_t{512} << 20);
}

TEST_CASE("Che's approximation is within 0.02 of simulated LRU on Zipf traffic") {
  for (const double skew : {0.6, 0.9, 1.1}) {
    for (const double capacity_ratio : {0.01, 0.1, 0.3}) {
      CAPTURE(skew, capacity_ratio);
      Random random(11);
      constexpr std::size_t kObjects = 3000;
      std::vector<double> weights;
      std::vector<double> cumulative;
      std::vector<std::uint64_t> sizes;
      double sum = 0;
      std::uint64_t footprint = 0;
      for (std::size_t i = 0; i < kObjects; ++i) {
        weights.push_back(std::pow(static_cast<double>(i + 1), -skew));
        cumulative.push_back(sum += weights.back());
        sizes.push_back(1000 + random.below(20'000));
        footprint += sizes.back();
      }
      const auto capacity =
          static_cast<std::uint64_t>(capacity_ratio * static_cast<double>(footprint));
      constexpr std::size_t kRequests = 1'500'000;
      constexpr std::size_t kWarm = 500'000;
      std::vector<ObjectIndex> requests;
      for (std::size_t i = 0; i < kRequests; ++i) {
        const auto at = std::lower_bound(cumulative.begin(), cumulative.end(), random.unit() * sum);
        requests.push_back(static_cast<ObjectIndex>(at - cumulative.begin()));
      }
      const auto lru =
          make_policy({.name = "lru"}, {.sizes_bytes = sizes, .capacity_bytes = capacity});
      std::vector<std::uint8_t> hits(kRequests);
      lru->replay(requests, nullptr, hits.data());
      std::vector<double> asked(kObjects);
      std::vector<double> hit(kObjects);
      for (std::size_t i = kWarm; i < kRequests; ++i) {
        ++asked[requests[i]];
        hit[requests[i]] += hits[i];
      }
      // One request a second.
      std::vector<ContentDemand> demand;
      for (std::size_t i = 0; i < kObjects; ++i) demand.push_back({weights[i] / sum, sizes[i]});
      const double time_s = characteristic_time_s(demand, capacity);
      double error = 0;
      for (std::size_t i = 0; i < kObjects; ++i) {
        const double predicted = hit_probability(demand[i].requests_per_second, time_s);
        error += std::abs(predicted * asked[i] - hit[i]);
      }
      // Requests, not objects, are what predictions are for: mean absolute error over requests.
      CHECK(error / (kRequests - kWarm) < 0.02);
    }
  }
}

TEST_CASE("a cache that holds everything keeps it for ever, one without room for no time") {
  const std::vector<ContentDemand> demand{{1, 100}, {2, 200}, {0, 1000}};
  CHECK(std::isinf(characteristic_time_s(demand, 300)));
  CHECK(characteristic_time_s(demand, 0) < 1e-9);
  CHECK(std::isinf(characteristic_time_s({}, 10)));
}

}  // namespace edgeward::cache
