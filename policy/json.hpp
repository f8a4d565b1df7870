#pragma once

#include <boost/json/fwd.hpp>
#include <string>
#include <string_view>

namespace edgeward::policy {

/// JSON as this project writes it: members in the order they were set, numbers in plain decimal
/// (shortest text that reads back the same; at least six digits for ratios is the caller's
/// rounding), NaN and infinities as null, two spaces of indentation, a newline at the end.
[[nodiscard]] std::string json_text(const boost::json::value& value);
/// The same on one line, without blanks: an item of NDJSON, its end of line included.
[[nodiscard]] std::string json_line(const boost::json::value& value);

/// The layout of json_text for a value that is written already: on one line, without blanks and
/// without an end of line.
[[nodiscard]] std::string indented_json(std::string_view line);

/// Whether a JSON string holds the text as it is.
[[nodiscard]] bool is_plain_json(std::string_view text);
/// Appends text as a JSON string, quotes included. What is no UTF-8 stays as it is.
void append_json_string(std::string_view text, std::string& out);

}  // namespace edgeward::policy
