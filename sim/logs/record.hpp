#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgeward::sim {

/// What the log says the cache did.
enum class CacheStatus : std::uint8_t {
  unknown,  ///< the log does not say, or neither hit nor miss (errors, redirects by the edge)
  hit,
  miss,
  uncacheable,  ///< pass, bypass, dynamic, no-store …: never from cache, never admitted
};

/// LogRecord::status where the log has a status and it says that none was sent ("000", "-"): the
/// client left first. No list of statuses holds it.
inline constexpr int kNoAnswer = -1;

/// One request as a log line tells it. The views point into the line or into the parser and are
/// valid until the parser reads the next line. Absent text is empty.
struct LogRecord {
  std::optional<std::int64_t> at_ms;  ///< milliseconds since the Unix epoch, UTC
  std::string_view client;            ///< as written; may be a host name, empty, hostile
  std::string_view country;           ///< the client's, as written
  std::string_view method;            ///< empty where the format has none: taken as GET
  std::string_view host;              ///< if the format has it apart from the URL
  /// Path with query, or an absolute URL: the log format's own encoding undone, once.
  std::string_view url;
  int status = 0;  ///< 0 where the format has none: taken as 200; kNoAnswer
  /// Bytes sent, of the body where the log tells them apart; absent for '-', null or -1.
  std::optional<std::uint64_t> bytes;
  CacheStatus cache = CacheStatus::unknown;
  std::string_view edge;                     ///< PoP or cache name
  std::optional<std::uint64_t> range_first;  ///< first and last byte of the range answered
  std::optional<std::uint64_t> range_last;
  std::optional<std::int64_t> ttl_s;  ///< freshness lifetime, if logged
  std::optional<std::uint64_t> id;    ///< formats that name objects by number
};

/// Why a line gave no request. The spelling is the key in `trace.skipped`.
enum class SkipReason : std::uint8_t {
  header,
  comment,
  blank,
  bad_line,
  method,
  status,
  no_key,
  no_time,
  no_size,
  internal,
};
inline constexpr std::size_t kSkipReasons = 10;
[[nodiscard]] std::string_view name(SkipReason reason);

/// A line without a record: header, comment and blank lines are normal; the others carry a message
/// for people. The message may quote the line: whoever prints it escapes it.
struct Skipped {
  SkipReason reason = SkipReason::bad_line;
  std::string message;  ///< what was found and what was expected; empty for normal lines
};

}  // namespace edgeward::sim
