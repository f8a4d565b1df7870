#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace edgeward::controller {

enum class ReportFormat : std::uint8_t { json, csv };

/// The files named with -o; the suffix picks the format. That they can be written is tried before
/// the work begins; what they held is replaced only by a finished report.
class ReportFiles {
 public:
  /// Throws cache::ParameterError for a name with another suffix or of an input, sim::InputError
  /// for a file that cannot be written.
  ReportFiles(std::vector<std::string> paths, const std::vector<std::string>& inputs);

  /// `text`: the report in a format.
  void write(const std::function<std::string(ReportFormat)>& text) const;

 private:
  std::vector<std::string> paths_;
};

}  // namespace edgeward::controller
