#include "sim/printable.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace edgeward::sim {

namespace {

constexpr std::size_t kShownBytesMax = 2000;

/// Neither a control nor a break of lines (U+2028/9), nor what reorders what a person reads:
/// U+200E/F, U+202A-E, U+2066-9.
bool is_shown(char32_t code) {
  return code >= 0x20 && !(code >= 0x7F && code <= 0x9F) && code != 0x200E && code != 0x200F &&
         !(code >= 0x2028 && code <= 0x202E) && !(code >= 0x2066 && code <= 0x2069);
}

/// Well-formed sequences alone (Unicode §3.9, table 3-7).
Character well_formed(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.bytes = 1, .code = lead};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return {};
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  if (byte(1) < low || byte(1) > high) return {};
  char32_t code = lead & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return {};
    code = code << 6 | (byte(i) & 0x3F);
  }
  return {.bytes = length, .code = code};
}

}  // namespace

Character first_character(std::string_view text) {
  Character character = well_formed(text);
  character.is_shown = character.bytes > 0 && is_shown(character.code);
  return character;
}

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (result.size() >= kShownBytesMax) return result + " …";
    const Character character = first_character(text);
    if (character.is_shown) {
      result += text.substr(0, character.bytes);
      text.remove_prefix(character.bytes);
    } else {
      result += fmt::format("\\x{:02X}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    }
  }
  return result;
}

}  // namespace edgeward::sim
