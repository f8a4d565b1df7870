#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "geo/ip_address.hpp"

namespace edgeward::controller {

/// What a COOKIE option holds (RFC 7873 §4).
struct DnsCookie {
  using Client = std::array<std::uint8_t, 8>;
  /// As RFC 9018 §4 has it: version, three reserved bytes, time stamp, hash.
  using Server = std::array<std::uint8_t, 16>;

  Client client{};
  std::span<const std::uint8_t> server;  ///< 8 to 32 bytes; empty: it has none yet

  /// Nothing if the option has a length that there is not.
  [[nodiscard]] static std::optional<DnsCookie> parse(std::span<const std::uint8_t> option);
};

/// Makes and checks server cookies: version 1 of RFC 9018, SipHash-2-4 over the client's cookie,
/// the time and its address, so that all servers with the same secret take each other's. Whoever
/// shows one has received what was sent to that address. Immutable; no allocation, no clock.
class DnsCookies {
 public:
  using Secret = std::array<std::uint8_t, 16>;

  /// The first secret makes cookies, each is good for checking them: so one may follow another
  /// (RFC 9018 §5). None: cookies are not taken.
  explicit DnsCookies(std::vector<Secret> secrets) : secrets_(std::move(secrets)) {}

  [[nodiscard]] bool are_taken() const { return !secrets_.empty(); }

  enum class Standing : std::uint8_t {
    unknown,  ///< there is none, it is too old, or it was given to another
    valid,    ///< given to this address within the last hour …
    fresh,    ///< … within half an hour, by the first secret: good to be kept
  };
  /// A clock may be ahead by five minutes (RFC 9018 §4.3).
  [[nodiscard]] Standing check(const DnsCookie& cookie, const geo::IpAddress& address,
                               std::uint32_t now_s) const;
  /// What to answer with: a fresh one again, else a new one.
  [[nodiscard]] DnsCookie::Server next(const DnsCookie& cookie, Standing standing,
                                       const geo::IpAddress& address, std::uint32_t now_s) const;

 private:
  std::vector<Secret> secrets_;
};

/// A secret that nobody else has.
[[nodiscard]] DnsCookies::Secret random_cookie_secret();

/// One secret a line, each of 32 hexadecimal digits; at most kCookieSecretsMax. Nothing if the text
/// is anything else.
inline constexpr std::size_t kCookieSecretsMax = 4;
[[nodiscard]] std::optional<std::vector<DnsCookies::Secret>> parse_cookie_secrets(
    std::string_view text);

}  // namespace edgeward::controller
