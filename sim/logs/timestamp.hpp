#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace edgeward::sim {

// Times as logs write them, in milliseconds since the Unix epoch, UTC. Times before 1970 or after
// 9999, impossible dates and anything left over behind a time are absent. A leap second (:60) is
// the first of the next minute. Fractions finer than a millisecond are cut.

inline constexpr std::int64_t kHourMs = 3'600'000;
inline constexpr std::int64_t kTimeMsMax = 253'402'300'799'999;  ///< 9999-12-31T23:59:59.999Z

/// Seconds since the epoch, with or without a fraction; 12 to 14 digits before the point are taken
/// as milliseconds, 15 to 17 as microseconds, more as nanoseconds.
[[nodiscard]] std::optional<std::int64_t> parse_epoch(std::string_view text);

/// Any of: epoch; RFC 3339 (also with ' ' for 'T', '/' for '-', without seconds, without a zone
/// (UTC), a date alone); 20001010135536 of years from 1900 to 2099, 20001010T135536Z;
/// 10/Oct/2000:13:55:36 -0700, in brackets or not; Tue, 10 Oct 2000 … GMT.
[[nodiscard]] std::optional<std::int64_t> parse_time(std::string_view text);

/// Reads `10/Oct/2000:13:55:36 -0700` again and again: the calendar is worked out only when the
/// minute or the zone differs from the last one. Falls back to parse_time for other forms.
class CommonLogClock {
 public:
  [[nodiscard]] std::optional<std::int64_t> parse(std::string_view text);

 private:
  static constexpr std::size_t kMinuteLength = 18;  ///< "10/Oct/2000:13:55:"
  static constexpr std::size_t kZoneLength = 6;     ///< " -0700"
  static constexpr std::size_t kLength = kMinuteLength + 2 + kZoneLength;

  std::array<char, kMinuteLength> minute_{};
  std::array<char, kZoneLength> zone_{};
  std::int64_t minute_at_ms_ = -1'000'000;  ///< out of range until a minute is known
};

}  // namespace edgeward::sim
