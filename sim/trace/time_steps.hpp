#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/trace/column.hpp"

namespace edgeward::sim {

/// When each access of a stream came. Times never decrease, so only the positions at which they
/// change are kept: 8 bytes a distinct time instead of 4 an access, which is far less for busy logs
/// with times in seconds and at most twice as much. Positions are below 2^32.
class TimeSteps {
  struct Step {
    std::uint32_t time = 0;
    std::uint32_t first = 0;  ///< position of the first access at that time
  };

 public:
  explicit TimeSteps(MemoryBudget& budget) : steps_(budget) {}

  [[nodiscard]] std::uint64_t size() const { return size_; }

  /// The time of the next access, not before the last one's.
  void push_back(std::uint32_t time) {
    assert(size_ == 0 || time >= last_);
    if (size_ == 0 || time != last_) {
      steps_.push_back({.time = time, .first = static_cast<std::uint32_t>(size_)});
    }
    last_ = time;
    ++size_;
  }

  /// The first access at `time` or later; size() if there is none. O(log n).
  [[nodiscard]] std::uint64_t first_from(std::uint32_t time) const {
    const std::span<const Step> steps = steps_.view();
    const auto found =
        std::lower_bound(steps.begin(), steps.end(), time,
                         [](const Step& step, std::uint32_t wanted) { return step.time < wanted; });
    return found == steps.end() ? size_ : found->first;
  }

  /// Gives the memory back; there are no times any more.
  void release() {
    steps_.release();
    size_ = 0;
  }

  /// Reads times at positions that never go back, each in constant time on average.
  class Cursor {
   public:
    explicit Cursor(const TimeSteps& times) : steps_(times.steps_.view()) {}

    [[nodiscard]] std::uint32_t at(std::uint64_t position) {
      while (next_ < steps_.size() && steps_[next_].first <= position) ++next_;
      return steps_[next_ - 1].time;
    }

   private:
    std::span<const Step> steps_;
    std::size_t next_ = 0;
  };

 private:
  Column<Step> steps_;
  std::uint64_t size_ = 0;
  std::uint32_t last_ = 0;
};

}  // namespace edgeward::sim
