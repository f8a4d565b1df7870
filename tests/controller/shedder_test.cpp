#include "controller/network/shedder.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace edgeward::controller {

namespace {

constexpr int kConnections = 1000;

/// A service's time, in which measurements of that delay follow one another.
class Passing {
 public:
  explicit Passing(std::int64_t delay_max_ms) : shedder(delay_max_ms) {
    for (int i = 0; i < kConnections; ++i) lots.push_back(shedder.draw());
  }

  void measure(std::int64_t delay_ms) {
    now_ms += Shedder::kMeasureEveryMs;
    shedder.begin(now_ms);
    now_ms += delay_ms;
    shedder.end(now_ms);
  }
  void measure_for(std::int64_t time_ms, std::int64_t delay_ms) {
    for (const std::int64_t end_ms = now_ms + time_ms; now_ms < end_ms;) measure(delay_ms);
  }
  [[nodiscard]] int refused() const {
    int count = 0;
    for (const double lot : lots) count += shedder.sheds(lot) ? 1 : 0;
    return count;
  }

  Shedder shedder;
  std::vector<double> lots;
  std::int64_t now_ms = 1'000'000;
};

}  // namespace

TEST_CASE("who is late for as long as it lasts refuses more and more, and less when it is over") {
  Passing service(100);
  CHECK(service.refused() == 0);
  service.measure_for(400, 150);
  const int first = service.refused();
  CHECK(first > 100);
  CHECK(first < 500);
  int last = first;
  for (int i = 0; i < 20; ++i) {
    service.measure_for(400, 150);
    const int refused = service.refused();
    CHECK(refused >= last - 2);
    last = refused;
  }
  // Never all: else nobody would see the end of it.
  CHECK(last >= 940);
  CHECK(last <= 960);
  service.measure_for(3000, 99);
  CHECK(service.refused() == 0);
}

TEST_CASE("one moment without delay is no overload, and neither is one long task") {
  Passing service(100);
  for (int i = 0; i < 50; ++i) {
    service.measure(150);
    service.measure(0);
  }
  for (int i = 0; i < 50; ++i) {
    service.shedder.begin(service.now_ms += Shedder::kMeasureEveryMs);
    service.now_ms += 5000;
    service.shedder.pass(service.now_ms);
    service.shedder.end(++service.now_ms);
    service.measure_for(200, 0);
  }
  CHECK(service.refused() == 0);
}

TEST_CASE("what takes too long counts before it has ended") {
  Passing service(100);
  service.shedder.begin(service.now_ms);
  for (std::int64_t late_ms = 0; late_ms <= 100; late_ms += 5) {
    service.shedder.pass(service.now_ms + late_ms);
  }
  CHECK(service.refused() == 0);
  for (std::int64_t late_ms = 100; late_ms <= 1000; late_ms += 5) {
    service.shedder.pass(service.now_ms + late_ms);
  }
  CHECK(service.refused() > 300);
}

TEST_CASE("what is measured no more is not late") {
  Passing service(100);
  service.shedder.begin(service.now_ms);
  service.shedder.cease();
  for (int i = 0; i < 100; ++i) service.shedder.pass(service.now_ms += 100);
  CHECK(service.refused() == 0);
}

TEST_CASE("while the delay falls no more are refused than are already") {
  Passing service(100);
  service.measure_for(2000, 1000);
  const double part = service.shedder.part();
  REQUIRE(part > 0.5);
  REQUIRE(part < 0.94);
  for (const std::int64_t delay_ms : {700, 480, 330, 230, 160, 110}) {
    service.measure(delay_ms);
    service.measure(delay_ms);
    CHECK(service.shedder.part() <= part + 0.2);
  }
}

TEST_CASE("who is refused stays so for a second, then it is others' turn") {
  Passing service(100);
  while (service.shedder.part() < 0.4) service.measure(150);
  std::vector<bool> before;
  for (const double lot : service.lots) before.push_back(service.shedder.sheds(lot));
  const double part = service.shedder.part();
  service.now_ms += 1000;
  service.measure(0);
  REQUIRE(service.shedder.part() == part);
  int both = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    both += before[i] && service.shedder.sheds(service.lots[i]) ? 1 : 0;
  }
  CHECK(both < service.refused() / 2);
}

TEST_CASE("without a limit nobody is refused") {
  Passing service(0);
  service.measure_for(100'000, 10'000);
  service.shedder.begin(service.now_ms);
  for (int i = 0; i < 100; ++i) service.shedder.pass(service.now_ms += 1000);
  CHECK(service.refused() == 0);
}

}  // namespace edgeward::controller
