#include "controller/manual/command_text.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string_view>

namespace edgeward::controller {

namespace {

/// CLI11 has what an option takes as one text: "TEXT:{max,first}", "UINT:INT in [2 - 100]".
void take_type(std::string_view type, OptionText& option) {
  constexpr std::string_view kRange = " in [";
  const std::size_t choices = type.find(":{");
  const std::size_t range = type.find(kRange);
  if (choices != std::string_view::npos) {
    std::string_view list = type.substr(choices + 2);
    list = list.substr(0, list.find('}'));
    for (std::size_t begin = 0; begin <= list.size();) {
      const std::size_t end = std::min(list.find(',', begin), list.size());
      option.choices.emplace_back(list.substr(begin, end - begin));
      begin = end + 1;
    }
    type = type.substr(0, choices);
  } else if (range != std::string_view::npos) {
    const std::size_t begin = range + kRange.size();
    option.range = type.substr(begin, type.find(']', begin) - begin);
    type = type.substr(0, type.find(':'));
  }
  option.value = type;
}

OptionText option_text(const CLI::Option& option) {
  OptionText text{.default_value = option.get_default_str(),
                  .help = option.get_description(),
                  .group = option.get_group(),
                  .is_required = option.get_required(),
                  .is_repeatable = option.get_expected_max() > 1};
  if (option.get_positional()) {
    text.names.push_back(option.get_name(true));
  } else {
    for (const std::string& name : option.get_snames()) text.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) text.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() > 0) take_type(option.get_type_name(), text);
  return text;
}

/// A command without a footer of its own has that of one above it.
bool inherits_footer(const CLI::App& app) {
  for (const CLI::App* above = app.get_parent(); above != nullptr; above = above->get_parent()) {
    if (above->get_footer() == app.get_footer()) return true;
  }
  return false;
}

CommandText command_text(const CLI::App& app, const std::string& above) {
  CommandText text{.name = above + app.get_name(), .help = app.get_description()};
  if (!inherits_footer(app)) text.footer = app.get_footer();
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    (option->get_positional() ? text.positionals : text.options).push_back(option_text(*option));
  }
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; })) {
    text.commands.push_back(command_text(*command, text.name + " "));
  }
  return text;
}

void flatten(const CommandText& command, std::vector<const CommandText*>& all) {
  all.push_back(&command);
  for (const CommandText& below : command.commands) flatten(below, all);
}

}  // namespace

bool OptionText::names_file() const {
  for (const std::string_view word : {"FILE", "INPUT", ".csv"}) {
    if (value.find(word) != std::string::npos) return true;
  }
  return false;
}

std::string CommandText::last_name() const {
  return name.substr(name.rfind(' ') + 1);
}

CommandText command_text(const CLI::App& app) {
  return command_text(app, {});
}

std::vector<const CommandText*> flattened(const CommandText& command) {
  std::vector<const CommandText*> all;
  flatten(command, all);
  return all;
}

}  // namespace edgeward::controller
