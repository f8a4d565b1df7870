#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "geo/ip_address.hpp"

namespace edgeward::geo {

/// A block of addresses. The length counts bits of the 16-byte form, so an IPv4 /24 has 120; text
/// is written and read in the family's own lengths.
struct IpPrefix {
  IpAddress address;  ///< bits past the length are 0
  unsigned length = 0;

  bool operator==(const IpPrefix&) const = default;

  /// The block of that length (0..128, of the 16-byte form) in which the address lies.
  [[nodiscard]] static IpPrefix around(const IpAddress& address, unsigned length);

  /// "192.0.2.0/24", "2001:db8::/32", or an address alone for itself. Nothing for anything else,
  /// host bits that are set among it: 192.0.2.1/24 is more likely a mistake than a block.
  [[nodiscard]] static std::optional<IpPrefix> parse(std::string_view text);

  [[nodiscard]] bool contains(const IpAddress& other) const;
  [[nodiscard]] IpAddress last() const;  ///< its highest address

  [[nodiscard]] std::string text() const;
};

/// How far an IPv4 prefix's length is from that of its 16-byte form.
inline constexpr unsigned kV4LengthOffset = 96;

}  // namespace edgeward::geo
