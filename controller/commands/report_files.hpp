#pragma once

#include <string>
#include <vector>

#include "sim/report/report.hpp"

namespace edgeward::controller {

/// The files named with -o; the suffix picks the writer. That they can be written is tried before
/// the work begins; what they held is replaced only by a finished report.
class ReportFiles {
 public:
  /// Throws cache::ParameterError for a name with another suffix or of an input, sim::InputError
  /// for a file that cannot be written.
  ReportFiles(std::vector<std::string> paths, const std::vector<std::string>& inputs);

  void write(const sim::Report& report) const;

 private:
  std::vector<std::string> paths_;
};

}  // namespace edgeward::controller
