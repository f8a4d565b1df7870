#include "controller/service/pacing.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace edgeward::controller {

namespace {

/// How long a thread works between rests, and how long these are. Much shorter pieces are of no
/// use: each begins with cold caches and costs a signal, a timer and two switches, some 30 µs on a
/// virtual machine.
constexpr std::int64_t kWorkNs = 150'000;
constexpr std::int64_t kRestNs = 850'000;
/// How often it looks, where it works on, whether it still may.
constexpr std::int64_t kLookNs = 1'000'000;
/// Over how long it looks at what the process's other threads did, and what part of a processor's
/// time they may have used for it to work on.
constexpr std::int64_t kWindowNs = 10'000'000;
constexpr std::int64_t kBusyPart = 20;
/// What takes longer than so many times its own work has rested enough: on a machine whose
/// processors are all taken each rest ends when a scheduler says so, and a reload would never.
constexpr std::int64_t kTimesAsLongMax = 40;

std::int64_t read_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

/// The times that have passed by the clock, for this thread, and for the others of its process.
struct Times {
  std::int64_t at_ns = 0;
  std::int64_t own_ns = 0;
  std::int64_t others_ns = 0;

  [[nodiscard]] static Times now() {
    const std::int64_t own_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
    return {.at_ns = read_ns(CLOCK_MONOTONIC),
            .own_ns = own_ns,
            .others_ns = read_ns(CLOCK_PROCESS_CPUTIME_ID) - own_ns};
  }
};

/// Of the thread: its timer, when all of it began, when it last looked at the others, and what it
/// saw.
struct PacedWork {
  timer_t timer{};
  Times first;
  Times window;
  bool is_shared = true;
};
thread_local constinit PacedWork paced_work;

/// The end of the piece of work that begins is told by the signal.
bool begin_piece(std::int64_t ns) {
  const itimerspec times{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = ns}};
  return ::timer_settime(paced_work.timer, 0, &times, nullptr) == 0;
}

void rest(int) {
  const int error = errno;
  const Times now = Times::now();
  const std::int64_t looked_for_ns = now.at_ns - paced_work.window.at_ns;
  if (looked_for_ns >= kWindowNs) {
    const std::int64_t others_ns = now.others_ns - paced_work.window.others_ns;
    paced_work.is_shared = others_ns * kBusyPart > looked_for_ns;
    paced_work.window = now;
  }
  const bool may_rest =
      now.at_ns - paced_work.first.at_ns < kTimesAsLongMax * (now.own_ns - paced_work.first.own_ns);
  if (paced_work.is_shared && may_rest) {
    const timespec duration{.tv_sec = 0, .tv_nsec = kRestNs};
    ::nanosleep(&duration, nullptr);
  }
  (void)begin_piece(paced_work.is_shared ? kWorkNs : kLookNs);
  errno = error;
}

}  // namespace

Pacing::Pacing() {
  struct sigaction action {};
  action.sa_handler = rest;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  if (::sigaction(SIGRTMIN, &action, nullptr) != 0) return;
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGRTMIN;
  event._sigev_un._tid = ::gettid();
  if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) != 0) return;
  const Times now = Times::now();
  paced_work = {.timer = timer_, .first = now, .window = now};
  is_running_ = begin_piece(kWorkNs);
  if (!is_running_) ::timer_delete(timer_);
}

Pacing::~Pacing() {
  if (is_running_) ::timer_delete(timer_);
}

}  // namespace edgeward::controller
