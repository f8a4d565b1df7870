#pragma once

#include <ctime>

namespace edgeward::controller {

/// While it lives the calling thread, where the process's other threads have work, rests after each
/// 150 µs of its own for most of a millisecond: who shares its processor waits little longer than
/// that, where a scheduler would let a thread of any priority work from one of its clock's ticks to
/// the next, milliseconds. Where the others used less than a twentieth of a processor in the last
/// 10 ms, it works on. Nor does it rest once all has taken forty times as long as the work in it.
/// One a thread; system calls are made to start again (SA_RESTART). Takes the signal SIGRTMIN.
class Pacing {
 public:
  /// Without a timer to be had the thread works on.
  Pacing();
  ~Pacing();
  Pacing(const Pacing&) = delete;
  Pacing& operator=(const Pacing&) = delete;

 private:
  timer_t timer_{};
  bool is_running_ = false;
};

}  // namespace edgeward::controller
