#include "policy/edge_window.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>
#include <vector>

#include "cache/random.hpp"

namespace edgeward::policy {

namespace {

using cache::CacheEvent;
using cache::ContentId;

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kDayMs = 24 * kHourMs;

CacheEvent event(std::int64_t at_ms, std::uint64_t content, std::uint64_t size_bytes, bool is_hit) {
  return {.at_ms = at_ms,
          .edge = {},
          .content = ContentId{content},
          .size_bytes = size_bytes,
          .is_hit = is_hit};
}

/// Skewed requests over some days, in bursts and gaps, some of them late.
std::vector<CacheEvent> some_events(std::uint64_t seed, int count) {
  cache::Random random(seed);
  std::vector<CacheEvent> events;
  std::int64_t now_ms = static_cast<std::int64_t>(random.below(4)) * kDayMs - kDayMs;
  for (int i = 0; i < count; ++i) {
    now_ms += static_cast<std::int64_t>(random.below(60'000));
    if (random.below(500) == 0) now_ms += static_cast<std::int64_t>(random.below(30)) * kHourMs;
    const std::int64_t late_ms =
        random.below(10) == 0 ? static_cast<std::int64_t>(random.below(26)) * kHourMs : 0;
    const double skewed = random.unit() * random.unit() * random.unit();
    const auto content = static_cast<std::uint64_t>(skewed * 400);
    events.push_back(event(now_ms - late_ms, content, 10 + content, random.below(3) == 0));
  }
  return events;
}

std::int64_t floor_hour(std::int64_t at_ms) {
  return static_cast<std::int64_t>(std::floor(static_cast<double>(at_ms) / kHourMs));
}

/// All that was taken, looked through anew each time.
struct Remembered {
  std::vector<CacheEvent> events;
  std::uint64_t late = 0;

  void note(const CacheEvent& one) {
    std::int64_t newest = floor_hour(one.at_ms);
    for (const CacheEvent& each : events) newest = std::max(newest, floor_hour(each.at_ms));
    if (floor_hour(one.at_ms) + 24 <= newest) {
      ++late;
    } else {
      events.push_back(one);
    }
  }
  [[nodiscard]] bool counts(const CacheEvent& one, std::int64_t now_ms) const {
    const std::int64_t begin_ms = floor_hour(one.at_ms) * kHourMs;
    return begin_ms >= now_ms - kDayMs && begin_ms < now_ms;
  }
};

}  // namespace

TEST_CASE("a window counts the hours that began within the last day as a list of all would") {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    EdgeWindow window({.tracked_contents = 1000});
    Remembered all;
    cache::Random random(seed + 100);
    std::int64_t newest_ms = 0;
    for (const CacheEvent& one : some_events(seed, 3000)) {
      window.note(one);
      all.note(one);
      newest_ms = all.events.size() == 1 ? one.at_ms : std::max(newest_ms, one.at_ms);
      if (random.below(40) != 0) continue;
      // The last whole hour, a time within one, and later: what is old goes without being told.
      const std::vector<std::int64_t> times{
          newest_ms + 1, (floor_hour(newest_ms) + 1) * kHourMs,
          newest_ms + 1 + static_cast<std::int64_t>(random.below(30)) * kHourMs};
      for (const std::int64_t now_ms : times) {
        CAPTURE(seed, now_ms);
        RequestCounts counts;
        std::map<ContentId, std::uint64_t> misses;
        for (const CacheEvent& each : all.events) {
          if (!all.counts(each, now_ms)) continue;
          counts += {.requests = 1,
                     .hits = each.is_hit ? 1U : 0U,
                     .bytes = each.size_bytes,
                     .hit_bytes = each.is_hit ? each.size_bytes : 0};
          if (!each.is_hit) ++misses[each.content];
        }
        REQUIRE(window.counts(now_ms) == counts);
        std::vector<MissedContent> expected;
        for (const auto& [content, count] : misses) {
          if (count >= 5) expected.push_back({.content = content, .misses = count});
        }
        std::stable_sort(expected.begin(), expected.end(),
                         [](const auto& a, const auto& b) { return a.misses > b.misses; });
        for (MissedContent& each : expected) {
          each.size_bytes = 10 + static_cast<std::uint64_t>(each.content);
        }
        REQUIRE(window.missed(now_ms, 5) == expected);
      }
    }
    CHECK(window.late() == all.late);
    CHECK(window.uncounted(newest_ms) == 0);
  }
}

TEST_CASE("at a full hour the window is exactly a day") {
  EdgeWindow window;
  window.note(event(0, 1, 100, false));
  window.note(event(kHourMs, 1, 100, true));
  window.note(event(kDayMs - 1, 2, 50, false));
  CHECK(window.counts(kDayMs) ==
        RequestCounts{.requests = 3, .hits = 1, .bytes = 250, .hit_bytes = 100});
  CHECK(window.counts(kDayMs).hit_ratio() == 1.0 / 3);
  CHECK(window.counts(kDayMs).byte_hit_ratio() == 0.4);
  CHECK(window.missed(kDayMs, 1).size() == 2);
  // A moment later the first hour did not begin within a day.
  CHECK(window.counts(kDayMs + 1).requests == 2);
  CHECK(window.missed(kDayMs + 1, 1).size() == 1);
  CHECK(window.counts(2 * kDayMs).requests == 0);
  CHECK_FALSE(window.counts(2 * kDayMs).hit_ratio());
  CHECK_FALSE(EdgeWindow().counts(0).byte_hit_ratio());
}

TEST_CASE("hours are told in order and only those that had requests") {
  EdgeWindow window;
  for (const std::int64_t hour : {30, 28, 40, 30}) {
    window.note(event(hour * kHourMs + 5, 1, 2, hour == 28));
  }
  const std::vector<HourCounts> hours = window.hours(0, 41 * kHourMs);
  REQUIRE(hours.size() == 3);
  CHECK(hours[0] == HourCounts{28, {.requests = 1, .hits = 1, .bytes = 2, .hit_bytes = 2}});
  CHECK(hours[1] == HourCounts{30, {.requests = 2, .hits = 0, .bytes = 4, .hit_bytes = 0}});
  CHECK(hours[2].hour == 40);
  CHECK(window.hours(28 * kHourMs + 1, 40 * kHourMs).size() == 1);
  CHECK(window.hours(28 * kHourMs, 40 * kHourMs + 1).size() == 3);
}

TEST_CASE("a window that forgets states by how much it may be wrong") {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U}) {
    EdgeWindow window({.tracked_contents = 20});
    Remembered all;
    std::int64_t newest_ms = 0;
    std::uint64_t had_error = 0;
    for (const CacheEvent& one : some_events(seed, 4000)) {
      window.note(one);
      all.note(one);
      newest_ms = all.events.size() == 1 ? one.at_ms : std::max(newest_ms, one.at_ms);
      REQUIRE(window.size() <= 40);
      if (all.events.size() % 97 != 0) continue;
      const std::int64_t now_ms = newest_ms + 1;
      std::map<ContentId, std::uint64_t> misses;
      for (const CacheEvent& each : all.events) {
        if (!each.is_hit && all.counts(each, now_ms)) ++misses[each.content];
      }
      CAPTURE(seed, now_ms);
      for (const MissedContent& known : window.missed(now_ms, 1)) {
        REQUIRE(known.misses <= misses[known.content]);
        REQUIRE(known.misses + known.error >= misses[known.content]);
        had_error += known.error > 0 ? 1 : 0;
        misses.erase(known.content);
      }
      for (const auto& [content, count] : misses) REQUIRE(count <= window.uncounted(now_ms));
    }
    CHECK(had_error > 0);
    // After a day nothing of it is left.
    CHECK(window.uncounted(newest_ms + kDayMs + kHourMs) == 0);
  }
}

