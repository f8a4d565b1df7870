#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace edgeward::controller {

/// What the command line says of one option or positional argument.
struct OptionText {
  std::vector<std::string> names;  ///< "-o", "--output"; of a positional argument: its name
  std::string value;               ///< "FILE"; empty: it takes none
  std::vector<std::string> choices;
  std::string range;  ///< "1 - 1024"; empty: any
  std::string default_value;
  std::string help;
  std::string group;
  bool is_required = false;
  bool is_repeatable = false;

  [[nodiscard]] bool names_file() const;
};

/// One command with its options, and the commands below it.
struct CommandText {
  std::string name;  ///< "edgeward geo build"
  std::string help;
  std::string footer;
  std::vector<OptionText> options;
  std::vector<OptionText> positionals;
  std::vector<CommandText> commands;

  /// "build"
  [[nodiscard]] std::string last_name() const;
};

/// Of a command line and all below it, as its --help shows them.
[[nodiscard]] CommandText command_text(const CLI::App& app);

/// That command and all below it, each before those below it.
[[nodiscard]] std::vector<const CommandText*> flattened(const CommandText& command);

}  // namespace edgeward::controller
