#include "controller/commands/report_files.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "cache/parameters.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

ReportFiles::ReportFiles(std::vector<std::string> paths, const std::vector<std::string>& inputs)
    : paths_(std::move(paths)) {
  for (const std::string& path : paths_) {
    if (!path.ends_with(".json") && !path.ends_with(".csv")) {
      throw cache::ParameterError(
          fmt::format("-o {}: expected a name that ends in .json or .csv", path));
    }
    for (const std::string& input : inputs) {
      std::error_code absent;
      if (std::filesystem::equivalent(path, input, absent)) {
        throw cache::ParameterError(fmt::format("-o {}: is an input", path));
      }
    }
    if (!std::ofstream(path, std::ios::app)) {
      throw sim::InputError(fmt::format("-o {}: cannot be written", path));
    }
  }
}

void ReportFiles::write(const std::function<std::string(ReportFormat)>& text) const {
  for (const std::string& path : paths_) {
    std::ofstream file(path, std::ios::binary);
    file << text(path.ends_with(".csv") ? ReportFormat::csv : ReportFormat::json);
    file.close();
    if (!file) throw sim::InputError(fmt::format("-o {}: writing failed", path));
  }
}

}  // namespace edgeward::controller
