#pragma once

#include <cstdint>

namespace edgeward::sim {

/// Looks at a trace's times as they come and tells whether they are times at all. Some published
/// traces number their requests instead, or carry arbitrary values: those have no rates, no hours.
class TimeCheck {
 public:
  void see(std::int64_t at_ms) {
    if (seen_ > 0) {
      went_back_ += at_ms < last_ms_ ? 1 : 0;
      numbered_ += at_ms == last_ms_ + 1000 ? 1 : 0;
    }
    last_ms_ = at_ms;
    ++seen_;
  }

  [[nodiscard]] std::uint64_t went_back() const { return went_back_; }

  /// Every request exactly one second after the one before it: a running number.
  [[nodiscard]] bool is_numbering() const {
    return seen_ >= kNumberingMin && numbered_ == seen_ - 1;
  }

  /// More than one request in a hundred earlier than the one before it: no clock does that.
  [[nodiscard]] bool is_disordered() const { return went_back_ * 100 > seen_; }

 private:
  /// Fewer requests than this may well be a second apart each.
  static constexpr std::uint64_t kNumberingMin = 100;

  std::uint64_t seen_ = 0;
  std::uint64_t went_back_ = 0;
  std::uint64_t numbered_ = 0;
  std::int64_t last_ms_ = 0;
};

}  // namespace edgeward::sim
