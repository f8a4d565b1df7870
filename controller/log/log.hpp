#pragma once

#include <memory>

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

}  // namespace edgeward::controller