TEST_CASE("what is missed most is never forgotten") {
  EdgeWindow window({.tracked_contents = 50});
  cache::Random random(3);
  std::uint64_t often = 0;
  for (int i = 0; i < 50'000; ++i) {
    const bool is_often = i % 20 == 0;
    often += is_often ? 1 : 0;
    window.note(event(i * 1000, is_often ? 7 : 1000 + random.below(1'000'000), 1, false));
  }
  const std::vector<MissedContent> missed = window.missed(50'000'000, 5);
  REQUIRE_FALSE(missed.empty());
  CHECK(missed.front().content == ContentId{7});
  CHECK(missed.front().misses == often);
}

TEST_CASE("a saved window goes on as if it had never been saved") {
  EdgeWindow window({.tracked_contents = 30});
  const std::vector<CacheEvent> events = some_events(8, 4000);
  for (std::size_t i = 0; i < 2000; ++i) window.note(events[i]);
  const std::string saved = window.save();
  EdgeWindow restored({.tracked_contents = 30});
  REQUIRE(restored.restore(saved));
  CHECK(restored.save() == saved);
  for (std::size_t i = 2000; i < events.size(); ++i) {
    window.note(events[i]);
    restored.note(events[i]);
  }
  CHECK(restored.save() == window.save());

  std::string damaged = saved;
  damaged[damaged.size() / 2] ^= 1;
  CHECK_FALSE(restored.restore(damaged));
  CHECK_FALSE(restored.restore(saved.substr(0, saved.size() - 1)));
  CHECK_FALSE(restored.restore(""));
  CHECK(restored.save() == window.save());
  // A smaller one keeps what it has room for.
  EdgeWindow small({.tracked_contents = 5});
  REQUIRE(small.restore(saved));
  CHECK(small.size() <= 10);
}

}  // namespace edgeward::policy
