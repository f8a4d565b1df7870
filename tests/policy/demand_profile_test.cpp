#include "policy/demand_profile.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

#include "cache/random.hpp"

namespace edgeward::policy {

namespace {

constexpr std::int64_t kHourMs = 3'600'000;
constexpr std::int64_t kStartMs = 1'704'067'200'000;  // 2024-01-01T00:00:00Z, a Monday

/// Requests in an hour that many hours after the start: by day a wave, at weekends half.
double demand(std::int64_t hour) {
  const double wave = 100 - 60 * std::cos(2 * std::numbers::pi * static_cast<double>(hour) / 24);
  return hour % 168 >= 120 ? wave / 2 : wave;
}

template <class Demand>
DemandProfile learned(std::int64_t hours, Demand demand_of) {
  DemandProfile profile;
  for (std::int64_t hour = 0; hour < hours; ++hour) {
    for (const std::int64_t minute : {5, 25, 45}) {
      profile.note(kStartMs + hour * kHourMs + minute * 60'000, demand_of(hour) / 3);
    }
  }
  profile.advance(kStartMs + hours * kHourMs);
  return profile;
}

}  // namespace

TEST_CASE("a weekly pattern that was seen for three weeks is expected to go on") {
  const DemandProfile profile = learned(3 * 168, demand);
  for (std::int64_t hour = 3 * 168; hour < 4 * 168; hour += 5) {
    const auto expected =
        profile.expected(kStartMs + hour * kHourMs, kStartMs + (hour + 1) * kHourMs);
    REQUIRE(expected);
    CAPTURE(hour, *expected, demand(hour));
    CHECK(*expected == Approx(demand(hour)).epsilon(0.25));
  }
  const auto week = profile.expected(kStartMs + 3 * 168 * kHourMs, kStartMs + 4 * 168 * kHourMs);
  double sum = 0;
  for (std::int64_t hour = 0; hour < 168; ++hour) sum += demand(hour);
  CHECK(*week == Approx(sum).epsilon(0.1));
}

TEST_CASE("a constant demand is expected to stay what it is") {
  const DemandProfile profile = learned(200, [](std::int64_t) { return 30.0; });
  const std::int64_t from_ms = kStartMs + 200 * kHourMs;
  CHECK(*profile.expected(from_ms, from_ms + 24 * kHourMs) == Approx(24 * 30).epsilon(0.02));
  CHECK(*profile.expected(from_ms, from_ms + kHourMs / 2) == Approx(15).epsilon(0.02));
}

TEST_CASE("expectations grow with the demand and are never negative") {
  const auto once = learned(400, demand);
  const auto tenfold = learned(400, [](std::int64_t hour) { return 10 * demand(hour); });
  const auto falling = learned(
      400, [](std::int64_t hour) { return std::max(1000.0 - 5 * static_cast<double>(hour), 0.0); });
  for (std::int64_t ahead = 0; ahead < 48; ++ahead) {
    const std::int64_t from_ms = kStartMs + (400 + ahead) * kHourMs;
    const double expected = *once.expected(from_ms, from_ms + kHourMs);
    CHECK(*tenfold.expected(from_ms, from_ms + kHourMs) == Approx(10 * expected));
    CHECK(*falling.expected(from_ms, from_ms + kHourMs) >= 0);
  }
}

TEST_CASE("a burst raises the next hours at most threefold and fades") {
  DemandProfile profile = learned(300, [](std::int64_t) { return 100.0; });
  for (std::int64_t hour = 300; hour < 303; ++hour) {
    profile.note(kStartMs + hour * kHourMs, 2000);
  }
  const std::int64_t now_ms = kStartMs + 303 * kHourMs;
  profile.advance(now_ms);
  const double next = *profile.expected(now_ms, now_ms + kHourMs);
  const double tomorrow = *profile.expected(now_ms + 30 * kHourMs, now_ms + 31 * kHourMs);
  CHECK(next > 150);
  CHECK(next < 3 * 400);
  CHECK(tomorrow < next);
}

TEST_CASE("intervals hold four hours of five a while after they began") {
  for (const double noise : {0.05, 0.3}) {
    cache::Random random(3);
    DemandProfile profile;
    int inside = 0;
    int inside_a_day_ahead = 0;
    int count = 0;
    std::array<DemandProfile::Expectation, 24> day_ahead{};
    for (std::int64_t hour = 0; hour < 8 * 168; ++hour) {
      const std::int64_t at_ms = kStartMs + hour * kHourMs;
      const double amount = demand(hour) * (1 + noise * (2 * random.unit() - 1));
      if (hour >= 2 * 168) {
        const auto next = *profile.hour(at_ms);
        const auto before = day_ahead[static_cast<std::size_t>(hour % 24)];
        inside += next.low <= amount && amount <= next.high ? 1 : 0;
        inside_a_day_ahead += before.low <= amount && amount <= before.high ? 1 : 0;
        ++count;
        REQUIRE(next.low >= 0);
        REQUIRE(next.low <= next.expected);
        REQUIRE(next.expected <= next.high);
      }
      profile.note(at_ms, amount);
      profile.advance(at_ms + kHourMs);
      day_ahead[static_cast<std::size_t>(hour % 24)] = *profile.hour(at_ms + 24 * kHourMs);
    }
    CAPTURE(noise, inside, inside_a_day_ahead, count);
    CHECK(static_cast<double>(inside) / count == Approx(0.8).margin(0.05));
    CHECK(static_cast<double>(inside_a_day_ahead) / count == Approx(0.8).margin(0.05));
  }
}

TEST_CASE("off-peak hours are those of least demand and unknown on the first day") {
  const DemandProfile short_one = learned(20, demand);
  CHECK_FALSE(short_one.is_off_peak(kStartMs + 20 * kHourMs, 8));
  const DemandProfile profile = learned(5 * 24, demand);
  const std::int64_t midnight_ms = kStartMs + 7 * 24 * kHourMs;
  int off_peak = 0;
  for (int hour = 0; hour < 24; ++hour) {
    off_peak += *profile.is_off_peak(midnight_ms + hour * kHourMs, 8) ? 1 : 0;
  }
  CHECK(off_peak == 8);
  CHECK(*profile.is_off_peak(midnight_ms, 8));
  CHECK_FALSE(*profile.is_off_peak(midnight_ms + 12 * kHourMs, 8));
}

TEST_CASE("nothing is expected of an edge that nobody asked for anything") {
  DemandProfile profile;
  profile.advance(kStartMs);
  CHECK_FALSE(profile.expected(kStartMs, kStartMs + kHourMs));
  profile.note(kStartMs, 1);
  CHECK_FALSE(profile.expected(kStartMs, kStartMs + kHourMs));
  // A silence of years passes in no time.
  profile.advance(kStartMs + 100'000 * kHourMs);
  CHECK(*profile.expected(kStartMs + 100'000 * kHourMs, kStartMs + 100'001 * kHourMs) ==
        Approx(0).margin(0.01));
}

TEST_CASE("a profile that was saved goes on as if nothing had been") {
  const DemandProfile profile = learned(250, demand);
  const std::string saved = profile.save();
  DemandProfile restored;
  REQUIRE(restored.restore(saved));
  const std::int64_t from_ms = kStartMs + 250 * kHourMs;
  CHECK(*restored.expected(from_ms, from_ms + 48 * kHourMs) ==
        *profile.expected(from_ms, from_ms + 48 * kHourMs));
  cache::Random random(1);
  for (int i = 0; i < 200; ++i) {
    std::string damaged = saved;
    damaged[random.below(damaged.size())] ^= static_cast<char>(1 + random.below(255));
    CHECK_FALSE(DemandProfile().restore(damaged));
    CHECK_FALSE(DemandProfile().restore(saved.substr(0, random.below(saved.size()))));
  }
}

}  // namespace edgeward::policy
