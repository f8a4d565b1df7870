#pragma once

#include <boost/json/fwd.hpp>
#include <string>

namespace edgeward::policy {

/// JSON as this project writes it: members in the order they were set, numbers in plain decimal
/// (shortest text that reads back the same; at least six digits for ratios is the caller's
/// rounding), NaN and infinities as null, two spaces of indentation, a newline at the end.
[[nodiscard]] std::string json_text(const boost::json::value& value);
/// The same on one line, without blanks: an item of NDJSON, its end of line included.
[[nodiscard]] std::string json_line(const boost::json::value& value);

}  // namespace edgeward::policy
