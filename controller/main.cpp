#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <memory>

#include "controller/commands/command_line.hpp"
#include "controller/config/fault.hpp"
#include "controller/http/client.hpp"
#include "controller/terminal.hpp"
#include "sim/printable.hpp"

int main(int argc, char** argv) {
  namespace controller = edgeward::controller;
  controller::Action action;
  const std::unique_ptr<CLI::App> app = controller::command_line(action);
  try {
    app->parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app->exit(help);
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "edgeward: {}; see --help\n", edgeward::sim::printable(error.what()));
    return controller::kExitUsage;
  }
  try {
    return action();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "edgeward: out of memory; a smaller --memory spools requests to disk\n");
  } catch (const controller::Unreachable& error) {
    fmt::print(stderr, "edgeward: {}\n", edgeward::sim::printable(error.what()));
    return controller::kExitUnreachable;
  } catch (const controller::ConfigError& error) {
    for (const controller::Fault& fault : error.faults()) {
      fmt::print(stderr, "{}\n", edgeward::sim::printable(fault.text()));
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "edgeward: {}\n", edgeward::sim::printable(error.what()));
  }
  return controller::kExitUsage;
}
