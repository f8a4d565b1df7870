#include "controller/network/shedder.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <deque>
#include <vector>

namespace edgeward::controller {

namespace {

constexpr int kConnections = 1000;
constexpr double kCapacity = 1;  ///< of work, in the time it takes

/// A service with a queue, first come, first served: of what is asked, the part that is not refused
/// waits behind what is there. Time passes in steps of a millisecond.
class Service {
 public:
  explicit Service(std::int64_t delay_max_ms) : shedder(delay_max_ms) {
    for (int i = 0; i < kConnections; ++i) lots.push_back(shedder.draw());
  }

  /// `asked`: work a millisecond.
  void pass(std::int64_t time_ms, double asked) {
    for (const std::int64_t end_ms = now_ms + time_ms; now_ms < end_ms; ++now_ms) {
      measure();
      queued_ms += asked * (1 - shedder.part());
      const double done = std::min(queued_ms, kCapacity);
      queued_ms -= done;
      done_ms += done;
      worst_ms = std::max(worst_ms, queued_ms);
    }
  }
  /// Nothing is done meanwhile, nor measured.
  void stand_still(std::int64_t time_ms, double asked) {
    queued_ms += asked * static_cast<double>(time_ms);
    for (Measured& measured : under_way) measured.ready_ms += time_ms;
    now_ms += time_ms;
  }
  [[nodiscard]] int refused() const {
    return static_cast<int>(
        std::count_if(lots.begin(), lots.end(), [this](double lot) { return shedder.sheds(lot); }));
  }

  Shedder shedder;
  std::vector<double> lots;
  std::int64_t now_ms = 1'000'000;
  double queued_ms = 0;
  double worst_ms = 0;
  double done_ms = 0;

 private:
  struct Measured {
    std::size_t number = 0;
    std::int64_t ready_ms = 0;
  };

  void measure() {
    while (!under_way.empty() && under_way.front().ready_ms <= now_ms) {
      shedder.end(under_way.front().number, now_ms);
      under_way.pop_front();
    }
    if (now_ms < next_ms) return;
    next_ms = now_ms + Shedder::kMeasureEveryMs;
    if (const auto number = shedder.begin(now_ms)) {
      under_way.push_back({*number, now_ms + static_cast<std::int64_t>(queued_ms)});
    }
  }

  std::deque<Measured> under_way;
  std::int64_t next_ms = 0;
};

}  // namespace

TEST_CASE("what is accepted waits as long as it may however much is asked for") {
  for (const double asked : {1.05, 1.5, 2.0, 3.0, 5.0}) {
    CAPTURE(asked);
    Service service(100);
    service.pass(1000, asked);
    CHECK(service.worst_ms < (asked > 2 ? 500 * (asked - 1) : 250));
    service.pass(3000, asked);
    service.worst_ms = 0;
    service.done_ms = 0;
    service.pass(20'000, asked);
    CHECK(service.worst_ms < 200);
    CHECK(service.done_ms > 0.9 * 20'000);
  }
}

TEST_CASE("a flood of ten times as much is worked off and waits no longer than others then") {
  Service service(100);
  service.pass(1000, 10);
  CHECK(service.worst_ms < 6000);
  service.pass(25'000, 10);
  service.worst_ms = 0;
  service.pass(10'000, 10);
  CHECK(service.worst_ms < 200);
}

TEST_CASE("nobody is refused any more soon after there was too much") {
  Service service(100);
  service.pass(5000, 2);
  REQUIRE(service.refused() > 400);
  service.pass(3500, 0.5);
  CHECK(service.refused() == 0);
}

TEST_CASE("who can do what is asked refuses nobody, whatever it stands still") {
  for (const double asked : {0.1, 0.5, 0.8}) {
    for (const std::int64_t still_ms : {50, 150, 400}) {
      CAPTURE(asked, still_ms);
      Service service(100);
      for (int i = 0; i < 5; ++i) {
        service.pass(3000, asked);
        service.stand_still(still_ms, asked);
        for (int moment = 0; moment < 300; ++moment) {
          service.pass(10, asked);
          REQUIRE(service.refused() == 0);
        }
      }
    }
  }
}

TEST_CASE("never are all refused, so that the end of it is noticed") {
  Service service(100);
  service.pass(20'000, 1000);
  CHECK(service.refused() >= 940);
  CHECK(service.refused() <= 960);
}

TEST_CASE("who is refused stays so for a second, then it is others' turn") {
  Service service(100);
  service.pass(10'000, 4);
  service.pass(1000 - service.now_ms % 1000 + 10, 4);
  const auto now_refused = [&] {
    std::vector<bool> each;
    for (const double lot : service.lots) each.push_back(service.shedder.sheds(lot));
    return each;
  };
  const std::vector<bool> before = now_refused();
  const auto both = [&] {
    const std::vector<bool> after = now_refused();
    int count = 0;
    for (std::size_t i = 0; i < before.size(); ++i) count += before[i] && after[i] ? 1 : 0;
    return count;
  };
  const auto refused_before = static_cast<int>(std::count(before.begin(), before.end(), true));
  REQUIRE(refused_before > kConnections / 2);
  service.pass(950, 4);
  CHECK(both() > std::min(service.refused(), refused_before) * 9 / 10);
  service.pass(100, 4);
  CHECK(both() < std::min(service.refused(), refused_before) * 9 / 10);
}

TEST_CASE("no more is measured at once than there are numbers") {
  Shedder shedder(100);
  std::vector<bool> taken(Shedder::kUnderWayMax);
  for (std::size_t i = 0; i < taken.size(); ++i) {
    const auto number = shedder.begin(1000);
    REQUIRE(number);
    REQUIRE_FALSE(taken.at(*number));
    taken[*number] = true;
  }
  CHECK_FALSE(shedder.begin(1020));
  shedder.end(3, 1030);
  CHECK(shedder.begin(1040) == 3U);
}

TEST_CASE("without a limit nobody is refused") {
  Service service(0);
  service.pass(20'000, 10);
  CHECK(service.refused() == 0);
}

}  // namespace edgeward::controller
