#include "controller/manual/completions.hpp"

#include <fmt/format.h>

#include <string_view>

namespace edgeward::controller {

namespace {

/// `text` with `escape` before each of `characters`.
std::string escaped(std::string_view text, std::string_view characters, std::string_view escape) {
  std::string out;
  for (const char c : text) {
    if (characters.find(c) != std::string_view::npos) out += escape;
    out += c;
  }
  return out;
}

/// For the inside of single quotes.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : escaped(text, "[]:\\", "\\")) out += c == '\'' ? "'\\''" : std::string(1, c);
  return out;
}
std::string fish_text(std::string_view text) {
  return escaped(text, "'\\", "\\");
}

std::string joined(const std::vector<std::string>& words, std::string_view between = " ") {
  return fmt::format("{}", fmt::join(words, between));
}

/// "edgeward geo build" → "_edgeward_geo_build"
std::string zsh_function(const CommandText& command) {
  std::string name = "_" + command.name;
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
}

/// The names of all commands but the first, quoted for bash and fish.
std::string names_below(const std::vector<const CommandText*>& commands, std::string_view between) {
  std::vector<std::string> names;
  for (const CommandText* const command : commands) {
    if (command != commands.front()) names.push_back("'" + command->name + "'");
  }
  return joined(names, between);
}

/// Cases of "COMMAND OPTION" for options that take a value.
std::string bash_values(const std::vector<const CommandText*>& commands) {
  std::string cases;
  for (const CommandText* const command : commands) {
    for (const OptionText& option : command->options) {
      if (option.value.empty()) continue;
      std::vector<std::string> words;
      for (const std::string& name : option.names) {
        words.push_back("'" + command->name + " " + name + "'");
      }
      cases += "    " + joined(words, " | ") + ")\n";
      if (!option.choices.empty()) {
        cases += "      _edgeward_words '" + joined(option.choices) + "' \"$cur\" ;;\n";
      } else {
        cases += option.names_file() ? "      _edgeward_files \"$cur\" ;;\n" : "      ;;\n";
      }
    }
  }
  return cases;
}

/// Cases of "COMMAND": its options, the commands below it, whether it takes files.
std::string bash_options(const std::vector<const CommandText*>& commands) {
  std::string cases;
  for (const CommandText* const command : commands) {
    std::vector<std::string> options;
    for (const OptionText& option : command->options) {
      options.insert(options.end(), option.names.begin(), option.names.end());
    }
    std::vector<std::string> below;
    for (const CommandText& each : command->commands) below.push_back(each.last_name());
    bool takes_files = false;
    for (const OptionText& each : command->positionals) takes_files |= each.names_file();
    cases += fmt::format("        '{}')\n          options='{}'\n", command->name, joined(options));
    if (!below.empty()) cases += fmt::format("          commands='{}'\n", joined(below));
    if (takes_files) cases += "          takes_files=yes\n";
    cases += "          ;;\n";
  }
  return cases;
}

/// One line for _arguments a name of the option.
std::string zsh_option(const OptionText& option) {
  std::string lines;
  const std::string others = option.is_repeatable ? "*" : fmt::format("({})", joined(option.names));
  std::string action = " ";
  if (option.names_file()) action = "_files";
  if (!option.choices.empty()) action = fmt::format("({})", joined(option.choices));
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    lines += fmt::format(" \\\n    '{}{}{}[{}]", others, name,
                         is_long && !option.value.empty() ? "=" : "", zsh_text(option.help));
    if (!option.value.empty()) lines += fmt::format(":{}:{}", zsh_text(option.value), action);
    lines += "'";
  }
  return lines;
}

