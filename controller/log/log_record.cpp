#include "controller/log/log_record.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <iterator>
#include <type_traits>

#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

/// Bytes of a text that are written; a reload's errors and a path fit.
constexpr std::size_t kTextBytesMax = 4096;

void append_character(const sim::Character& character, std::string_view text, std::string& out) {
  if (character.bytes == 0) {
    out += "\\ufffd";
  } else if (character.code == '"' || character.code == '\\') {
    out += '\\';
    out += text.front();
  } else if (character.code == '\n') {
    out += "\\n";
  } else if (!character.is_shown) {
    fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(character.code));
  } else {
    out += text.substr(0, character.bytes);
  }
}

/// A JSON string (RFC 8259 §7).
void append_quoted(std::string_view text, std::string& out) {
  const std::size_t end = out.size() + kTextBytesMax;
  out += '"';
  while (!text.empty()) {
    if (out.size() >= end) {
      out += " …";
      break;
    }
    const sim::Character character = sim::first_character(text);
    append_character(character, text, out);
    text.remove_prefix(std::max<std::size_t>(character.bytes, 1));
  }
  out += '"';
}

/// Whether readers of logfmt take it as it is.
bool is_bare(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c > '~' || c == '"' || c == '=' || c == '\\') return false;
  }
  return !text.empty() && text.size() <= kTextBytesMax;
}

void append_value(const LogValue& value, LogFormat format, std::string& out) {
  std::visit(
      [&](const auto& held) {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::string>) {
          if (format == LogFormat::logfmt && is_bare(held)) {
            out += held;
          } else {
            append_quoted(held, out);
          }
        } else if constexpr (std::is_same_v<Held, double>) {
          out += std::isfinite(held) ? fmt::format("{}", held) : "null";
        } else {
          fmt::format_to(std::back_inserter(out), "{}", held);
        }
      },
      value);
}

}  // namespace

std::string log_line(const LogRecord& record, LogFormat format, std::int64_t at_ms) {
  std::vector<LogField> all{
      {"time", fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(static_cast<std::time_t>(at_ms / 1000)),
                           at_ms % 1000)},
      {"level", std::string(name(record.level))},
      {"message", record.message}};
  all.insert(all.end(), record.fields.begin(), record.fields.end());
  const bool is_json = format == LogFormat::json;
  std::string line = is_json ? "{" : "";
  for (const LogField& field : all) {
    if (&field != &all.front()) line += is_json ? ',' : ' ';
    if (is_json) {
      fmt::format_to(std::back_inserter(line), "\"{}\":", field.name);
    } else {
      fmt::format_to(std::back_inserter(line), "{}=", field.name);
    }
    append_value(field.value, format, line);
  }
  return is_json ? line + '}' : line;
}

}  // namespace edgeward::controller
