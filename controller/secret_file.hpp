#pragma once

#include <filesystem>
#include <string>

namespace edgeward::controller {

/// The secret that a file holds: its text without the end of line. Throws std::runtime_error that
/// names a file that cannot be read or is empty.
[[nodiscard]] std::string read_secret(const std::filesystem::path& file);

}  // namespace edgeward::controller
