#include "controller/planning/plan_maker.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "cache/ids.hpp"
#include "controller/planning/optimizing.hpp"

namespace edgeward::controller {

namespace {

using cache::ActionKind;
using cache::EdgeId;

constexpr EdgeId kFra{0};
constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kStartMs = 500'000 * kHourMs;
constexpr std::uint64_t kBytes = 1000;

std::shared_ptr<const cache::Fleet> fleet(std::optional<cache::DailyHours> fill_window = {}) {
  auto made = std::make_shared<cache::Fleet>();
  for (const char* name : {"fra1", "ams1"}) {
    cache::Edge& edge = made->edges.emplace_back();
    edge.name = name;
    edge.point = {50, 8};
    edge.storage_bytes = 10 * kBytes;
    edge.capacity_bytes = 10 * kBytes;
    edge.bandwidth_bps = 1'000'000'000;
    edge.fill_window = fill_window;
  }
  return made;
}

std::string key_of(int content) {
  return fmt::format("/{}", content);
}

/// An edge that is asked each hour for content 0 most, for 1 less, …; and what it holds.
struct World {
  PlanMaker maker;
  std::map<EdgeId, std::set<int>> held;
  std::int64_t now_ms = kStartMs;

  explicit World(double share = 0.5, std::optional<cache::DailyHours> fill_window = {})
      : maker(options(share), fleet(fill_window)) {}

