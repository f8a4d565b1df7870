#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace edgeward::controller {

/// What part of its connections a worker refuses so that those it keeps are answered in time.
///
/// Judges by how long what comes waits for its turn, which the worker measures: several times at
/// once, so that a queue that grows is seen before it has been worked through. As in CoDel (RFC
/// 8289) the least delay of a window counts: one long task, or a machine that stood still for a
/// moment, is no overload. How far apart measurements end, and how far apart they began, says by
/// how much too much comes: twice as much takes twice as long. So the part that is taken is
/// lessened at once by what is too much, and not again before that can be seen; then it grows,
/// slowly where it was too much before.
///
/// Refused is who asks, not what is asked: a client with many requests would else be refused sooner
/// or later, and when all have been, nobody asks anything until they come back together. A lot that
/// a connection drew decides, anew once a second, as long as clients are told to stay away.
/// Not thread-safe.
class Shedder {
 public:
  static constexpr std::int64_t kMeasureEveryMs = 20;
  /// Measurements that are under way at a time.
  static constexpr std::size_t kUnderWayMax = 8;
  static constexpr unsigned kRetryAfterSeconds = 1;

  /// Nobody is refused while the delay is below `delay_max_ms`; 0: nobody ever.
  explicit Shedder(std::int64_t delay_max_ms) : delay_max_ms_(static_cast<double>(delay_max_ms)) {}

  /// Whether it is time for another measurement. To be asked with everything that is read too:
  /// where much waits, so do timers.
  [[nodiscard]] bool is_due(std::int64_t now_ms) const {
    return now_ms - begun_ms_ >= kMeasureEveryMs;
  }
  /// A measurement begins, and lasts as long as what comes now waits. Its number, below
  /// kUnderWayMax, to end it by; none where so many are under way already. Times are of any clock
  /// that only goes forward.
  [[nodiscard]] std::optional<std::size_t> begin(std::int64_t now_ms);
  void end(std::size_t number, std::int64_t now_ms);

  /// A lot for a new connection; lots lie evenly between 0 and 1.
  [[nodiscard]] double draw() {
    drawn_ = fraction(drawn_ + kGolden);
    return drawn_;
  }
  /// Whether who drew that lot is refused at present.
  [[nodiscard]] bool sheds(double lot) const { return fraction(lot + turn_) >= share_; }
  /// What part is refused.
  [[nodiscard]] double part() const { return 1 - share_; }

 private:
  /// Multiples of it lie evenly between whole numbers (Knuth, vol. 3, section 6.4).
  static constexpr double kGolden = 0.6180339887498949;

  struct Measurement {
    std::int64_t begun_ms = 0;
    double taken_ms = 0;  ///< see taken_ms_
  };
  struct Ended {
    Measurement measured;
    std::int64_t ended_ms = 0;

    [[nodiscard]] double waited_ms() const {
      return static_cast<double>(ended_ms - measured.begun_ms);
    }
  };

  void note(std::int64_t now_ms);
  void judge(const Measurement& measured, std::int64_t now_ms);

  [[nodiscard]] static double fraction(double number) { return number - std::floor(number); }

  double delay_max_ms_;
  std::array<std::optional<Measurement>, kUnderWayMax> under_way_;
  std::vector<Ended> window_;  ///< the last measurements, by their end, and one from before
  double share_ = 1;           ///< of the connections, taken
  double knee_ = 1;            ///< a share that is too much, as far as is known
  double taken_ms_ = 0;        ///< the share summed over time: in proportion to what has come
  std::int64_t begun_ms_ = 0;  ///< the last measurement
  std::int64_t noted_ms_ = 0;
  std::int64_t judged_ms_ = 0;
  std::int64_t lessened_ms_ = 0;  ///< when the share last was
  double drawn_ = 0;
  double turn_ = 0;  ///< what lots are moved by
};

}  // namespace edgeward::controller
