#include "cache/redis/slots.hpp"

#include <charconv>
#include <system_error>

namespace edgeward::cache::redis {

namespace {

std::uint16_t crc16(std::string_view bytes) {
  std::uint16_t crc = 0;
  for (const char c : bytes) {
    crc = static_cast<std::uint16_t>(crc ^ (static_cast<unsigned char>(c) << 8));
    for (int bit = 0; bit < 8; ++bit) {
      const bool is_set = (crc & 0x8000) != 0;
      crc = static_cast<std::uint16_t>(crc << 1);
      if (is_set) crc = static_cast<std::uint16_t>(crc ^ 0x1021);
    }
  }
  return crc;
}

std::optional<std::uint16_t> parse_up_to(std::string_view text, std::uint16_t max) {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || value > max) return std::nullopt;
  return value;
}

}  // namespace

std::uint16_t slot_of(std::string_view key) {
  const std::size_t open = key.find('{');
  if (open != key.npos) {
    const std::size_t close = key.find('}', open + 1);
    if (close != key.npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  return crc16(key) % kSlots;
}

std::optional<Redirection> parse_redirection(std::string_view text, const Address& from) {
  Redirection result;
  constexpr std::string_view kMoved = "MOVED ";
  constexpr std::string_view kAsk = "ASK ";
  result.is_ask = text.starts_with(kAsk);
  if (!result.is_ask && !text.starts_with(kMoved)) return std::nullopt;
  text.remove_prefix(result.is_ask ? kAsk.size() : kMoved.size());
  const std::size_t blank = text.find(' ');
  if (blank == text.npos) return std::nullopt;
  const auto slot = parse_up_to(text.substr(0, blank), kSlots - 1);
  text.remove_prefix(blank + 1);
  const std::size_t colon = text.rfind(':');
  if (!slot || colon == text.npos) return std::nullopt;
  const auto port = parse_up_to(text.substr(colon + 1), 65'535);
  if (!port || *port == 0) return std::nullopt;
  result.slot = *slot;
  result.address = {.host = std::string(text.substr(0, colon)), .port = *port};
  if (result.address.host.empty()) result.address.host = from.host;
  return result;
}

}  // namespace edgeward::cache::redis
