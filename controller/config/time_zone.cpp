#include "controller/config/time_zone.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "cache/parameters.hpp"
#include "controller/config/fault.hpp"

namespace edgeward::controller {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kNameMax = 64;

/// Where cctz looks, too.
const fs::path& folder() {
  static const fs::path path = [] {
    const char* const named = std::getenv("TZDIR");
    return named != nullptr && *named != '\0' ? named : "/usr/share/zoneinfo";
  }();
  return path;
}

/// Parts of letters, digits, '_', '+' and '-' between slashes: no path that leads elsewhere.
bool is_well_formed(std::string_view name) {
  if (name.empty() || name.size() > kNameMax || name.back() == '/') return false;
  bool is_start = true;
  for (const char c : name) {
    const bool is_letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    const bool is_other = std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '_' ||
                          c == '+' || c == '-' || c == '/';
    if (is_start ? !is_letter : !is_letter && !is_other) return false;
    is_start = c == '/';
  }
  return true;
}

/// Names that are files of the database, but no zones: copies with leap seconds, the host's own.
bool is_internal(std::string_view name) {
  return name.starts_with("posix/") || name.starts_with("right/") || name == "localtime" ||
         name == "posixrules";
}

bool is_zone_file(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) return false;
  std::array<char, 4> magic{};
  std::ifstream(path, std::ios::binary).read(magic.data(), magic.size());
  return std::string_view(magic.data(), magic.size()) == "TZif";  // RFC 8536 §3.1
}

std::string nearest_zone(std::string_view name) {
  const std::size_t slash = name.rfind('/');
  const std::string_view region = slash == std::string_view::npos ? "" : name.substr(0, slash + 1);
  std::error_code ignored;
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder() / region, ignored)) {
    if (entry.is_regular_file(ignored)) {
      names.push_back(std::string(region) + entry.path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view nearest = cache::nearest_name(name, views);
  return is_zone_file(folder() / nearest) ? std::string(nearest) : std::string();
}

}  // namespace

std::optional<std::string> time_zone_fault(std::string_view name) {
  constexpr std::string_view kExpected = "an IANA time zone such as Europe/Berlin";
  if (!is_well_formed(name) || is_internal(name)) {
    return fmt::format("expected {}, found {}", kExpected, quote(name));
  }
  std::error_code ignored;
  if (!fs::is_directory(folder(), ignored) || is_zone_file(folder() / name)) return {};
  const std::string nearest = nearest_zone(name);
  return nearest.empty()
             ? fmt::format("{} is not {}", quote(name), kExpected)
             : fmt::format("{} is no IANA time zone, did you mean '{}'?", quote(name), nearest);
}

std::optional<std::string> missing_time_zones() {
  std::error_code ignored;
  if (fs::is_directory(folder(), ignored)) return {};
  return fmt::format("this system has no time zones in {}: install tzdata", folder().string());
}

}  // namespace edgeward::controller
