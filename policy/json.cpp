#include "policy/json.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <iterator>
#include <string_view>

namespace edgeward::policy {

namespace {

namespace json = boost::json;

/// Objects up to this many characters stay on one line.
constexpr std::size_t kLineWidth = 100;

void write_number(double number, std::string& out) {
  if (!std::isfinite(number)) {
    out += "null";
  } else if (number != 0 && std::abs(number) >= 1e-6 && std::abs(number) < 1e-4) {
    // The only ones in range for which the shortest text has an exponent.
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.begin(), text.end(), number, std::chars_format::fixed);
    out.append(text.data(), end.ptr);
  } else {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
}

void write_compact(const json::value& value, std::string& out);

template <class Items, class WriteItem>
void write_items(const Items& items, char open, char close, std::string& out, WriteItem write) {
  out += open;
  bool first = true;
  for (const auto& item : items) {
    if (!first) out += ',';
    first = false;
    write(item);
  }
  out += close;
}

void write_compact(const json::value& value, std::string& out) {
  switch (value.kind()) {
    case json::kind::object:
      write_items(value.get_object(), '{', '}', out, [&out](const auto& member) {
        append_json_string(std::string_view(member.key().data(), member.key().size()), out);
        out += ':';
        write_compact(member.value(), out);
      });
      break;
    case json::kind::array:
      write_items(value.get_array(), '[', ']', out,
                  [&out](const json::value& item) { write_compact(item, out); });
      break;
    case json::kind::string:
      append_json_string(std::string_view(value.get_string().data(), value.get_string().size()),
                         out);
      break;
    case json::kind::uint64:
      fmt::format_to(std::back_inserter(out), "{}", value.get_uint64());
      break;
    case json::kind::double_:
      write_number(value.get_double(), out);
      break;
    default:
      out += json::serialize(value);
  }
}

/// Where the value that the text begins with ends.
std::size_t value_size(std::string_view text) {
  std::size_t depth = 0;
  bool is_quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (is_quoted) {
      if (c == '\\') ++i;
      is_quoted = c != '"';
    } else if (c == '"') {
      is_quoted = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']' || c == ',' || c == ':') {
      if (depth == 0) return i;
      if (c == '}' || c == ']') --depth;
    }
  }
  return text.size();
}

void write_pretty(std::string_view compact, std::size_t indent, std::string& out) {
  const bool is_container = compact.front() == '{' || compact.front() == '[';
  if (!is_container || compact.size() + indent <= kLineWidth) {
    out += compact;
    return;
  }
  const std::string margin(indent + 2, ' ');
  out += compact.front();
  for (std::string_view rest = compact.substr(1); rest.size() > 1;) {
    out += rest.size() + 1 == compact.size() ? "\n" : ",\n";
    out += margin;
    std::string_view item = rest.substr(0, value_size(rest));
    rest.remove_prefix(item.size());
    if (rest.front() == ':') {
      out += item;
      out += ": ";
      rest.remove_prefix(1);
      item = rest.substr(0, value_size(rest));
      rest.remove_prefix(item.size());
    }
    write_pretty(item, indent + 2, out);
    if (rest.front() == ',') rest.remove_prefix(1);
  }
  out += '\n' + std::string(indent, ' ') + compact.back();
}

}  // namespace

bool is_plain_json(std::string_view text) {
  bool is_plain = true;
  for (const char c : text) {
    is_plain &= static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
  }
  return is_plain;
}

void append_json_string(std::string_view text, std::string& out) {
  if (is_plain_json(text)) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += json::serialize(json::string(text));
  }
}

std::string indented_json(std::string_view line) {
  std::string out;
  write_pretty(line, 0, out);
  out += '\n';
  return out;
}

std::string json_line(const boost::json::value& value) {
  std::string out;
  write_compact(value, out);
  out += '\n';
  return out;
}

std::string json_text(const boost::json::value& value) {
  std::string compact;
  write_compact(value, compact);
  return indented_json(compact);
}

}  // namespace edgeward::policy
