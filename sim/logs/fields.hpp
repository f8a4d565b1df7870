#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/logs/field_text.hpp"
#include "sim/logs/line_parser.hpp"

namespace edgeward::sim {

/// What a named field of a log can tell about a request.
enum class Field : std::uint8_t {
  time,
  clock,    ///< of the time fields one that needs a date: 23:59:59
  instant,  ///< of the time fields one that may need none
  date,
  client,
  country,  ///< the client's
  method,
  host,
  url,
  query,
  request_line,
  package,
  version,
  status,
  bytes,
  body_bytes,
  cache,
  cache_hit,
  cache_lookup,
  cacheable,
  status_details,
  edge,
  cache_id,
  server,
  range_first,
  range_last,
  content_range,
  ttl,
  cache_control,
  id,
  from_client,     ///< false: from another cache of the same network
  request_source,  ///< who asked; `eyeball` is a client
  category,        ///< which of several logs the line is of
  chosen_time,
  chosen_key,
  chosen_size,  ///< columns that the user named; the rank is the part
};
inline constexpr std::size_t kFields = static_cast<std::size_t>(Field::chosen_size) + 1;

/// Where a field's text goes. Of several for the same Field the one of the lowest rank counts.
struct Target {
  Field field = Field::time;
  std::uint8_t rank = 0;

  bool operator==(const Target&) const = default;
};

/// Knows which names logs give to what: the user's choice first, then names from the formats'
/// documentation, in any letter case and without regard to punctuation (`client_ip` = `ClientIP`).
/// Of a nested name (`httpRequest.requestUrl`) the whole counts more than its last part.
class FieldNames {
 public:
  static constexpr std::size_t kPartsMax = 8;  ///< columns that make a key, a time or a size

  /// Throws std::invalid_argument for more than kPartsMax columns.
  explicit FieldNames(ColumnChoice chosen);

  /// Appends what the field of that name, or in that column (from 1; 0: no columns), tells. No
  /// name: only chosen numbers are found.
  void find(std::string_view name, std::size_t number, std::vector<Target>& targets) const;

  [[nodiscard]] const ColumnChoice& chosen() const { return chosen_; }

 private:
  ColumnChoice chosen_;
};

/// The texts of one line by Field, and the record they make.
class FieldValues {
 public:
  /// How a format writes what its fields hold.
  struct Rules {
    CacheStatus (*cache_status)(std::string_view) = nullptr;      ///< default: cache_status_of
    bool (*is_of_requests)(std::string_view category) = nullptr;  ///< default: any category is
    bool is_percent_encoded = false;  ///< URL and query: encoded once more than the request was
    std::size_t key_parts = 0;        ///< columns the user chose; 0: by name
    std::size_t time_parts = 0;
    std::size_t size_parts = 0;
  };

  explicit FieldValues(const Rules& rules) : rules_(rules) {}

  void clear();
  /// Absent text ("-", empty, null) changes nothing.
  void set(Target target, std::string_view text);
  void set(Field field, std::string_view text) { set({.field = field, .rank = 0}, text); }
  [[nodiscard]] std::string_view operator[](Field field) const {
    return values_[static_cast<std::size_t>(field)];
  }

  /// The record of the texts set since clear(). Its views live until the next call and no longer
  /// than the texts do.
  [[nodiscard]] ParsedLine record();

 private:
  void keep(Target target, std::string_view text);
  /// A date joined with a clock, else what is complete by itself, else the date alone.
  [[nodiscard]] std::optional<std::int64_t> time();
  [[nodiscard]] std::string_view key(LogRecord& record);
  [[nodiscard]] CacheStatus cache_status() const;
  [[nodiscard]] bool is_internal(std::string_view url) const;
  /// Sets the bytes; the text that is no size, if there is one.
  [[nodiscard]] std::string_view read_size(LogRecord& record) const;
  void read_ranges(LogRecord& record) const;
  void read_freshness(LogRecord& record) const;

  static constexpr std::uint8_t kUnset = 255;

  Rules rules_;
  std::array<std::string_view, kFields> values_{};
  std::array<std::uint8_t, kFields> ranks_{};
  std::array<std::string_view, FieldNames::kPartsMax> time_parts_{};
  std::array<std::string_view, FieldNames::kPartsMax> key_parts_{};
  std::array<std::string_view, FieldNames::kPartsMax> size_parts_{};
  std::string time_text_;
  std::string key_text_;
  std::string decoded_url_;
  std::string decoded_query_;
};

/// Splits "GET /a HTTP/1.1" into method and URL; the protocol may be missing, the URL may hold
/// blanks. A request that is only a URL has no method. Both are empty for anything else.
struct RequestLine {
  std::string_view method;
  std::string_view url;
};
[[nodiscard]] RequestLine parse_request_line(std::string_view text);

}  // namespace edgeward::sim
