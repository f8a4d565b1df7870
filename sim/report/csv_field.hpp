#pragma once

#include <string>
#include <string_view>

namespace edgeward::sim {

/// Quoted where RFC 4180 asks for it; a leading =, +, -, @, tab or return gets an apostrophe, since
/// spreadsheets would run it.
[[nodiscard]] std::string csv_text_field(std::string_view text);

}  // namespace edgeward::sim
