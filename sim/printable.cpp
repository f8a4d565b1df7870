#include <fmt/format.h>

#include <cstddef>

#include "sim/printable.hpp"

namespace edgeward::sim {

namespace {

constexpr std::size_t kShownMax = 2000;

/// Length of the well-formed UTF-8 sequence at the start of `text` (Unicode §3.9, table 3-7), 0 if
/// there is none or if it is a control character.
std::size_t shown_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return lead >= 0x20 && lead != 0x7F ? 1 : 0;
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  if (lead == 0xC2) low = 0xA0;  // U+0080 to U+009F are the C1 controls
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  // Bidirectional controls reorder what a person reads: U+200E/F, U+202A-E, U+2066-9.
  if (length == 3 && lead == 0xE2) {
    const unsigned second = byte(1);
    const unsigned third = byte(2);
    if (second == 0x80 && (third == 0x8E || third == 0x8F || (third >= 0xAA && third <= 0xAE))) {
      return 0;
    }
    if (second == 0x81 && third >= 0xA6 && third <= 0xA9) return 0;
  }
  return length;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    if (result.size() >= kShownMax) return result + " …";
    const std::size_t length = shown_length(text);
    if (length == 0) {
      result += fmt::format("\\x{:02X}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      result += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return result;
}

}  // namespace edgeward::sim
