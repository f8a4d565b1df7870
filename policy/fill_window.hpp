#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "cache/edge.hpp"

namespace edgeward::policy {

/// Hours of the day in which an edge may fetch ahead, by the clock of its time zone: they follow
/// daylight saving.
class FillWindow {
 public:
  /// `time_zone`: an IANA name; UTC stands in for one that the system does not know, which no fleet
  /// file gets past its reader.
  FillWindow(const cache::DailyHours& hours, const std::string& time_zone);
  ~FillWindow();
  FillWindow(FillWindow&&) noexcept;
  FillWindow& operator=(FillWindow&&) noexcept;

  /// The part of [from_ms, until_ms) that lies in these hours, 0..1, to the minute.
  [[nodiscard]] double part_of(std::int64_t from_ms, std::int64_t until_ms) const;

 private:
  struct Clock;
  cache::DailyHours hours_;
  std::unique_ptr<const Clock> clock_;
};

}  // namespace edgeward::policy
