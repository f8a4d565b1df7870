#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "controller/commands/commands.hpp"
#include "controller/config/config_file.hpp"
#include "controller/config/effective.hpp"
#include "controller/config/fault.hpp"
#include "controller/data_folder.hpp"
#include "controller/terminal.hpp"
#include "policy/json.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

struct CheckCommand {
  std::string file;
  bool print_effective = false;
  bool json = false;
};

/// What was found in a file.
struct CheckResult {
  FileKind kind = FileKind::fleet;
  Config config;
  std::vector<Fault> faults;
};

CheckResult check_file(const std::string& file) {
  const auto text = read_text(file);
  if (!text) throw FileUnreadable(fmt::format("{}: {}", file, text.error()));
  CheckResult result{.kind = file_kind(*text)};
  try {
    result.config = parse_config(*text, {.file = file,
                                         .folder = std::filesystem::absolute(file).parent_path(),
                                         .data_folder = data_folder(),
                                         .check_tls = tls_fault});
  } catch (const ConfigError& error) {
    result.faults = error.faults();
  }
  return result;
}

std::string effective(const CheckResult& result) {
  if (result.kind == FileKind::config) return effective_yaml(result.config);
  return effective_yaml(FleetFile{.fleet = result.config.fleet, .routing = result.config.routing});
}

std::string counted(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string summary(const CheckResult& result) {
  const auto& edges = result.config.fleet.edges;
  const auto shields = static_cast<std::size_t>(std::count_if(
      edges.begin(), edges.end(), [](const cache::Edge& edge) { return edge.is_shield; }));
  return fmt::format("a {} of {}, {} and {}",
                     result.kind == FileKind::config ? "configuration" : "fleet",
                     counted(edges.size(), "edge"),
                     shields == 0 ? "no shield" : counted(shields, "shield") + " among them",
                     counted(result.config.routing.services.size(), "service"));
}

std::string json_report(const CheckCommand& command, const CheckResult& result) {
  json::array errors;
  for (const Fault& fault : result.faults) {
    errors.push_back({{"file", fault.file},
                      {"line", fault.at.line},
                      {"column", fault.at.column},
                      {"message", fault.message}});
  }
  json::object report{{"file", command.file},
                      {"kind", result.kind == FileKind::config ? "config" : "fleet"},
                      {"valid", result.faults.empty()},
                      {"errors", std::move(errors)}};
  if (result.faults.empty()) {
    report["edges"] = result.config.fleet.edges.size();
    report["services"] = result.config.routing.services.size();
    if (command.print_effective) report["effective"] = effective(result);
  }
  return policy::json_text(report);
}

int run_check(const CheckCommand& command) {
  const CheckResult result = check_file(command.file);
  if (command.json) {
    fmt::print("{}", json_report(command, result));
    return result.faults.empty() ? kExitDone : kExitNo;
  }
  for (const Fault& fault : result.faults) fmt::print("{}\n", sim::printable(fault.text()));
  const std::string file = sim::printable(command.file);
  if (!result.faults.empty()) {
    fmt::print(stderr, "edgeward: {}: {}\n", file, counted(result.faults.size(), "error"));
    return kExitNo;
  }
  if (command.print_effective) fmt::print("{}", effective(result));
  fmt::print(command.print_effective ? stderr : stdout, "{}: fine: {}\n", file, summary(result));
  return kExitDone;
}

}  // namespace

void add_check(CLI::App& app, Action& action) {
  CLI::App& check = *app.add_subcommand(
      "check", "Check a configuration or a fleet file; tells every error at once");
  auto command = std::make_shared<CheckCommand>();
  check.add_option("file", command->file, "File to check; - is standard input")
      ->required()
      ->type_name("FILE");
  check.add_flag("--print-effective", command->print_effective,
                 "Print the file with every default filled in");
  check.add_flag("--json", command->json, "JSON on standard output");
  check.footer(
      "A file with the key 'fleet' or 'geo' is a configuration, any other a fleet file.\n"
      "Exit codes: 0 fine, 1 errors were found, 2 the file cannot be read.\n"
      "Example:\n"
      "  edgeward check edgeward.yaml --print-effective\n");
  check.callback([command, &action] { action = [command] { return run_check(*command); }; });
}

}  // namespace edgeward::controller
