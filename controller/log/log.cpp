#include "controller/log/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

spdlog::level::level_enum level_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      break;
  }
  return spdlog::level::err;
}

}  // namespace

struct Log::Output {
  LogFormat format;
  spdlog::logger logger{"edgeward", std::make_shared<spdlog::sinks::stderr_sink_mt>()};
};

Log::Log(const LogOptions& options) : output_(std::make_unique<Output>()) {
  output_->format = options.format;
  output_->logger.set_level(level_of(options.level));
  output_->logger.set_pattern("%v");
}

Log::~Log() = default;

void Log::write(const LogRecord& record) const {
  const auto level = level_of(record.level);
  if (!output_->logger.should_log(level)) return;
  const std::string line = log_line(record, output_->format, wall_ms());
  output_->logger.log(level, spdlog::string_view_t(line.data(), line.size()));
}

std::function<void(std::string_view)> talk_to(const Log& log) {
  return [&log](std::string_view sentence) { log.write({.message = std::string(sentence)}); };
}

}  // namespace edgeward::controller
