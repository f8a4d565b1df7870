#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "sim/logs/record.hpp"

namespace edgeward::sim {

/// What the command line says about columns (csv, ndjson, cloudfront_realtime): which names or
/// 1-based numbers make time, client, key and size. Empty: guessed from the header.
struct ColumnChoice {
  std::vector<std::string> time{};  ///< several are joined with a blank: date+time
  std::vector<std::string> client{};
  std::vector<std::string> key{};   ///< several are joined with '/': package+version
  std::vector<std::string> size{};  ///< several are added up: header+body
  /// --fields: the field list of a log without its header; an entry may hold several, with blanks
  std::vector<std::string> fields{};

  bool operator==(const ColumnChoice&) const = default;
};

/// Turns one line of one log format into a record. Sans-IO: bytes in, value out; what it keeps
/// between lines is only what header lines said. Any bytes are accepted; nothing is thrown.
class LineParser {
 public:
  virtual ~LineParser() = default;

  /// `line` has no line ending ("\r\n" and "\n" are stripped before). The record's views live until
  /// the next call and no longer than `line` does.
  [[nodiscard]] virtual tl::expected<LogRecord, Skipped> parse(std::string_view line) = 0;
};

/// A text log format.
struct LogFormat {
  std::string_view name;      ///< as in --format
  std::string_view summary;   ///< one line for --help
  std::string_view expected;  ///< what a line looks like, for error messages
  std::unique_ptr<LineParser> (*make)(const ColumnChoice&) = nullptr;
};

/// All text formats in the order of --help.
[[nodiscard]] std::span<const LogFormat> log_formats();

/// Null if there is no text format of that name.
[[nodiscard]] const LogFormat* find_log_format(std::string_view name);

/// Guesses the format from the first lines of a log (some tens are enough; the last may be cut).
/// Null if none fits. Names decide, not positions: JSON keys, `#Fields`, quoted request lines.
[[nodiscard]] const LogFormat* detect_log_format(std::span<const std::string_view> first_lines,
                                                 const ColumnChoice& columns);

}  // namespace edgeward::sim
