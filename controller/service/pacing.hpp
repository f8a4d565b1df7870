#pragma once

#include <ctime>

namespace edgeward::controller {

/// While it lives the calling thread, where others want its processor, rests after each 40 µs of
/// work: they wait little longer than that, where a scheduler would let a thread of any priority
/// work from one of its clock's ticks to the next, milliseconds. Where nobody else is, it works on;
/// which of the two it is shows by how long it had to wait itself. Nor does it rest once all has
/// taken forty times as long as the work in it. One a thread; system calls are made to start again
/// (SA_RESTART). Takes the signal SIGRTMIN.
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
