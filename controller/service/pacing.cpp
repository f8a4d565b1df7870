#include "controller/service/pacing.hpp"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>

namespace edgeward::controller {

namespace {

/// How long a thread works before it looks whether others want its processor, and how long where
/// they do before it rests: a look costs some microseconds, most of all on a virtual machine.
constexpr std::int64_t kLookNs = 200'000;
constexpr std::int64_t kWorkNs = 40'000;
constexpr std::int64_t kRestNs = 200'000;
constexpr std::uint64_t kTurnNs = 100'000;  ///< the shortest that Linux grants
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
constexpr std::int64_t kTimesAsLongMax = 40;

/// Of the thread: its timer; when the piece of work under way began, by its processor time and by
/// the clock; until when the processor counts as shared; and when all of it began.
struct WorkPiece {
  timer_t timer{};
  std::int64_t worked_ns = 0;
  std::int64_t at_ns = 0;
  std::int64_t shared_until_ns = 0;
  std::int64_t first_worked_ns = 0;
  std::int64_t first_at_ns = 0;
};
thread_local constinit WorkPiece work_piece;

/// Begins a piece of work; its end is told by the signal.
bool begin_piece() {
  work_piece.worked_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
  work_piece.at_ns = read_ns(CLOCK_MONOTONIC);
  const bool is_shared = work_piece.at_ns < work_piece.shared_until_ns;
  const itimerspec times{.it_interval = {},
                         .it_value = {.tv_sec = 0, .tv_nsec = is_shared ? kWorkNs : kLookNs}};
  return ::timer_settime(work_piece.timer, 0, &times, nullptr) == 0;
}

void rest(int) {
  const int error = errno;
  const std::int64_t now_ns = read_ns(CLOCK_MONOTONIC);
  const std::int64_t worked_ns = read_ns(CLOCK_THREAD_CPUTIME_ID) - work_piece.worked_ns;
  std::int64_t waited_ns = now_ns - work_piece.at_ns - worked_ns;
  const std::int64_t all_ns = work_piece.worked_ns + worked_ns - work_piece.first_worked_ns;
  const bool may_rest = now_ns - work_piece.first_at_ns < kTimesAsLongMax * all_ns;
  if (may_rest && now_ns < work_piece.shared_until_ns) {
    const timespec duration{.tv_sec = 0, .tv_nsec = kRestNs};
    ::nanosleep(&duration, nullptr);
    waited_ns += read_ns(CLOCK_MONOTONIC) - now_ns - kRestNs;
  }
  if (waited_ns > kLateNs) work_piece.shared_until_ns = now_ns + kSharedNs;
  (void)begin_piece();
  errno = error;
}

/// What sched_setattr(2) takes, for which glibc 2.36 has no declaration.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

/// How long the thread works before others get their turn; 0: as long as any. Who asks for short
/// turns has them soon after it wakes (EEVDF: Stoica and Abdel-Wahab, 1995), so that work with
/// rests in it gets on. Linux before 6.12 takes no notice.
void ask_for_turns_of(std::uint64_t ns) {
  SchedulingAttributes attributes;
  if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  if (attributes.policy != SCHED_OTHER) return;
  attributes.runtime_ns = ns;
  (void)::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace

Pacing::Pacing() {
  ask_for_turns_of(kTurnNs);
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
  work_piece = {.timer = timer_};
  work_piece.first_worked_ns = read_ns(CLOCK_THREAD_CPUTIME_ID);
  work_piece.first_at_ns = read_ns(CLOCK_MONOTONIC);
  is_running_ = begin_piece();
  if (!is_running_) ::timer_delete(timer_);
}

Pacing::~Pacing() {
  ask_for_turns_of(0);  // as long as others'
  if (is_running_) ::timer_delete(timer_);
}

}  // namespace edgeward::controller
