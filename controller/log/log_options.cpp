#include "controller/log/log_options.hpp"

namespace edgeward::controller {

namespace {

constexpr std::array<std::string_view, 2> kFormatNames{"logfmt", "json"};
constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

}  // namespace

std::string_view name(LogFormat format) {
  return kFormatNames[static_cast<std::size_t>(format)];
}

std::string_view name(LogLevel level) {
  return kLevelNames[static_cast<std::size_t>(level)];
}

}  // namespace edgeward::controller
