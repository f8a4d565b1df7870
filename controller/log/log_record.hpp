#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "controller/log/log_options.hpp"

namespace edgeward::controller {

using LogValue = std::variant<std::string, std::int64_t, std::uint64_t, double, bool>;

/// A value by name. Names are written in the source, snake_case; values may come from anywhere.
struct LogField {
  std::string_view name;
  LogValue value;
};

/// What is to be told, apart from when.
struct LogRecord {
  LogLevel level = LogLevel::info;
  std::string message;  ///< for people; what varies is in the fields too
  std::vector<LogField> fields{};
};

/// The record as one line without its end: fields in their order after time, level and message.
/// Whatever a value holds, the line stays one and its fields stay apart: text is written as a JSON
/// string, in logfmt bare where it needs no quotes. Control characters and those that reorder text
/// are escaped, bytes that are no UTF-8 become U+FFFD, long text is cut. Values that JSON has no
/// number for (NaN) are null. `at_ms` is since the epoch.
[[nodiscard]] std::string log_line(const LogRecord& record, LogFormat format, std::int64_t at_ms);

}  // namespace edgeward::controller
