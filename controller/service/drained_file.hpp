#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace edgeward::controller {

/// Names of the edges that the operator drained, kept in a folder beyond a restart:
/// `drained.json`, an array of names. A file that is not there holds none. Throws
/// std::runtime_error that names the file.
[[nodiscard]] std::vector<std::string> read_drained(const std::filesystem::path& folder);

/// Replaces the file as a whole: whoever reads it finds the old names or the new ones.
void write_drained(const std::filesystem::path& folder, const std::vector<std::string>& names);

}  // namespace edgeward::controller
