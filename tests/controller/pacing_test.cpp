#include "controller/service/pacing.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <ctime>
#include <optional>
#include <thread>

namespace edgeward::controller {

namespace {

/// The calling thread and no other processor than the one it is on.
void stay_here() {
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(static_cast<std::size_t>(::sched_getcpu()), &here);
  REQUIRE(::sched_setaffinity(0, sizeof here, &here) == 0);
}

/// Works for a tenth of a second of the processor's time, beside a thread that may always want the
/// same processor; how often the thread stepped aside meanwhile.
long rests_while_working(bool is_paced, bool is_shared) {
  long rests = 0;
  std::thread both([&] {
    stay_here();
    std::atomic<bool> is_over{!is_shared};
    std::thread other([&] {
      while (!is_over) {
      }
    });
    {
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
      const auto end = worked_ms() + 100;
      while (worked_ms() < end) {
      }
      CHECK(errno == EDOM);
      rusage after{};
      ::getrusage(RUSAGE_THREAD, &after);
      rests = after.ru_nvcsw - before.ru_nvcsw;
    }
    is_over = true;
    other.join();
  });
  both.join();
  return rests;
}

}  // namespace

TEST_CASE("a paced thread steps aside for who has work, and only while it is paced") {
  CHECK(rests_while_working(false, true) < 10);
  // A hundred milliseconds of work in pieces of 150 µs.
  CHECK(rests_while_working(true, true) > 100);
  CHECK(rests_while_working(false, true) < 10);
}

TEST_CASE("a paced thread works on once it has seen that no other has work") {
  CHECK(rests_while_working(true, false) < 100);
}

}  // namespace edgeward::controller
