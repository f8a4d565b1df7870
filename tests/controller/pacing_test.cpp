#include "controller/service/pacing.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <ctime>
#include <optional>
#include <thread>

namespace edgeward::controller {

namespace {

/// Works for so long of the processor's time; how often the thread stepped aside meanwhile.
long rests_while_working(bool is_paced) {
  long rests = 0;
  std::thread worker([&] {
    std::optional<Pacing> pacing;
    if (is_paced) pacing.emplace();
    const auto worked_ms = [] {
      timespec now{};
      ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
      return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
    };
    rusage before{};
    ::getrusage(RUSAGE_THREAD, &before);
    errno = EDOM;
    const auto end = worked_ms() + 60;
    while (worked_ms() < end) {
    }
    CHECK(errno == EDOM);
    rusage after{};
    ::getrusage(RUSAGE_THREAD, &after);
    rests = after.ru_nvcsw - before.ru_nvcsw;
  });
  worker.join();
  return rests;
}

}  // namespace

TEST_CASE(
    "a paced thread steps aside every fraction of a millisecond, and only while it is paced") {
  CHECK(rests_while_working(false) < 10);
  const long rests = rests_while_working(true);
  // Sixty milliseconds of work in pieces of a tenth; a busy machine delays timers, not work.
  CHECK(rests > 120);
  CHECK(rests < 1200);
  CHECK(rests_while_working(false) < 10);
}

}  // namespace edgeward::controller
