#include "controller/manual/man_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace edgeward::controller {

namespace {

/// A character of UTF-8 at the start of `text`, which it is taken off.
char32_t take_character(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  char32_t character = size == 1 ? first : first & (0x7FU >> size);
  for (std::size_t i = 1; i < size && i < text.size(); ++i) {
    character = character << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  text.remove_prefix(std::min(size, text.size()));
  return character;
}

/// Text for roff: nothing in it is a request or an escape.
std::string escaped(std::string_view text) {
  std::string out;
  bool is_line_start = true;
  while (!text.empty()) {
    const char32_t character = take_character(text);
    // A line that begins with one of these would be a request.
    if (is_line_start && (character == '.' || character == '\'')) out += "\\&";
    is_line_start = character == '\n';
    switch (character) {
      case '\\':
        out += "\\e";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '"':
        out += "\\(dq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      case U'…':
        out += "...";
        break;
      default:
        if (character < 0x80) {
          out += static_cast<char>(character);
        } else {
          out += fmt::format("\\[u{:04X}]", static_cast<std::uint32_t>(character));
        }
    }
  }
  return out;
}

/// Escaped text that roff will fill, in lines of at most 80 bytes where words allow it.
std::string in_lines(std::string_view text) {
  constexpr std::size_t kLineMax = 80;
  std::string out;
  std::size_t line_begin = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string_view word = text.substr(begin, end - begin);
    if (out.size() + 1 + word.size() - line_begin > kLineMax) {
      out += '\n';
      line_begin = out.size();
      if (word.starts_with('.')) out += "\\&";
    } else if (!out.empty()) {
      out += ' ';
    }
    out += word;
    begin = end + 1;
  }
  return out;
}

std::string bold(std::string_view text) {
  return fmt::format("\\fB{}\\fR", escaped(text));
}
std::string italic(std::string_view text) {
  return fmt::format("\\fI{}\\fR", escaped(text));
}

std::string line_of(const CommandText& command) {
  std::string line = bold(command.name);
  if (!command.options.empty()) line += " [" + italic("OPTIONS") + "]";
  for (const OptionText& positional : command.positionals) {
    const std::string name =
        italic(positional.names.front()) + (positional.is_repeatable ? "..." : "");
    line += positional.is_required ? " " + name : " [" + name + "]";
  }
  return line;
}

std::string help_of(const OptionText& option) {
  std::string text = escaped(option.help);
  if (!option.choices.empty()) {
    text += "; one of";
    for (const std::string& choice : option.choices) text += " " + bold(choice);
  }
  if (!option.range.empty()) text += "; " + escaped(option.range);
  if (!option.default_value.empty()) text += "; default: " + bold(option.default_value);
  if (option.is_required) text += " (required)";
  return text;
}

void add_option(const OptionText& option, bool is_positional, std::string& page) {
  std::string names;
  for (const std::string& name : option.names) {
    names += (names.empty() ? "" : ", ") + (is_positional ? italic(name) : bold(name));
  }
  page += ".TP\n" + names;
  if (!option.value.empty() && !is_positional) page += " " + italic(option.value);
  page += "\n" + in_lines(help_of(option)) + "\n";
}

void add_options(const CommandText& command, std::string& page) {
  for (const OptionText& positional : command.positionals) add_option(positional, true, page);
  std::string group = "Options";
  for (const OptionText& option : command.options) {
    if (option.group != group) {
      group = option.group;
      page += ".PP\n" + escaped(group) + ":\n";
    }
    add_option(option, false, page);
  }
}

/// As it is in --help, line by line.
void add_footer(const std::string& footer, std::string& page) {
  if (footer.empty()) return;
  page += ".PP\n.nf\n" + escaped(footer);
  if (!footer.ends_with('\n')) page += '\n';
  page += ".fi\n";
}

constexpr std::string_view kAfterCommands =
    R"(.SH EXIT STATUS
.TP
.B 0
Done.
.TP
.B 1
It ran, and the answer is no: a file has errors, no edge may serve,
a policy is worse.
.TP
.B 2
Usage, input or configuration error; an address that cannot be listened on.
.TP
.B 75
The service cannot be reached; try later.
.TP
.B 130
Interrupted; the partial report was printed.
.SH ENVIRONMENT
.TP
.B EDGEWARD_DATA_DIR
The folder of shipped data, instead of
.I share/edgeward
beside the folder of the program.
.TP
.B TMPDIR
Where requests are spooled that exceed
.BR \-\-memory .
.TP
.BR NOTIFY_SOCKET ", " WATCHDOG_USEC ", " WATCHDOG_PID
Set by
.BR systemd (1)
for
.BR "edgeward serve" :
it is told of readiness, reloads and the end, and its watchdog is fed.
.TP
.BR LISTEN_FDS ", " LISTEN_PID ", " LISTEN_FDNAMES
Listening sockets held for
.BR "edgeward serve" ,
instead of the configured addresses. Names:
.B http
and
.B admin
(TCP),
.B dns
(as many UDP as TCP sockets).
.SH FILES
.TP
.I /etc/edgeward/edgeward.yaml
What the service reads; every key is explained in it.
.TP
.I /var/lib/edgeward
What survives a restart: drained edges.
.TP
.I share/edgeward
Shipped data: example configuration, demonstration fleet, location database
(IP Geolocation by DB\-IP, https://db\-ip.com), samples.
.SH SEE ALSO
.BR systemd.service (5),
.BR systemd.socket (5),
.BR curl (1),
.BR dig (1)
)";

}  // namespace

std::string man_page(const CommandText& edgeward, std::string_view version,
                     std::string_view released) {
  // "Edgeward: routes clients …" → "routes clients …"
  const std::string summary = edgeward.help.substr(edgeward.help.find(": ") + 2);
  std::string page = fmt::format(
      ".TH EDGEWARD 1 {} \"edgeward {}\" \"User Commands\"\n"
      ".SH NAME\n{}\n.SH SYNOPSIS\n",
      released, version, in_lines("edgeward \\- " + escaped(summary)));
  const auto commands = flattened(edgeward);
  bool is_first = true;
  for (const CommandText* const command : commands) {
    if (!command->commands.empty() && command->positionals.empty()) continue;
    if (!is_first) page += ".br\n";
    is_first = false;
    page += line_of(*command) + "\n";
  }
  page += ".SH OPTIONS\n";
  add_options(edgeward, page);
  page += ".SH COMMANDS\n";
  for (const CommandText* const command : commands) {
    if (command == &edgeward) continue;
    page += ".SS " + escaped(command->name) + "\n" + in_lines(escaped(command->help) + ".") + "\n";
    add_options(*command, page);
    add_footer(command->footer, page);
  }
  page += kAfterCommands;
  return page;
}

}  // namespace edgeward::controller
