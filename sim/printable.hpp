#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace edgeward::sim {

/// One character of UTF-8.
struct Character {
  std::size_t bytes = 0;  ///< 0: what is there is no valid UTF-8
  char32_t code = 0;
  bool is_shown = false;  ///< neither a control nor one that breaks lines or reorders others
};
/// The first character of a text that is not empty.
[[nodiscard]] Character first_character(std::string_view text);

/// Text of any origin, made safe for a terminal: control characters, bytes that are no valid UTF-8,
/// the C1 and the bidirectional controls are shown as \xHH; long texts are cut.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace edgeward::sim
