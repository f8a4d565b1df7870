#include "sim/synth.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include "controller/commands/arguments.hpp"
#include "controller/commands/commands.hpp"
#include "controller/terminal.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

namespace {

/// The options as they were typed.
struct SynthCommand {
  std::uint64_t requests = 1'000'000;
  std::uint32_t objects = 100'000;
  double zipf = 1.0;
  std::string sizes = "lognormal:32KiB,1.6";
  std::string rate_by_hour;
  std::string rate_by_weekday;
  std::string releases;
  std::string duration = "24h";
  std::uint64_t seed = 0;
  std::string format = "combined";
  std::string output;
};

int run_synth(const SynthCommand& command) {
  sim::SynthOptions options{
      .requests = command.requests,
      .objects = command.objects,
      .zipf_alpha = command.zipf,
      .sizes = sim::parse_size_law(command.sizes),
      .duration = std::chrono::milliseconds(parse_duration_ms("--duration", command.duration)),
      .seed = command.seed};
  if (!command.rate_by_hour.empty()) {
    options.hourly_rates = sim::parse_hourly_rates(command.rate_by_hour);
  }
  if (!command.rate_by_weekday.empty()) {
    options.weekday_rates = sim::parse_weekday_rates(command.rate_by_weekday);
  }
  if (!command.releases.empty()) options.releases = sim::parse_releases(command.releases);
  const sim::SynthFormat format = sim::parse_synth_format(command.format);
  if (command.output == "-") {
    std::ios::sync_with_stdio(false);
    sim::write_synth(options, format, std::cout);
    if (!std::cout) throw sim::InputError("standard output: writing failed");
    return kExitDone;
  }
  std::ofstream file(command.output, std::ios::binary);
  if (!file) throw sim::InputError(fmt::format("-o {}: cannot be written", command.output));
  sim::write_synth(options, format, file);
  if (!file)
    throw sim::InputError(fmt::format("-o {}: writing failed; is the disk full?", command.output));
  return kExitDone;
}

}  // namespace

void add_synth(CLI::App& app, Action& action) {
  CLI::App& synth = *app.add_subcommand("synth", "Make synthetic traffic: Zipf popularity, seeded");
  auto command = std::make_shared<SynthCommand>();
  SynthCommand& c = *command;
  const auto option = [&](const std::string& name, auto& value, const std::string& help) {
    return synth.add_option(name, value, help)->capture_default_str();
  };
  option("--requests", c.requests, "How many requests");
  option("--objects", c.objects, "How many objects there are to ask for");
  option("--zipf", c.zipf, "Exponent of their popularity; 0 is uniform");
  option("--sizes", c.sizes, "constant:BYTES or lognormal:MEDIAN,SIGMA");
  option("--rate-by-hour", c.rate_by_hour, "24 relative rates, for the hours 0 to 23 UTC");
  option("--rate-by-weekday", c.rate_by_weekday, "7 relative rates, Monday first");
  option(
      "--releases", c.releases,
      "New objects every day at 17:00 UTC: COUNT, or COUNT,PERCENT%,HALF-LIFE with their part of "
      "the requests and how fast they fade: 60,25%,30h");
  option("--duration", c.duration, "From the first request to the last");
  option("--seed", c.seed, "The same seed gives the same traffic");
  option("--format", c.format, "combined, csv or oracle_general");
  synth.add_option("-o,--output", c.output, "File to write; - is standard output")
      ->required()
      ->type_name("FILE");
  synth.footer(
      "Examples:\n"
      "  edgeward synth --requests 200000 --objects 20000 -o access.log\n"
      "  edgeward synth --requests 20000000 --objects 1000000 --sizes constant:1 "
      "--format oracle_general -o zipf.bin\n"
      "  edgeward synth --duration 168h --rate-by-weekday 1,1,1,1,1.2,1.4,1.3 "
      "--releases 60,25%,30h -o week.log\n"
      "  edgeward synth -o - | edgeward replay -\n");
  synth.callback([command, &action] { action = [command] { return run_synth(*command); }; });
}

}  // namespace edgeward::controller
