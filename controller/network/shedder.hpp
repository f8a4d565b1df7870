#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace edgeward::controller {

/// What part of its connections a worker refuses so that those it keeps are answered in time.
/// Judges by how long a request waits for its turn, which the worker measures. As in CoDel (RFC
/// 8289) the least delay of an interval counts: one long task, or a machine that stood still for a
/// moment, is no overload. Not thread-safe.
///
/// Refused is who asks, not what is asked: a client with many requests would else be refused sooner
/// or later, and when all have been, nobody asks anything until they come back together. A lot that
/// a connection drew decides, anew once a second, as long as clients are told to stay away.
class Shedder {
 public:
  /// How long after one measurement the next one begins.
  static constexpr std::int64_t kMeasureEveryMs = 20;
  /// From the first to the last measurement that are judged together; longer where each is long.
  static constexpr std::int64_t kIntervalMs = 200;
  static constexpr unsigned kRetryAfterSeconds = 1;

  /// Nobody is refused while the delay is below `delay_max_ms`; 0: nobody ever.
  explicit Shedder(std::int64_t delay_max_ms) : delay_max_ms_(delay_max_ms) {}

  /// A measurement begins then: what comes at that moment waits until it ends. Times are of any
  /// clock that only goes forward.
  void begin(std::int64_t at_ms) {
    begun_ms_ = at_ms;
    noted_ms_ = at_ms;
  }
  void end(std::int64_t now_ms) {
    note(now_ms - begun_ms_, now_ms);
    begun_ms_ = kNever;
  }
  /// No measurement is under way any more, nor will one be.
  void cease() { begun_ms_ = kNever; }
  /// Now and then in between: a measurement that takes too long already counts before it ends.
  void pass(std::int64_t now_ms) {
    if (now_ms - begun_ms_ <= delay_max_ms_ || now_ms - noted_ms_ < kMeasureEveryMs) return;
    note(now_ms - begun_ms_, now_ms);
  }

  /// A lot for a new connection; lots lie evenly between 0 and 1.
  [[nodiscard]] double draw() {
    drawn_ = fraction(drawn_ + kGolden);
    return drawn_;
  }
  /// Whether who drew that lot is refused at present.
  [[nodiscard]] bool sheds(double lot) const { return part_ > 0 && fraction(lot + turn_) < part_; }
  [[nodiscard]] double part() const { return part_; }

 private:
  static constexpr std::int64_t kPassedMsMax = 1000;
  // An interval.
  static constexpr double kMore = 0.15;
  static constexpr double kLess = 0.1;
  static constexpr double kPartMax = 0.95;  ///< some are taken, so that the end of it is noticed
  /// Multiples of it lie evenly between whole numbers (Knuth, vol. 3, section 6.4).
  static constexpr double kGolden = 0.6180339887498949;

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max() / 2;

  void note(std::int64_t delay_ms, std::int64_t now_ms) {
    noted_ms_ = now_ms;
    turn_ = static_cast<double>(now_ms / (kRetryAfterSeconds * 1000)) * kGolden;
    if (since_ms_ == 0) {
      since_ms_ = now_ms;
      least_ms_ = delay_ms;
    }
    least_ms_ = std::min(least_ms_, delay_ms);
    const std::int64_t passed_ms = std::min(now_ms - since_ms_, kPassedMsMax);
    if (passed_ms < kIntervalMs) return;
    const double intervals = static_cast<double>(passed_ms) / kIntervalMs;
    if (delay_max_ms_ == 0 || least_ms_ <= delay_max_ms_) {
      part_ = std::max(part_ - kLess * intervals, 0.0);
    } else if (4 * least_ms_ > 3 * before_ms_) {  // where it falls, what waits needs its time
      part_ = std::min(part_ + kMore * intervals, kPartMax);
    }
    before_ms_ = least_ms_;
    since_ms_ = 0;
  }

  [[nodiscard]] static double fraction(double number) { return number - std::floor(number); }

  std::int64_t delay_max_ms_;
  std::int64_t least_ms_ = 0;
  std::int64_t before_ms_ = 0;  ///< the least of the interval before
  std::int64_t begun_ms_ = kNever;
  std::int64_t noted_ms_ = 0;
  std::int64_t since_ms_ = 0;  ///< the interval's first measurement; 0: there is none
  double part_ = 0;
  double drawn_ = 0;
  double turn_ = 0;  ///< what lots are moved by
};

}  // namespace edgeward::controller
