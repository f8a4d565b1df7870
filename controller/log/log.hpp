#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "controller/log/log_options.hpp"
#include "controller/log/log_record.hpp"

namespace edgeward::controller {

/// The service's log, on stderr: each record is a line, written whole and at once. Thread-safe; not
/// for the path of a request.
class Log {
 public:
  explicit Log(const LogOptions& options);
  ~Log();

  /// Writes a record as of now, unless its level is below the options'.
  void write(const LogRecord& record) const;

 private:
  struct Output;
  std::unique_ptr<Output> output_;
};

/// Writes sentences into the log, which outlives it.
[[nodiscard]] std::function<void(std::string_view)> talk_to(const Log& log);

}  // namespace edgeward::controller
