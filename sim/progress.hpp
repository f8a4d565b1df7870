#pragma once

#include <cstdint>
#include <string_view>

namespace edgeward::sim {

/// How far a long job is. Ratios are 0..1.
struct ProgressReport {
  bool loading = true;  ///< reading the input; otherwise replaying it
  double done_ratio = 0;
  std::uint64_t requests = 0;  ///< read, or replayed over all runs
  double hit_ratio = 0;        ///< over what was replayed so far
};

/// What a long job tells while it runs, and asks. Called often (every few thousand requests) and
/// from several threads at once: implementations are quick and thread-safe.
class Progress {
 public:
  virtual ~Progress() = default;
  virtual void report(const ProgressReport& report) = 0;
  /// True once the job should end early with what it has.
  [[nodiscard]] virtual bool should_stop() const = 0;
  /// A line for people: a guess made, an oddity found. May quote input; whoever prints escapes it.
  virtual void note(std::string_view message) = 0;
};

}  // namespace edgeward::sim
