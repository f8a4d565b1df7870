#include "controller/service/state_table.hpp"

#include <catch2/catch.hpp>

namespace edgeward::controller {

namespace {

using cache::EdgeId;
using cache::EdgeMode;

constexpr EdgeId kEdge{0};
constexpr StateRules kRules{.silent_after_ms = 15'000, .recovery_hold_ms = 10'000};

StateReport report(EdgeMode mode, double load = 0.25) {
  return {.edge = "a", .load_ratio = load, .mode = mode};
}

EdgeMode mode(StateTable& table, std::int64_t now_ms) {
  table.advance(now_ms);
  return table.states(now_ms)[0].mode;
}

}  // namespace

TEST_CASE("an edge that never reported is unknown, or what the operator says it is") {
  StateTable table(1, kRules);
  CHECK(mode(table, 0) == EdgeMode::unknown);
  StateRules trusting = kRules;
  trusting.is_silent_ready = true;
  StateTable other(1, trusting);
  CHECK(mode(other, 1'000'000) == EdgeMode::ready);
  CHECK(other.states(1'000'000)[0].seen_at_ms == 1'000'000);
}

TEST_CASE("the first report counts at once, with what it says") {
  StateTable table(1, kRules);
  StateReport first = report(EdgeMode::ready, 0.5);
  first.bandwidth_used_bps = 7'000'000'000;
  CHECK(table.report(kEdge, first, 1000));
  CHECK(mode(table, 1000) == EdgeMode::ready);
  CHECK(table.states(1000)[0].load_ratio == 0.5);
  CHECK(table.states(1000)[0].bandwidth_used_bps == 7'000'000'000);
  CHECK(table.states(2000)[0].seen_at_ms == 1000);
}

TEST_CASE("a report that is older than the last changes nothing") {
  StateTable table(1, kRules);
  StateReport numbered = report(EdgeMode::ready, 0.5);
  numbered.seq = 7;
  CHECK(table.report(kEdge, numbered, 0));
  StateReport late = report(EdgeMode::down);
  late.seq = 6;
  CHECK_FALSE(table.report(kEdge, late, 1));
  CHECK(mode(table, 1) == EdgeMode::ready);
  CHECK(table.report(kEdge, numbered, 2));  // sent again
}

TEST_CASE("an edge that was away is back after it was ready for a while") {
  StateTable table(1, kRules);
  table.report(kEdge, report(EdgeMode::ready), 0);
  table.report(kEdge, report(EdgeMode::down), 1000);
  CHECK(mode(table, 1000) == EdgeMode::down);
  table.report(kEdge, report(EdgeMode::ready), 2000);
  CHECK(mode(table, 2000) == EdgeMode::unknown);
  table.report(kEdge, report(EdgeMode::ready), 11'000);
  CHECK(mode(table, 11'999) == EdgeMode::unknown);
  CHECK(mode(table, 12'000) == EdgeMode::ready);
}

TEST_CASE("silence is absence, and a report after it begins the wait anew") {
  StateTable table(1, kRules);
  table.report(kEdge, report(EdgeMode::ready), 0);
  CHECK(mode(table, 15'000) == EdgeMode::ready);
  CHECK(mode(table, 15'001) == EdgeMode::unknown);
  table.report(kEdge, report(EdgeMode::ready), 40'000);
  CHECK(mode(table, 40'000) == EdgeMode::unknown);
  table.report(kEdge, report(EdgeMode::ready), 50'000);
  CHECK(mode(table, 50'000) == EdgeMode::ready);
}

TEST_CASE("an edge that comes and goes changes its routes at most twice in 30 s") {
  for (const std::int64_t half_ms : {1000, 3000, 5000, 9000, 12'000, 14'000}) {
    StateTable table(1, {.silent_after_ms = 15'000, .recovery_hold_ms = 15'000});
    std::vector<std::int64_t> changes;
    EdgeMode before = EdgeMode::ready;
    table.report(kEdge, report(EdgeMode::ready), 0);
    for (std::int64_t now_ms = 0; now_ms < 300'000; now_ms += 1000) {
      const bool is_up = now_ms / half_ms % 2 == 0;
      table.report(kEdge, report(is_up ? EdgeMode::ready : EdgeMode::down), now_ms);
      // Down and not-yet-back are the same to routing: no candidate.
      const EdgeMode now =
          mode(table, now_ms) == EdgeMode::ready ? EdgeMode::ready : EdgeMode::down;
      if (now != before) changes.push_back(now_ms);
      before = now;
    }
    INFO("half a period: " << half_ms << " ms");
    CHECK(changes.size() >= 1);
    for (std::size_t i = 2; i < changes.size(); ++i) CHECK(changes[i] - changes[i - 2] >= 30'000);
  }
}

TEST_CASE("what the operator drains stays drained, whatever it reports") {
  StateTable table(1, kRules);
  table.report(kEdge, report(EdgeMode::ready), 0);
  table.set_drained(kEdge, true, 1);
  table.report(kEdge, report(EdgeMode::ready), 1);
  CHECK(mode(table, 1) == EdgeMode::drain);
  table.set_drained(kEdge, false, 2);
  CHECK(mode(table, 2) == EdgeMode::ready);
}

TEST_CASE("an edge that is taken back gets a growing part of its clients") {
  StateTable table(2, {.silent_after_ms = 1000, .recovery_hold_ms = 0, .slow_start_ms = 10'000});
  const auto part = [&](std::int64_t now_ms, std::size_t edge = 0) {
    return table.states(now_ms)[edge].admit_ratio;
  };
  std::int64_t now_ms = 1'000'000;
  const auto pass = [&](EdgeMode mode) {
    now_ms += 500;
    table.report(kEdge, report(mode), now_ms);
    table.report(cache::EdgeId{1}, report(EdgeMode::ready), now_ms);
    table.advance(now_ms);
  };
  // One that was never away has nothing to come back from.
  pass(EdgeMode::ready);
  CHECK(part(now_ms) == 1);
  pass(EdgeMode::down);
  pass(EdgeMode::ready);
  CHECK(mode(table, now_ms) == EdgeMode::ready);
  const std::int64_t back_ms = now_ms;
  double before = 0;
  while (now_ms < back_ms + 9'500) {
    CHECK(part(now_ms) >= before);
    CHECK(part(now_ms) > 0);
    CHECK(part(now_ms) <= 0.05 + static_cast<double>(now_ms - back_ms) / 10'000);
    CHECK(part(now_ms, 1) == 1);
    before = part(now_ms);
    pass(EdgeMode::ready);
  }
  CHECK(before > 0.8);
  while (now_ms < back_ms + 10'000) pass(EdgeMode::ready);
  CHECK(part(now_ms) == 1);
  table.set_drained(kEdge, true, now_ms);
  table.set_drained(kEdge, false, now_ms);
  CHECK(part(now_ms) < 0.1);
}

}  // namespace edgeward::controller
