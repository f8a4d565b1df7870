#include "controller/service/pacing.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace edgeward::controller {

namespace {

constexpr std::int64_t kLookNs = 50'000;
constexpr std::int64_t kWorkNs = 90'000;
constexpr std::int64_t kRestNs = 100'000;
/// Timers and waking are this late on a processor that nobody else wants.
constexpr std::int64_t kLateNs = 300'000;
/// For so long after it had to wait for the processor the thread takes it for shared.
constexpr std::int64_t kSharedNs = 20'000'000;

std::int64_t read_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

/// What takes longer than so many times its own work has rested enough: on a machine whose
/// processors are all taken each rest ends when a scheduler says so, and a reload would never.
constexpr std::int64_t kTimesAsLongMax = 10;

/// Of the thread: when the piece of work under way began, by its processor time and by the clock,
/// until when the processor counts as shared, and when all of it began.
struct WorkPiece {
  std::int64_t worked_ns = 0;
  std::int64_t at_ns = 0;
  std::int64_t shared_until_ns = 0;
  std::int64_t first_worked_ns = 0;
  std::int64_t first_at_ns = 0;
};
thread_local constinit WorkPiece work_piece;

void begin_piece() {
  work_piece.worked_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
  work_piece.at_ns = read_ns(CLOCK_MONOTONIC);
}

void rest(int) {
  const int error = errno;
  const std::int64_t worked_ns = read_ns(CLOCK_THREAD_CPUTIME_ID) - work_piece.worked_ns;
  if (worked_ns >= kWorkNs) {
    const std::int64_t now_ns = read_ns(CLOCK_MONOTONIC);
    std::int64_t waited_ns = now_ns - work_piece.at_ns - worked_ns;
    const std::int64_t all_ns = work_piece.worked_ns + worked_ns - work_piece.first_worked_ns;
    const bool may_rest = now_ns - work_piece.first_at_ns < kTimesAsLongMax * all_ns;
    if (may_rest && now_ns < work_piece.shared_until_ns) {
      const timespec duration{.tv_sec = 0, .tv_nsec = kRestNs};
      ::nanosleep(&duration, nullptr);
      waited_ns += read_ns(CLOCK_MONOTONIC) - now_ns - kRestNs;
    }
    if (waited_ns > kLateNs) work_piece.shared_until_ns = now_ns + kSharedNs;
    begin_piece();
  }
  errno = error;
}

}  // namespace

Pacing::Pacing() {
  struct sigaction action {};
  action.sa_handler = rest;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (::sigaction(SIGRTMIN, &action, nullptr) != 0) return;
  begin_piece();
  work_piece.first_worked_ns = work_piece.worked_ns;
  work_piece.first_at_ns = work_piece.at_ns;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGRTMIN;
  event._sigev_un._tid = ::gettid();
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
  const timespec interval{.tv_sec = 0, .tv_nsec = kLookNs};
  const itimerspec times{.it_interval = interval, .it_value = interval};
  is_running_ = ::timer_settime(timer_, 0, &times, nullptr) == 0;
  if (!is_running_) ::timer_delete(timer_);
}

Pacing::~Pacing() {
  if (is_running_) ::timer_delete(timer_);
}

}  // namespace edgeward::controller
