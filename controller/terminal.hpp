#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string_view>

#include "sim/progress.hpp"

namespace edgeward::controller {

/// Exit codes, the same for all subcommands.
inline constexpr int kExitDone = 0;
inline constexpr int kExitNo = 1;            ///< ran, and the answer is "no"
inline constexpr int kExitUsage = 2;         ///< usage, input or configuration error
inline constexpr int kExitUnreachable = 75;  ///< the service cannot be reached: try later
inline constexpr int kExitInterrupted = 130;

/// Makes Ctrl-C and SIGTERM ask for an early end (interrupted() becomes true); a second one ends
/// the process at once.
void catch_interrupts();
[[nodiscard]] bool interrupted();

/// Seconds on the steady clock, for rates.
[[nodiscard]] double steady_seconds();

/// Since the Unix epoch, on the clock that people set. For rehearsals, where a day is to pass
/// within minutes, EDGEWARD_CLOCK=REAL,SHOWN,SPEED in the environment has it show SHOWN at REAL
/// (both in seconds since the epoch) and run SPEED times as fast; durations and timeouts stay what
/// they are.
[[nodiscard]] std::int64_t wall_ns();
[[nodiscard]] std::int64_t wall_ms();

/// Shows a job's progress on stderr: one line rewritten in place on a terminal, a line every 30 s
/// otherwise. Thread-safe; a report costs one clock call.
class TerminalProgress final : public sim::Progress {
 public:
  TerminalProgress();

  void report(const sim::ProgressReport& report) override;
  [[nodiscard]] bool should_stop() const override { return interrupted(); }
  void note(std::string_view message) override;

  /// Removes the progress line.
  void finish();

 private:
  using Clock = std::chrono::steady_clock;

  void show(const sim::ProgressReport& report, Clock::time_point now);
  void clear_line();

  const bool is_terminal_;
  const Clock::duration interval_;
  std::atomic<Clock::rep> next_at_;  ///< when the next report is shown
  std::mutex mutex_;                 ///< guards what follows, and stderr
  bool was_loading_ = true;
  Clock::time_point phase_started_;
  bool line_shown_ = false;
};

}  // namespace edgeward::controller
