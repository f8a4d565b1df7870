#include "controller/network/shedder.hpp"

#include <catch2/catch.hpp>

namespace edgeward::controller {

namespace {

void pass_interval(Shedder& shedder, std::int64_t delay_ms) {
  for (unsigned i = 0; i < Shedder::kInterval; ++i) shedder.note(delay_ms);
}

int refused_of(Shedder& shedder, int requests) {
  int refused = 0;
  for (int i = 0; i < requests; ++i) refused += shedder.sheds() ? 1 : 0;
  return refused;
}

}  // namespace

TEST_CASE("who is late for as long as it lasts refuses more and more, and less when it is over") {
  Shedder shedder(100);
  CHECK(refused_of(shedder, 1000) == 0);
  pass_interval(shedder, 150);
  const int first = refused_of(shedder, 1000);
  CHECK(first > 100);
  CHECK(first < 200);
  int last = first;
  for (int i = 0; i < 20; ++i) {
    pass_interval(shedder, 150);
    const int refused = refused_of(shedder, 1000);
    CHECK(refused >= last - 1);
    last = refused;
  }
  // Never all: else nobody would see the end of it.
  CHECK(last >= 940);
  CHECK(last <= 960);
  for (int i = 0; i < 30; ++i) pass_interval(shedder, 99);
  CHECK(refused_of(shedder, 1000) == 0);
}

TEST_CASE("one moment without delay is no overload") {
  Shedder shedder(100);
  for (int i = 0; i < 50; ++i) {
    for (unsigned at = 0; at < Shedder::kInterval; ++at) shedder.note(at == 3 ? 0 : 5000);
  }
  CHECK(refused_of(shedder, 1000) == 0);
}

TEST_CASE("without a limit nothing is refused") {
  Shedder shedder(0);
  for (int i = 0; i < 50; ++i) pass_interval(shedder, 100'000);
  CHECK(refused_of(shedder, 1000) == 0);
}

}  // namespace edgeward::controller
