#include "sim/logs/field_text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace edgeward::sim {

namespace {

constexpr bool is_space(char c) {
  return is_blank(c) || c == '\r' || c == '\n';
}

/// The byte that a letter after a backslash stands for; 0 for other letters.
constexpr char unescaped(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '\'':
      return c;
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'b':
      return '\b';
    case 'v':
      return '\v';
    case 'f':
      return '\f';
    default:
      return '\0';
  }
}

/// The byte written as two hexadecimal digits at `at`, -1 if they are not there.
int hex_byte(std::string_view text, std::size_t at) {
  if (at + 2 > text.size()) return -1;
  const int high = hex_value(text[at]);
  const int low = hex_value(text[at + 1]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view without_byte_order_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

bool is_same_ignoring_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
           return to_lower(x) == to_lower(y);
         });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
  return is_same_ignoring_case(text.substr(0, prefix.size()), prefix);
}

bool is_absent(std::string_view text) {
  if (text.size() > 4) return false;
  return text.empty() || text == "-" || text == "NA" || is_same_ignoring_case(text, "null");
}

std::string_view next_token(std::string_view& rest) {
  std::size_t begin = 0;
  while (begin < rest.size() && is_blank(rest[begin])) ++begin;
  std::size_t end = begin;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  const std::string_view token = rest.substr(begin, end - begin);
  rest.remove_prefix(end);
  return token;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_whole(std::string_view text) {
  if (const auto count = parse_count(text)) return count;
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  constexpr double kExactMax = 9007199254740992.0;  // 2^53
  if (error != std::errc() || stopped != end || !(value <= kExactMax)) return std::nullopt;
  const auto whole = static_cast<std::uint64_t>(value);
  if (static_cast<double>(whole) != value) return std::nullopt;
  return whole;
}

std::optional<double> parse_finite(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<int> parse_status(std::string_view text) {
  if (text == "000" || text == "-" || text == "0") return kNoAnswer;
  if (text.size() != 3 || !is_digit(text[0]) || !is_digit(text[1]) || !is_digit(text[2])) {
    return std::nullopt;
  }
  return (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
}

std::string_view undo_percent(std::string_view text, std::string& scratch) {
  if (text.find('%') == std::string_view::npos) return text;
  scratch.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '%' ? hex_byte(text, i + 1) : -1;
    scratch.push_back(byte < 0 ? text[i] : static_cast<char>(byte));
    if (byte >= 0) i += 2;
  }
  return scratch;
}

std::string_view undo_backslashes(std::string_view text, std::string& scratch) {
  if (text.find('\\') == std::string_view::npos) return text;
  scratch.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char next = text[i] == '\\' && i + 1 < text.size() ? text[i + 1] : '\0';
    const int byte = next == 'x' ? hex_byte(text, i + 2) : -1;
    if (byte >= 0) {
      scratch.push_back(static_cast<char>(byte));
      i += 3;
    } else if (unescaped(next) != '\0') {
      scratch.push_back(unescaped(next));
      i += 1;
    } else {
      scratch.push_back(text[i]);
    }
  }
  return scratch;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShownMax = 60;
  std::string result = "'";
  result += text.substr(0, kShownMax);
  result += text.size() > kShownMax ? "…'" : "'";
  return result;
}

tl::unexpected<Skipped> skip(SkipReason reason, std::string message) {
  return tl::unexpected(Skipped{.reason = reason, .message = std::move(message)});
}

std::optional<SkipReason> unremarkable(std::string_view line) {
  if (!line.empty() && line.front() != '#' && !is_space(line.front())) return std::nullopt;
  if (trimmed(line).empty()) return SkipReason::blank;
  if (line.front() != '#') return std::nullopt;
  const bool is_header =
      starts_with_ignoring_case(line, "#Fields") || starts_with_ignoring_case(line, "#Version");
  return is_header ? SkipReason::header : SkipReason::comment;
}

}  // namespace edgeward::sim
