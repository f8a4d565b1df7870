#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgeward::controller {

/// What an origin says of its answer before the body.
struct OriginHead {
  int status = 0;
  std::optional<std::uint64_t> length_bytes;
  std::string fields;         ///< that go on to clients: lines that end with CR LF
  std::string cache_control;  ///< fields of one name are joined by ", "
  std::string expires;
  std::string date;
  std::string age;
  std::string vary;
  std::string etag;
  std::string last_modified;
  bool sets_cookie = false;
};

/// Of one answer, whether and for how long it may be used again (RFC 9111 §3, §4.2; RFC 5861).
struct Freshness {
  /// It may be kept, and given to others than who asked.
  bool is_shared = false;
  std::int64_t age_ms = 0;          ///< that it had when it came
  std::int64_t fresh_ms = 0;        ///< from when it left its origin
  std::int64_t stale_ms = 0;        ///< after that it is served while it is asked for anew
  std::int64_t error_stale_ms = 0;  ///< and for so long where that fails

  bool operator==(const Freshness&) const = default;
};

struct FreshnessRules {
  std::int64_t default_ttl_ms = 0;          ///< where nothing is said
  std::int64_t default_error_stale_ms = 0;  ///< likewise
};

/// A shared cache's reading: s-maxage before max-age before Expires; private, no-store, no-cache, a
/// cookie and a Vary that names more than the encoding (none is asked for) keep it from being
/// shared.
[[nodiscard]] Freshness freshness_of(const OriginHead& head, const FreshnessRules& rules,
                                     std::int64_t now_ms);

/// A directive's argument in a Cache-Control field; an empty text for one without; nothing where it
/// is absent.
[[nodiscard]] std::optional<std::string_view> directive(std::string_view cache_control,
                                                        std::string_view name);

/// Milliseconds since the epoch of a date in one of the three forms of RFC 9110 §5.6.7.
[[nodiscard]] std::optional<std::int64_t> parse_http_date(std::string_view text);

/// The value of the first header line of that name; empty where there is none.
[[nodiscard]] std::string_view field_of(std::string_view lines, std::string_view name);

/// Stored header lines with those that a 304 brings in their place (RFC 9111 §3.2).
[[nodiscard]] std::string freshened(std::string_view stored, std::string_view news);

}  // namespace edgeward::controller
