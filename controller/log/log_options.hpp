#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace edgeward::controller {

enum class LogFormat : std::uint8_t {
  logfmt,  ///< time=… level=info message="…" key=value
  json,    ///< an object a line
};
inline constexpr std::array kLogFormats{LogFormat::logfmt, LogFormat::json};
[[nodiscard]] std::string_view name(LogFormat format);

enum class LogLevel : std::uint8_t {
  debug,
  info,     ///< what an operator wants to find later
  warning,  ///< what goes on and should not go on for long
  error,    ///< what was not done
};
inline constexpr std::array kLogLevels{LogLevel::debug, LogLevel::info, LogLevel::warning,
                                       LogLevel::error};
[[nodiscard]] std::string_view name(LogLevel level);

/// The key `serve.log` of a configuration.
struct LogOptions {
  LogFormat format = LogFormat::logfmt;
  LogLevel level = LogLevel::info;  ///< what is below it is not written

  bool operator==(const LogOptions&) const = default;
};

}  // namespace edgeward::controller
