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

/// Processor time of the thread when it last rested.
thread_local constinit std::int64_t rested_at_ns = 0;

std::int64_t worked_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

/// A thread that only waited for the processor meanwhile has nothing to rest from.
void rest(int) {
  const int error = errno;
  if (worked_ns() - rested_at_ns >= kWorkNs) {
    const timespec duration{.tv_sec = 0, .tv_nsec = kRestNs};
    ::nanosleep(&duration, nullptr);
    rested_at_ns = worked_ns();
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
  rested_at_ns = worked_ns();
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
