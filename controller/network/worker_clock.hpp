#pragma once

#include <cstdint>
#include <ctime>

#include "controller/terminal.hpp"

namespace edgeward::controller {

/// One reading of the clock that nobody sets, which durations and deadlines are made of, tells the
/// wall clock's time too: how far that is off is found anew at each sync(). What has set the wall
/// clock is seen from then on. A reading is no system call and costs about 25 ns. One a worker.
class WorkerClock {
 public:
  WorkerClock() { sync(); }

  [[nodiscard]] static std::int64_t now_ns() { return read_ns(CLOCK_MONOTONIC); }
  [[nodiscard]] static std::int64_t now_ms() { return to_ms(now_ns()); }
  [[nodiscard]] static std::int64_t to_ms(std::int64_t ns) { return ns / 1'000'000; }
  /// Of a reading, ms since the epoch.
  [[nodiscard]] std::int64_t wall_ms(std::int64_t at_ns) const { return to_ms(at_ns + offset_ns_); }

  void sync() { offset_ns_ = controller::wall_ns() - now_ns(); }

 private:
  static std::int64_t read_ns(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  }

  std::int64_t offset_ns_ = 0;
};

}  // namespace edgeward::controller