  static PlanningOptions options(double share) {
    PlanningOptions options;
    options.planner.share = share;
    options.planner.off_peak_hours = 24;
    return options;
  }
  void ask(int content, EdgeId edge = kFra, bool has_key = true) {
    maker.note({.at_ms = now_ms,
                .edge = edge,
                .content = cache::content_id(key_of(content)),
                .size_bytes = kBytes,
                .is_hit = held[edge].contains(content)},
               has_key ? key_of(content) : "");
  }
  void pass_hours(int hours, int contents, bool has_key = true) {
    for (int hour = 0; hour < hours; ++hour) {
      for (int content = 0; content < contents; ++content) {
        for (int times = content; times < contents; ++times) ask(content, kFra, has_key);
      }
      now_ms += kHourMs;
    }
  }
  [[nodiscard]] HeldSize held_size() const {
    return [this](EdgeId edge, cache::ContentId content) -> std::optional<std::uint64_t> {
      const auto found = held.find(edge);
      if (found == held.end()) return std::nullopt;
      for (const int one : found->second) {
        if (cache::content_id(key_of(one)) == content) return kBytes;
      }
      return std::nullopt;
    };
  }
  MadePlan plan(bool is_dry = false) {
    std::vector<MadePlan> plans = maker.make(now_ms, now_ms + 2 * kHourMs, held_size(), is_dry);
    REQUIRE(plans.size() == 2);
    CHECK(plans[1].plan.actions.empty());  // nobody asked ams1
    return std::move(plans[0]);
  }
  /// Does what a plan says, and checks that it may be done in its order.
  void carry_out(const MadePlan& made) {
    std::map<cache::ContentId, int> numbers;
    for (int content = 0; content < 100; ++content) {
      numbers[cache::content_id(key_of(content))] = content;
    }
    for (const cache::Action& action : made.plan.actions) {
      const int content = numbers.at(action.content);
      if (action.kind == ActionKind::evict) {
        CHECK(held[kFra].erase(content) == 1);
      } else {
        CHECK(action.key == key_of(content));
        held[kFra].insert(content);
      }
    }
    maker.adopt(made);
  }
};

std::set<std::string> kept_keys(const MadePlan& made) {
  std::set<std::string> keys;
  for (const cache::Action& action : made.plan.actions) {
    if (action.kind == ActionKind::prefetch) keys.insert(action.key);
  }
  return keys;
}

}  // namespace

TEST_CASE("a plan keeps what is asked for most in its part of the edge") {
  World world;
  world.pass_hours(3, 12);
  const MadePlan made = world.plan();
  CHECK(kept_keys(made) == std::set<std::string>{"/0", "/1", "/2", "/3", "/4"});
  CHECK(made.report.budget_bytes == 5 * kBytes);
  CHECK(made.report.prefetch.contents == 5);
  CHECK(made.report.prefetch.bytes == 5 * kBytes);
  CHECK(made.fetched.size() == 5);
  CHECK(made.report.keep.contents == 0);
  CHECK(made.plan.id == cache::id_of(made.plan, "fra1"));
  CHECK(made.plan.id == made.report.plan);
  CHECK(made.report.hit_ratio_after > made.report.hit_ratio_before);
  CHECK(made.report.hit_ratio_after <= 1);
}

TEST_CASE("an edge with a window of its own fetches ahead while it is open") {
  // Plans are made at 11:00 for an hour; a tenth of 1 Gbps is 45 GB.
  World open(0.5, cache::DailyHours{11 * 60, 13 * 60});
  open.pass_hours(3, 12);
  const MadePlan whole = open.plan();
  CHECK(whole.report.fill_bytes == 45'000'000'000);
  CHECK(whole.report.prefetch.contents == 5);
  World closing(0.5, cache::DailyHours{9 * 60, 11 * 60 + 30});
  closing.pass_hours(3, 12);
  CHECK(closing.plan().report.fill_bytes == 22'500'000'000);
  World closed(0.5, cache::DailyHours{12 * 60, 11 * 60});
  closed.pass_hours(3, 12);
  const MadePlan none = closed.plan();
  CHECK(none.report.fill_bytes == 0);
  CHECK(none.report.prefetch.contents == 0);
  closed.held[kFra] = {0, 1};
  CHECK(closed.plan().report.keep.contents == 2);  // costs nothing at any time
}

TEST_CASE("a plan names all that is to be kept and drops what is worth it no more") {
  World world;
  world.pass_hours(3, 12);
  world.carry_out(world.plan());
  const MadePlan again = world.plan();
  CHECK(again.report.keep.contents == 5);
  CHECK(again.report.prefetch.contents == 0);
  CHECK(again.fetched.empty());
  CHECK(kept_keys(again).size() == 5);

  // Another day, other contents: 60 to 71.
  for (int hour = 0; hour < 48; ++hour) {
    for (int content = 60; content < 72; ++content) {
      for (int times = 0; times < 100; ++times) world.ask(content);
    }
    world.now_ms += kHourMs;
  }
  const MadePlan other = world.plan();
  CHECK(other.report.evict.contents == 5);
  CHECK(other.report.prefetch.contents == 5);
  // Room is made before it is taken.
  bool has_fetched = false;
  for (const cache::Action& action : other.plan.actions) {
    has_fetched = has_fetched || action.kind == ActionKind::prefetch;
    CHECK_FALSE((has_fetched && action.kind == ActionKind::evict));
  }
  world.carry_out(other);
  CHECK(world.held[kFra].size() == 5);
}

TEST_CASE("what a plan was to keep and the edge does not hold is fetched again") {
  World world;
  world.pass_hours(3, 12);
  world.carry_out(world.plan());
  world.held[kFra].erase(0);
  const MadePlan again = world.plan();
  CHECK(again.report.keep.contents == 4);
  CHECK(again.report.prefetch.contents == 1);
  CHECK(again.fetched == std::vector{cache::content_id("/0")});
}

TEST_CASE("contents without a key are not planned") {
  World world;
  world.pass_hours(3, 12, false);
  CHECK(world.plan().plan.actions.empty());
  world.ask(3);
  CHECK(kept_keys(world.plan()) == std::set<std::string>{"/3"});
}

TEST_CASE("without a share nothing is planned and a dry run changes nothing") {
  World none(0);
  none.pass_hours(3, 12);
  CHECK(none.plan().plan.actions.empty());

  World world;
  world.pass_hours(3, 12);
  world.carry_out(world.plan());
  const MadePlan dry = world.plan(true);
  const MadePlan real = world.plan();
  CHECK(dry.plan == real.plan);
}

TEST_CASE("what an edge says of its capacity is what plans go by") {
  World world;
  world.pass_hours(3, 12);
  world.maker.set_capacity(kFra, 4 * kBytes);
  CHECK(kept_keys(world.plan()) == std::set<std::string>{"/0", "/1"});
  world.maker.set_capacity(kFra, 0);  // it says nothing
  CHECK(world.plan().report.capacity_bytes == 4 * kBytes);
}

TEST_CASE("hits since the last time are told once") {
  World world;
  world.held[kFra] = {0};
  world.pass_hours(1, 3);
  const PlanMaker::Realised realised = world.maker.take_realised(kFra);
  CHECK(realised.requests == 6);
  CHECK(realised.hits == 3);
  CHECK(world.maker.take_realised(kFra).requests == 0);
}

TEST_CASE("optimizing tells what each edge misses and gives plans to canaries alone") {
  World world;
  world.pass_hours(3, 30);
  const auto of = fleet();
  const OptimizingRun begun = begin_optimizing({.measure_after_ms = kHourMs, .canary = 0.5}, 7,
                                               world.now_ms, *of, world.held_size(), world.maker);
  REQUIRE(begun.edges.size() == 2);
  CHECK(begun.edges[0].strategy.verdict == policy::StrategyVerdict::aggressive_prefetch);
  CHECK(begun.edges[0].strategy.counts.requests == 3 * 30 * 31 / 2);
  CHECK(begun.edges[1].strategy.verdict == policy::StrategyVerdict::insufficient_data);
  CHECK(begun.edges[0].is_applied != begun.edges[1].is_applied);
  CHECK(world.maker.share(kFra) == (begun.edges[0].is_applied ? 0.5 : 0));
  // By the key that people know, what was missed most often first.
  CHECK(optimizing_json(begun).find("\"key\": \"/0\"") != std::string::npos);
  CHECK(optimizing_json(begun).find("\"measuring\"") != std::string::npos);
}

TEST_CASE("plans prove themselves in shadow caches before an edge has any") {
  PlanningOptions options;
  options.planner.off_peak_hours = 24;
  World world;
  PlanMaker maker(options, fleet());
  std::int64_t now_ms = kStartMs;
  int once = 1000;
  const HeldSize nothing = [](EdgeId, cache::ContentId) { return std::nullopt; };
  bool had_none = false;
  for (int hour = 0; hour < 60; ++hour) {
    for (int i = 0; i < 600; ++i) {
      // Five contents again and again, and between two requests of one much that is asked for once.
      const int content = i % 8 == 0 ? i / 8 % 5 : ++once;
      maker.note({.at_ms = now_ms,
                  .edge = kFra,
                  .content = cache::content_id(key_of(content)),
                  .size_bytes = kBytes,
                  .is_hit = false},
                 key_of(content));
    }
    now_ms += kHourMs;
    maker.judge(now_ms, nothing);
    had_none = had_none || maker.share(kFra) == 0;
    (void)maker.make(now_ms, now_ms + 2 * kHourMs, nothing, false);
  }
  CHECK(had_none);
  CHECK(maker.share(kFra) > 0);
}

}  // namespace edgeward::controller
