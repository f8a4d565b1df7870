#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>

#include "controller/commands/command_line.hpp"
#include "controller/manual/command_text.hpp"
#include "controller/manual/completions.hpp"
#include "controller/manual/man_page.hpp"

// edgeward_manual FOLDER: writes the manual page and the shells' completions there; run by the
// build.

namespace {

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream) throw std::runtime_error(fmt::format("{}: writing failed", file.string()));
}

}  // namespace

int main(int argc, char** argv) {
  namespace controller = edgeward::controller;
  if (argc != 2) {
    fmt::print(stderr, "usage: edgeward_manual FOLDER\n");
    return 2;
  }
  try {
    controller::Action action;
    const auto text = controller::command_text(*controller::command_line(action));
    const std::filesystem::path folder = argv[1];
    write(folder / "edgeward.1", controller::man_page(text, EDGEWARD_VERSION, EDGEWARD_RELEASED));
    write(folder / "edgeward.bash", controller::bash_completion(text));
    write(folder / "_edgeward", controller::zsh_completion(text));
    write(folder / "edgeward.fish", controller::fish_completion(text));
  } catch (const std::exception& error) {
    fmt::print(stderr, "edgeward_manual: {}\n", error.what());
    return 2;
  }
  return 0;
}
