#pragma once

#include <algorithm>
#include <cstdint>

namespace edgeward::controller {

/// What part of the requests a worker refuses so that those it takes are answered in time. Judges
/// by how late its event loop comes to a timer: as late as a request waits to be read. As in CoDel
/// (RFC 8289) the least delay of an interval counts: one long task, or a machine that stood still
/// for a moment, is no overload. Not thread-safe.
class Shedder {
 public:
  /// How often note() is to be called.
  static constexpr std::int64_t kMeasureEveryMs = 20;
  /// Measurements in an interval.
  static constexpr unsigned kInterval = 10;

  /// No request is refused while the delay is below `delay_max_ms`; 0: none ever.
  explicit Shedder(std::int64_t delay_max_ms) : delay_max_ms_(delay_max_ms) {}

  void note(std::int64_t delay_ms) {
    least_ms_ = measured_ == 0 ? delay_ms : std::min(least_ms_, delay_ms);
    if (++measured_ < kInterval) return;
    measured_ = 0;
    const bool is_late = delay_max_ms_ > 0 && least_ms_ > delay_max_ms_;
    part_ = std::clamp(part_ + (is_late ? kMore : -kLess), 0.0, kPartMax);
  }

  /// Whether the next request is to be refused; spreads refusals evenly.
  [[nodiscard]] bool sheds() {
    if (part_ <= 0) return false;
    owed_ += part_;
    if (owed_ < 1) return false;
    owed_ -= 1;
    return true;
  }
  [[nodiscard]] double part() const { return part_; }

 private:
  static constexpr double kMore = 0.15;
  static constexpr double kLess = 0.05;
  static constexpr double kPartMax = 0.95;  ///< some are taken, so that the end of it is noticed

  std::int64_t delay_max_ms_;
  std::int64_t least_ms_ = 0;
  unsigned measured_ = 0;
  double part_ = 0;
  double owed_ = 0;
};

}  // namespace edgeward::controller
