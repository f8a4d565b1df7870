#include "controller/terminal.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

volatile std::sig_atomic_t interrupt_seen = 0;

extern "C" void note_interrupt(int) {
  if (interrupt_seen != 0) ::_exit(kExitInterrupted);
  interrupt_seen = 1;
}

std::string remaining_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02} min", whole / 60, whole % 60);
  return fmt::format("{}:{:02} h", whole / 3600, whole / 60 % 60);
}

/// What EDGEWARD_CLOCK says.
struct TimeLapse {
  double real_s = 0;
  double shown_s = 0;
  double speed = 1;
};

/// Without it, or where it makes no sense, the clock is as it is.
TimeLapse time_lapse() {
  const char* const text = std::getenv("EDGEWARD_CLOCK");
  TimeLapse lapse;
  if (text == nullptr) return {};
  const int read = std::sscanf(text, "%lf,%lf,%lf", &lapse.real_s, &lapse.shown_s, &lapse.speed);
  return read == 3 && lapse.speed >= 1 && lapse.speed <= 1e6 ? lapse : TimeLapse();
}

}  // namespace

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool interrupted() {
  return interrupt_seen != 0;
}

std::int64_t wall_ns() {
  static const TimeLapse lapse = time_lapse();
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t real_ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(since_epoch).count();
  if (lapse.speed == 1) return real_ns;
  const double passed_ns = static_cast<double>(real_ns) - lapse.real_s * 1e9;
  return static_cast<std::int64_t>(lapse.shown_s * 1e9 + passed_ns * lapse.speed);
}

std::int64_t wall_ms() {
  return wall_ns() / 1'000'000;
}

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

TerminalProgress::TerminalProgress()
    : is_terminal_(::isatty(STDERR_FILENO) == 1),
      interval_(is_terminal_ ? Clock::duration(std::chrono::milliseconds(200))
                             : Clock::duration(std::chrono::seconds(30))),
      next_at_((Clock::now() + interval_).time_since_epoch().count()),
      phase_started_(Clock::now()) {}

void TerminalProgress::report(const sim::ProgressReport& report) {
  const Clock::time_point now = Clock::now();
  Clock::rep due = next_at_.load(std::memory_order_relaxed);
  if (now.time_since_epoch().count() < due) return;
  const Clock::rep next = (now + interval_).time_since_epoch().count();
  if (!next_at_.compare_exchange_strong(due, next)) return;  // another thread shows this one
  show(report, now);
}

void TerminalProgress::show(const sim::ProgressReport& report, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  if (was_loading_ && !report.loading) phase_started_ = now;
  was_loading_ = report.loading;
  const double elapsed = std::chrono::duration<double>(now - phase_started_).count();
  std::string line =
      fmt::format("{} {:.0f}%  {:.1f} M requests", report.loading ? "reading" : "replaying",
                  report.done_ratio * 100, static_cast<double>(report.requests) / 1e6);
  if (elapsed > 1) {
    line += fmt::format("  {:.1f} M/s", static_cast<double>(report.requests) / elapsed / 1e6);
  }
  if (!report.loading) line += fmt::format("  hit ratio {:.2f}%", report.hit_ratio * 100);
  if (report.done_ratio > 0.01 && elapsed > 1) {
    line += fmt::format("  {} left",
                        remaining_text(elapsed * (1 - report.done_ratio) / report.done_ratio));
  }
  if (is_terminal_) {
    fmt::print(stderr, "\r\x1B[K{}", line);
  } else {
    fmt::print(stderr, "{}\n", line);
  }
  std::fflush(stderr);
  line_shown_ = is_terminal_;
}

void TerminalProgress::note(std::string_view message) {
  const std::lock_guard lock(mutex_);
  clear_line();
  fmt::print(stderr, "edgeward: {}\n", sim::printable(message));
}

void TerminalProgress::finish() {
  const std::lock_guard lock(mutex_);
  clear_line();
}

void TerminalProgress::clear_line() {
  if (line_shown_) fmt::print(stderr, "\r\x1B[K");
  line_shown_ = false;
}

}  // namespace edgeward::controller