std::string zsh_command(const CommandText& command) {
  std::string text = zsh_function(command) + "() {\n";
  const bool has_commands = !command.commands.empty();
  if (has_commands) text += "  local curcontext=$curcontext state line\n";
  text += fmt::format("  _arguments{}", has_commands ? " -C" : "");
  for (const OptionText& option : command.options) text += zsh_option(option);
  if (has_commands) {
    text += " \\\n    '1: :->command' \\\n    '*:: :->arguments'\n";
    text += "  case $state in\n    command)\n      local -a commands=(\n";
    for (const CommandText& below : command.commands) {
      text += fmt::format("        '{}:{}'\n", below.last_name(), zsh_text(below.help));
    }
    text += "      )\n      _describe command commands\n      ;;\n";
    text += "    arguments)\n      case $words[1] in\n";
    for (const CommandText& below : command.commands) {
      text += fmt::format("        {}) {} ;;\n", below.last_name(), zsh_function(below));
    }
    text += "      esac\n      ;;\n  esac\n";
  } else {
    for (const OptionText& positional : command.positionals) {
      text +=
          fmt::format(" \\\n    '{}:{}:{}'", positional.is_repeatable ? "*" : "",
                      zsh_text(positional.names.front()), positional.names_file() ? "_files" : " ");
    }
    text += '\n';
  }
  return text + "}\n\n";
}

std::string fish_option(const CommandText& command, const OptionText& option) {
  std::string line = fmt::format("complete -c edgeward -n '__edgeward_is {}'", command.name);
  for (const std::string& name : option.names) {
    const bool is_long = name.starts_with("--");
    line += (is_long ? " -l " : " -s ") + name.substr(is_long ? 2 : 1);
  }
  if (!option.choices.empty()) {
    line += fmt::format(" -x -a '{}'", joined(option.choices));
  } else if (!option.value.empty()) {
    line += option.names_file() ? " -r -F" : " -x";
  }
  return line + fmt::format(" -d '{}'\n", fish_text(option.help));
}

}  // namespace

std::string bash_completion(const CommandText& edgeward) {
  const auto commands = flattened(edgeward);
  return fmt::format(R"(# edgeward(1) for bash; made from its command line.

_edgeward_words() {{
  mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}}

_edgeward_files() {{
  compopt -o filenames 2>/dev/null
  mapfile -t -O "${{#COMPREPLY[@]}}" COMPREPLY < <(compgen -f -- "$1")
}}

_edgeward() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD - 1]}}
  local command=edgeward options='' commands='' takes_files='' i
  COMPREPLY=()
  # --option=value are three words.
  if [[ $cur == '=' ]]; then
    cur=''
  elif [[ $prev == '=' ]]; then
    prev=${{COMP_WORDS[COMP_CWORD - 2]}}
  fi
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case "$command ${{COMP_WORDS[i]}}" in
      {}) command="$command ${{COMP_WORDS[i]}}" ;;
    esac
  done
  case "$command $prev" in
{}    *)
      case $command in
{}      esac
      if [[ $cur == -* ]]; then
        _edgeward_words "$options" "$cur"
      else
        _edgeward_words "$commands" "$cur"
        if [[ $takes_files ]]; then _edgeward_files "$cur"; fi
      fi
      ;;
  esac
}}

complete -F _edgeward edgeward
)",
                     names_below(commands, " | \\\n        "), bash_values(commands),
                     bash_options(commands));
}

std::string zsh_completion(const CommandText& edgeward) {
  std::string text = "#compdef edgeward\n# edgeward(1) for zsh; made from its command line.\n\n";
  for (const CommandText* const command : flattened(edgeward)) text += zsh_command(*command);
  return text + "_edgeward \"$@\"\n";
}

std::string fish_completion(const CommandText& edgeward) {
  const auto commands = flattened(edgeward);
  std::string text = fmt::format(R"(# edgeward(1) for fish; made from its command line.

function __edgeward_is
    set -l command edgeward
    for word in (commandline -opc)[2..-1]
        switch "$command $word"
            case {}
                set command "$command $word"
        end
    end
    test "$command" = "$argv"
end

complete -c edgeward -f
)",
                                 names_below(commands, " "));
  for (const CommandText* const command : commands) {
    for (const CommandText& below : command->commands) {
      text += fmt::format("complete -c edgeward -n '__edgeward_is {}' -a {} -d '{}'\n",
                          command->name, below.last_name(), fish_text(below.help));
    }
    for (const OptionText& option : command->options) text += fish_option(*command, option);
    for (const OptionText& positional : command->positionals) {
      if (!positional.names_file()) continue;
      text += fmt::format("complete -c edgeward -n '__edgeward_is {}' -F\n", command->name);
    }
  }
  return text;
}

}  // namespace edgeward::controller
