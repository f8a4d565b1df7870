#pragma once

#include <cmath>
#include <cstdint>

namespace edgeward::sim {

/// A ratio over the last some thousands: older ones count less and less. It moves in steps, so that
/// what is derived from it is not derived anew for every request.
class RecentRatio {
 public:
  void add(std::uint64_t part, std::uint64_t whole) {
    part_ += static_cast<double>(part);
    whole_ += static_cast<double>(whole);
    if (whole_ < kWholeMax) return;
    part_ *= kWholeMax / 2 / whole_;
    whole_ = kWholeMax / 2;
  }
  [[nodiscard]] double ratio() const { return std::round(part_ / whole_ * kSteps) / kSteps; }

 private:
  static constexpr double kWholeMax = 4096;
  static constexpr double kSteps = 64;

  double part_ = 8;  ///< the prior of one half, worth 16
  double whole_ = 16;
};

}  // namespace edgeward::sim
