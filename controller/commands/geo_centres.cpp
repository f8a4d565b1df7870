#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "controller/commands/commands.hpp"
#include "controller/locator_loading.hpp"
#include "controller/terminal.hpp"
#include "geo/country_centres.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct GeoCentresCommand {
  std::vector<std::string> inputs;
  std::string output;
};

int run_geo_centres(const GeoCentresCommand& command) {
  const auto centres = geo::CountryCentres::derive(open_databases(command.inputs));
  if (!centres) throw sim::InputError(centres.error());
  std::ofstream file(command.output, std::ios::binary);
  if (!file) throw sim::InputError(fmt::format("-o {}: cannot be written", command.output));
  file << centres->csv();
  file.close();
  if (!file) {
    throw sim::InputError(fmt::format("-o {}: writing failed; is the disk full?", command.output));
  }
  return kExitDone;
}

}  // namespace

void add_geo_centres(CLI::App& geo, Action& action) {
  CLI::App& centres =
      *geo.add_subcommand("centres", "Derive from databases where the clients of each country are");
  auto command = std::make_shared<GeoCentresCommand>();
  centres.add_option("inputs", command->inputs, "Databases (.mmdb) with coordinates and countries")
      ->required()
      ->type_name("FILE.mmdb");
  centres
      .add_option("-o,--output", command->output,
                  "CSV to write: country,lat,lon,radius_km; the radius holds 80% of the addresses")
      ->required()
      ->type_name("FILE.csv");
  centres.callback(
      [command, &action] { action = [command] { return run_geo_centres(*command); }; });
}

}  // namespace edgeward::controller
