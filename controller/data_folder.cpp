#include "controller/data_folder.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

std::filesystem::path data_folder() {
  namespace fs = std::filesystem;
  std::error_code error;
  if (const char* const named = std::getenv("EDGEWARD_DATA_DIR"); named != nullptr) {
    // What was named and is not there is a mistake, not a reason to look elsewhere.
    if (fs::is_directory(named, error)) return named;
    throw sim::InputError(fmt::format("EDGEWARD_DATA_DIR: {} is no folder", named));
  }
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  fs::path installed = program.parent_path().parent_path() / "share" / "edgeward";
  if (!error && fs::is_directory(installed, error)) return installed;
  fs::path source = EDGEWARD_SOURCE_DATA_DIR;
  if (fs::is_directory(source, error)) return source;
  throw sim::InputError(
      fmt::format("no data folder: looked for {} and {}; name it in "
                  "EDGEWARD_DATA_DIR",
                  installed.string(), source.string()));
}

}  // namespace edgeward::controller
