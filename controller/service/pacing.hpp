#pragma once

#include <ctime>

namespace edgeward::controller {

/// While it lives the calling thread, when it has worked for a tenth of a millisecond, rests as
/// long: whoever shares its processor waits no longer than that, where a scheduler would let a
/// thread of any priority work from one of its clock's ticks to the next, milliseconds. Work takes
/// several times as long, since timers and waking cost too. One a thread; of its own accord it does
/// nothing to system calls but make them start again (SA_RESTART). Takes the signal SIGRTMIN.
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
