#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "controller/commands/arguments.hpp"
#include "controller/commands/commands.hpp"
#include "controller/locator_loading.hpp"
#include "controller/terminal.hpp"
#include "geo/coarsening.hpp"
#include "geo/mmdb_writer.hpp"
#include "geo/network_table.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct GeoBuildCommand {
  std::vector<std::string> inputs;
  std::string output;
  std::string bytes_max;
  std::string description;
};

bool is_database(const std::string& path) {
  return path.ends_with(".mmdb");
}

/// When a file made from a table was made: SOURCE_DATE_EPOCH where builds are to be repeatable
/// (reproducible-builds.org), else now.
std::uint64_t build_time_s() {
  const char* const given = std::getenv("SOURCE_DATE_EPOCH");
  if (given == nullptr) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(now).count());
  }
  char* end = nullptr;
  const std::uint64_t seconds = std::strtoull(given, &end, 10);
  if (end == given || *end != '\0' || seconds == 0) {
    throw sim::InputError(
        fmt::format("SOURCE_DATE_EPOCH is '{}', expected seconds since 1970", given));
  }
  return seconds;
}

geo::MmdbContents contents_of_table(const std::string& path) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) throw sim::InputError(fmt::format("{}: cannot be read", path));
  }
  auto contents = geo::read_network_table(path == "-" ? std::cin : file, path);
  if (!contents) {
    for (const std::string& error : contents.error()) {
      fmt::print(stderr, "edgeward: {}\n", sim::printable(error));
    }
    throw sim::InputError(fmt::format("{}: nothing written, for what is said above", path));
  }
  contents->build_time_s = build_time_s();
  return std::move(*contents);
}

geo::MmdbContents contents_of_databases(const GeoBuildCommand& command) {
  const std::vector<geo::Mmdb> databases = open_databases(command.inputs);
  geo::MmdbContents contents;
  if (command.bytes_max.empty()) {
    for (const geo::Mmdb& database : databases) {
      const auto done = geo::add_networks(database, contents);
      if (!done) throw sim::InputError(done.error());
    }
    return contents;
  }
  const geo::CoarseningOptions options{.bytes_max = parse_bytes("--max-size", command.bytes_max)};
  auto coarse = geo::coarsen(databases, options);
  if (!coarse) throw sim::InputError(coarse.error());
  return std::move(*coarse);
}

geo::MmdbContents contents_of(const GeoBuildCommand& command) {
  std::size_t databases = 0;
  for (const std::string& input : command.inputs) databases += is_database(input) ? 1 : 0;
  if (databases == command.inputs.size()) return contents_of_databases(command);
  if (command.inputs.size() > 1) {
    throw sim::InputError("geo build: expected one CSV, or databases (.mmdb) alone");
  }
  if (!command.bytes_max.empty()) {
    throw sim::InputError("--max-size: coarsens databases (.mmdb), a table is written whole");
  }
  return contents_of_table(command.inputs.front());
}

int run_geo_build(const GeoBuildCommand& command) {
  geo::MmdbContents contents = contents_of(command);
  contents.description = command.description;
  const auto bytes = geo::write_mmdb(contents);
  if (!bytes) throw sim::InputError(fmt::format("-o {}: {}", command.output, bytes.error()));
  std::ofstream file(command.output, std::ios::binary);
  if (!file) throw sim::InputError(fmt::format("-o {}: cannot be written", command.output));
  file << *bytes;
  file.close();
  if (!file) {
    throw sim::InputError(fmt::format("-o {}: writing failed; is the disk full?", command.output));
  }
  fmt::print(stderr, "edgeward: {}: {} networks, {} bytes\n", sim::printable(command.output),
             contents.networks.size(), bytes->size());
  return kExitDone;
}

}  // namespace

void add_geo_build(CLI::App& geo, Action& action) {
  CLI::App& build = *geo.add_subcommand("build", "Make a database (MMDB) of a table of networks");
  auto command = std::make_shared<GeoBuildCommand>();
  GeoBuildCommand& c = *command;
  build
      .add_option("inputs", c.inputs,
                  "CSV with columns network,lat,lon,country,asn,city (network is required; - is "
                  "standard input); or databases (.mmdb), to be joined")
      ->required()
      ->type_name("CSV|FILE.mmdb");
  build.add_option("-o,--output", c.output, "Database to write")
      ->required()
      ->type_name("FILE.mmdb");
  build
      .add_option("--max-size", c.bytes_max, "Coarsen databases to that size, with the least error")
      ->type_name("BYTES");
  build.add_option("--description", c.description, "What the database says of itself");
  build.footer(
      "Networks may lie in one another: the longest decides. One given twice is an error.\n"
      "Examples:\n"
      "  edgeward geo build networks.csv -o own.mmdb\n"
      "  edgeward geo build city-ipv4.mmdb city-ipv6.mmdb --max-size 3MB -o world.mmdb\n");
  build.callback([command, &action] { action = [command] { return run_geo_build(*command); }; });
}

}  // namespace edgeward::controller
