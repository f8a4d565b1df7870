#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace edgeward::geo {

/// An IPv4 or IPv6 address. Held as 16 bytes in network order; an IPv4 address is held as its
/// IPv4-mapped IPv6 form (RFC 4291 §2.5.5.2), so that one comparison and one prefix tree serve
/// both.
struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};

  bool operator==(const IpAddress&) const = default;

  [[nodiscard]] static IpAddress v4(std::uint32_t host_order);

  /// Dotted quad, or IPv6 text as in RFC 4291 §2.2. No port, no brackets, no zone, no host name.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;

  /// The IPv4 address that an IPv6 address carries, else itself: 6to4 (2002::/16, RFC 3056 §2),
  /// NAT64's well-known prefix (64:ff9b::/96, RFC 6052 §2.2), and Teredo's client behind its NAT
  /// (2001::/32, RFC 4380 §4). A carried address comes from whoever wrote the packet: good enough
  /// to locate a client, not to trust one.
  [[nodiscard]] IpAddress unwrapped() const;

  /// Dotted quad, or the recommended IPv6 text of RFC 5952.
  [[nodiscard]] std::string text() const;
};

}  // namespace edgeward::geo
