#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "sim/logs/record.hpp"

namespace edgeward::sim {

// How the texts of log fields are read, whatever the format. Pure; views in, views out.

using ParsedLine = tl::expected<LogRecord, Skipped>;

/// No object is larger (256 TiB), so that sums over a log stay far from overflow.
inline constexpr std::uint64_t kObjectBytesMax = std::uint64_t{1} << 48;

[[nodiscard]] constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t';
}
[[nodiscard]] constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}
/// The value of a hexadecimal digit, -1 for other bytes.
[[nodiscard]] constexpr int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  const char lower = to_lower(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/// Without blanks, carriage returns and line feeds at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);
[[nodiscard]] std::string_view without_byte_order_mark(std::string_view text);
[[nodiscard]] bool is_same_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);

/// What logs write where they have nothing: nothing, "-", "null", "NA".
[[nodiscard]] bool is_absent(std::string_view text);

/// Takes the next blank-separated token off `rest`; empty at the end.
[[nodiscard]] std::string_view next_token(std::string_view& rest);

/// Decimal digits and nothing else; absent if there are others, or more than 64 bits of them.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);
/// As above, and whole numbers as floating point writes them: "1234.0", "1.5e6".
[[nodiscard]] std::optional<std::uint64_t> parse_whole(std::string_view text);
/// A number in decimal or scientific notation and nothing else; absent too for infinities and NaN.
[[nodiscard]] std::optional<double> parse_finite(std::string_view text);
/// Three digits; kNoAnswer for "0", "000" and "-"; absent for anything else.
[[nodiscard]] std::optional<int> parse_status(std::string_view text);

/// Undoes percent-encoding once. A '%' without two hexadecimal digits stays. The view is `text`
/// where there is nothing to undo, else `scratch`.
[[nodiscard]] std::string_view undo_percent(std::string_view text, std::string& scratch);
/// Undoes what nginx and Apache do inside quotes: \" \\ \xHH \n \r \t \b \v \f. Others stay.
[[nodiscard]] std::string_view undo_backslashes(std::string_view text, std::string& scratch);

/// The text between single quotes for a message, cut after 60 bytes. Not escaped.
[[nodiscard]] std::string quoted(std::string_view text);

[[nodiscard]] tl::unexpected<Skipped> skip(SkipReason reason, std::string message = {});

/// Blank and '#' lines. Absent for lines that should hold a request.
[[nodiscard]] std::optional<SkipReason> unremarkable(std::string_view line);

}  // namespace edgeward::sim
