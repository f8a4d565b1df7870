#include "policy/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
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
    fmt::format_to(std::back_inserter(out), "{:.12f}", number);
  } else {
    fmt::format_to(std::back_inserter(out), "{}", number);
  }
}

void write_string(std::string_view text, std::string& out) {
  const bool is_plain = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\';
  });
  if (is_plain) {
    out += '"';
    out += text;
    out += '"';
  } else {
    out += json::serialize(json::string(text));
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
        write_string(std::string_view(member.key().data(), member.key().size()), out);
        out += ':';
        write_compact(member.value(), out);
      });
      break;
    case json::kind::array:
      write_items(value.get_array(), '[', ']', out,
                  [&out](const json::value& item) { write_compact(item, out); });
      break;
    case json::kind::string:
      write_string(std::string_view(value.get_string().data(), value.get_string().size()), out);
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

void write_pretty(const json::value& value, std::size_t indent, std::string& out) {
  std::string compact;
  write_compact(value, compact);
  const bool is_container = value.is_object() || value.is_array();
  if (!is_container || compact.size() + indent <= kLineWidth) {
    out += compact;
    return;
  }
  const std::string margin(indent + 2, ' ');
  const char* separator = "\n";
  const auto start_item = [&] {
    out += separator;
    out += margin;
    separator = ",\n";
  };
  out += value.is_object() ? '{' : '[';
  if (value.is_object()) {
    for (const auto& member : value.get_object()) {
      start_item();
      out += json::serialize(json::string(member.key())) + ": ";
      write_pretty(member.value(), indent + 2, out);
    }
  } else {
    for (const json::value& item : value.get_array()) {
      start_item();
      write_pretty(item, indent + 2, out);
    }
  }
  out += '\n' + std::string(indent, ' ') + (value.is_object() ? '}' : ']');
}

}  // namespace

std::string json_line(const boost::json::value& value) {
  std::string out;
  write_compact(value, out);
  out += '\n';
  return out;
}

std::string json_text(const boost::json::value& value) {
  std::string out;
  write_pretty(value, 0, out);
  out += '\n';
  return out;
}

}  // namespace edgeward::policy
