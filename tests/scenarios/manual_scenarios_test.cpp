#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support.hpp"

// The manual page and the completions, held to what --help says of each command.

namespace edgeward {

namespace {

namespace fs = std::filesystem;

const fs::path kManual = fs::path(EDGEWARD_BUILD_DIR) / "manual";

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

/// A command as --help shows it.
struct Command {
  std::string path;  ///< "geo build"
  std::vector<std::string> options;
  std::vector<std::string> commands;
};

void explore(const std::vector<std::string>& path, std::vector<Command>& found) {
  std::vector<std::string> arguments = path;
  arguments.emplace_back("--help");
  const test::Outcome help = test::run(EDGEWARD_BINARY, arguments);
  REQUIRE(help.exit_code == 0);
  Command command{.path = fmt::format("{}", fmt::join(path, " "))};
  bool lists_commands = false;
  // What follows the options is prose, which may speak of options too.
  for (const std::string& line : lines_of(help.out)) {
    if (!line.empty() && line[0] != ' ') lists_commands = line == "Subcommands:";
    if (!line.starts_with("  ") || line.size() < 4 || line[2] == ' ') continue;
    const std::string word = line.substr(2, line.find(' ', 2) - 2);
    if (lists_commands) command.commands.push_back(word);
    if (word[0] != '-') continue;
    std::istringstream names(word);
    for (std::string name; std::getline(names, name, ',');) command.options.push_back(name);
  }
  REQUIRE(command.options.size() >= 2);
  found.push_back(command);
  for (const std::string& below : command.commands) {
    std::vector<std::string> deeper = path;
    deeper.push_back(below);
    explore(deeper, found);
  }
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> found;
    explore({}, found);
    return found;
  }();
  return all;
}

bool contains(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// What bash completes at the end of a line, in a folder with the files it may find.
std::vector<std::string> completed_by_bash(const std::string& line, const fs::path& folder) {
  constexpr const char* kScript =
      "cd \"$2\" || exit; source \"$0\" || exit; read -ra COMP_WORDS <<<\"$1\"; "
      "if [[ $1 == *' ' ]]; then COMP_WORDS+=(''); fi; "
      "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _edgeward; "
      "if ((${#COMPREPLY[@]})); then printf '%s\\n' \"${COMPREPLY[@]}\"; fi";
  const test::Outcome outcome = test::run(
      "/bin/bash",
      {"--norc", "-c", kScript, (kManual / "edgeward.bash").string(), line, folder.string()});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  REQUIRE(outcome.err.empty());
  return lines_of(outcome.out);
}

std::string line_to(const Command& command, const std::string& last) {
  return "edgeward " + command.path + (command.path.empty() ? "" : " ") + last;
}

}  // namespace

TEST_CASE("the manual page has every command with every option that its help has") {
  REQUIRE(commands().size() >= 14);
  // Without roff's escapes for "-" and font changes.
  std::string page = test::read_file(kManual / "edgeward.1");
  for (const char* escape : {"\\fB", "\\fR", "\\fI"}) {
    for (std::size_t at = 0; (at = page.find(escape)) != std::string::npos;) page.erase(at, 3);
  }
  page.erase(std::remove(page.begin(), page.end(), '\\'), page.end());
  for (const Command& command : commands()) {
    INFO(command.path);
    const std::string start =
        command.path.empty() ? "\n.SH OPTIONS\n" : "\n.SS edgeward " + command.path + "\n";
    const std::size_t begin = page.find(start);
    REQUIRE(begin != std::string::npos);
    const std::string section = page.substr(begin, page.find("\n.S", begin + 1) - begin);
    for (const std::string& option : command.options) {
      INFO(option);
      // At a line's start, or after a short name.
      const bool is_there = section.find(".TP\n" + option) != std::string::npos ||
                            section.find(", " + option + " ") != std::string::npos ||
                            section.find(", " + option + "\n") != std::string::npos;
      CHECK(is_there);
    }
  }
}

TEST_CASE("the manual page is free of faults that man and mandoc see") {
  const std::string page = (kManual / "edgeward.1").string();
  const bool has_mandoc = fs::exists("/usr/bin/mandoc");
  const bool has_man = fs::exists("/usr/bin/man");
  if (!has_mandoc && !has_man) return test::skip("neither mandoc nor man is installed");
  if (has_mandoc) {
    const test::Outcome linted = test::run("/usr/bin/mandoc", {"-Tlint", page});
    INFO(linted.out << linted.err);
    CHECK(linted.exit_code == 0);
    CHECK(linted.out.empty());
  }
  if (has_man) {
    const test::Outcome shown =
        test::run("/usr/bin/man", {"--warnings", "-E", "UTF-8", "-P", "cat", "-l", page});
    INFO(shown.err);
    CHECK(shown.exit_code == 0);
    CHECK(shown.err.empty());
    CHECK(shown.out.find("edgeward geo build") != std::string::npos);
  }
}

TEST_CASE("bash completes every command and option that help has, and nothing else") {
  const test::TemporaryFolder folder;
  for (const Command& command : commands()) {
    INFO(command.path);
    const auto options = completed_by_bash(line_to(command, "-"), folder.path());
    CHECK(options.size() == command.options.size());
    for (const std::string& option : command.options) {
      INFO(option);
      CHECK(contains(options, option));
    }
    const auto below = completed_by_bash(line_to(command, ""), folder.path());
    CHECK(below == command.commands);
  }
}

TEST_CASE("bash completes choices, and files where one is named") {
  const test::TemporaryFolder folder;
  folder.write("one log", "");
  folder.write("other", "");
  using Words = std::vector<std::string>;
  const auto complete = [&](const std::string& line) {
    Words words = completed_by_bash(line, folder.path());
    std::sort(words.begin(), words.end());
    return words;
  };
  CHECK(complete("edgeward rep") == Words{"replay"});
  CHECK(complete("edgeward geo b") == Words{"build"});
  CHECK(complete("edgeward replay o") == Words{"one log", "other"});
  CHECK(complete("edgeward replay other --fleet ot") == Words{"other"});
  CHECK(complete("edgeward serve --config = ot") == Words{"other"});
  CHECK(complete("edgeward serve --config =") == Words{"one log", "other"});
  CHECK(complete("edgeward replay --key ") == Words{"host_path", "path"});
  CHECK(complete("edgeward route --scoring ne") == Words{"nearest"});
  // What takes a value of another kind completes nothing; an option's value is no command.
  CHECK(complete("edgeward serve --listen ").empty());
  CHECK(complete("edgeward serve o").empty());
  CHECK(complete("edgeward check --pri") == Words{"--print-effective"});
}

TEST_CASE("zsh and fish have every command and option that help has") {
  const std::string zsh = test::read_file(kManual / "_edgeward");
  const std::string fish = test::read_file(kManual / "edgeward.fish");
  for (const Command& command : commands()) {
    INFO(command.path);
    std::string name = "_edgeward" + (command.path.empty() ? "" : "_" + command.path);
    std::replace(name.begin(), name.end(), ' ', '_');
    const std::size_t begin = zsh.find("\n" + name + "() {\n");
    REQUIRE(begin != std::string::npos);
    const std::string function = zsh.substr(begin, zsh.find("\n}\n", begin) - begin);
    const std::string at =
        "'__edgeward_is edgeward" + (command.path.empty() ? "" : " " + command.path) + "'";
    for (const std::string& option : command.options) {
      INFO(option);
      const bool is_long = option.starts_with("--");
      const bool in_zsh = function.find(option + "[") != std::string::npos ||
                          function.find(option + "=[") != std::string::npos;
      CHECK(in_zsh);
      const std::string word = (is_long ? " -l " : " -s ") + option.substr(is_long ? 2 : 1) + " ";
      bool in_fish = false;
      for (const std::string& line : lines_of(fish)) {
        in_fish = in_fish || (line.find(at) != std::string::npos &&
                              (line + " ").find(word) != std::string::npos);
      }
      CHECK(in_fish);
    }
    for (const std::string& below : command.commands) {
      INFO(below);
      CHECK(function.find("'" + below + ":") != std::string::npos);
      CHECK(fish.find(at + " -a " + below + " ") != std::string::npos);
    }
  }
}

TEST_CASE("fish completes what it is given, and zsh reads its file") {
  const bool has_zsh = fs::exists("/usr/bin/zsh");
  const bool has_fish = fs::exists("/usr/bin/fish");
  if (!has_zsh && !has_fish) return test::skip("neither zsh nor fish is installed");
  if (has_zsh) {
    const test::Outcome read = test::run("/usr/bin/zsh", {"-n", (kManual / "_edgeward").string()});
    INFO(read.err);
    CHECK(read.exit_code == 0);
    CHECK(read.err.empty());
  }
  if (has_fish) {
    const auto complete = [](const std::string& line) {
      const test::Outcome outcome =
          test::run("/usr/bin/fish", {"--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
                                      (kManual / "edgeward.fish").string(), line});
      INFO(outcome.err);
      REQUIRE(outcome.err.empty());
      return outcome.out;
    };
    CHECK(complete("edgeward rep").starts_with("replay\t"));
    CHECK(complete("edgeward geo ev").starts_with("evaluate\t"));
    CHECK(complete("edgeward geo build --max").starts_with("--max-size\t"));
    CHECK(complete("edgeward route --scoring ne").starts_with("nearest"));
  }
}

}  // namespace edgeward
