#include "controller/locator_loading.hpp"

#include <fmt/format.h>

#include <fstream>

#include "controller/data_folder.hpp"
#include "geo/prefix_overrides_file.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

void tell_on_stderr(std::string_view sentence) {
  fmt::print(stderr, "edgeward: {}\n", sim::printable(sentence));
}

/// Reads a table; says its errors, if there are any, and throws.
template <typename Read>
auto read_table(const std::string& path, Read read, const Talk& talk) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw sim::InputError(fmt::format("{}: cannot be read", path));
  auto table = read(file, path);
  if (!table) {
    for (const std::string& error : table.error()) talk(error);
    throw sim::InputError(fmt::format("{}: not used, for what is said above", path));
  }
  return std::move(*table);
}

}  // namespace

geo::Locator load_locator(const LocatorFiles& files) {
  geo::Locator::Parts parts;
  parts.databases = open_databases(files.databases);
  if (!files.overrides.empty()) parts.overrides = load_overrides(files.overrides, tell_on_stderr);
  parts.centres = load_country_centres(tell_on_stderr);
  parts.fallback = files.fallback;
  return geo::Locator(std::move(parts));
}

std::vector<geo::Mmdb> open_databases(const std::vector<std::string>& paths) {
  std::vector<std::string> chosen = paths;
  if (chosen.empty()) {
    chosen.push_back((data_folder() / "geo" / "world.mmdb").string());
    tell_on_stderr(
        fmt::format("no --database: using the coarse {} (IP Geolocation by DB-IP, "
                    "https://db-ip.com)",
                    chosen.front()));
  }
  std::vector<geo::Mmdb> databases;
  for (const std::string& path : chosen) {
    auto database = geo::Mmdb::open(path);
    if (!database) throw sim::InputError(database.error());
    databases.push_back(std::move(*database));
  }
  return databases;
}

geo::PrefixOverrides load_overrides(const std::string& path, const Talk& talk) {
  return read_table(path, geo::read_prefix_overrides, talk);
}

geo::CountryCentres load_country_centres(const Talk& talk) {
  return read_table((data_folder() / "geo" / "countries.csv").string(), geo::CountryCentres::read,
                    talk);
}

}  // namespace edgeward::controller
