#include "geo/ip_prefix.hpp"

#include <fmt/format.h>

#include <charconv>

namespace edgeward::geo {

namespace {

/// The bits of byte `i` that lie within a prefix of that length.
std::uint8_t mask(unsigned length, std::size_t i) {
  const unsigned begin = static_cast<unsigned>(i) * 8;
  if (length >= begin + 8) return 0xFF;
  if (length <= begin) return 0;
  return static_cast<std::uint8_t>(0xFF00U >> (length - begin));
}

}  // namespace

IpPrefix IpPrefix::around(const IpAddress& address, unsigned length) {
  IpPrefix prefix{.address = address, .length = length};
  for (std::size_t i = 0; i < 16; ++i) prefix.address.bytes[i] &= mask(length, i);
  return prefix;
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = IpAddress::parse(host);
  if (!address) return std::nullopt;
  // ::ffff:1.2.3.4 is IPv4 in content, but its lengths are those of the text's family.
  const bool is_v4_text = host.find(':') == std::string_view::npos;
  const unsigned offset = is_v4_text ? kV4LengthOffset : 0;
  unsigned length = 128 - offset;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (length > 128 - offset) return std::nullopt;
  }
  const IpPrefix prefix = around(*address, length + offset);
  if (prefix.address != *address) return std::nullopt;
  return prefix;
}

bool IpPrefix::contains(const IpAddress& other) const {
  return around(other, length).address == address;
}

IpAddress IpPrefix::last() const {
  IpAddress result = address;
  for (std::size_t i = 0; i < 16; ++i) {
    result.bytes[i] = static_cast<std::uint8_t>(result.bytes[i] | (0xFF & ~mask(length, i)));
  }
  return result;
}

std::string IpPrefix::text() const {
  const bool is_v4 = address.is_v4() && length >= kV4LengthOffset;
  return fmt::format("{}/{}", address.text(), is_v4 ? length - kV4LengthOffset : length);
}

}  // namespace edgeward::geo
