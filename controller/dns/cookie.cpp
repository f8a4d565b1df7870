#include "controller/dns/cookie.hpp"

#include <sodium.h>

#include <algorithm>

namespace edgeward::controller {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHashAt = 8;
constexpr std::int32_t kAgeMaxS = 3600;
constexpr std::int32_t kRenewAgeS = 1800;
constexpr std::int32_t kAheadMaxS = 300;

static_assert(crypto_shorthash_BYTES == sizeof(DnsCookie::Server) - kHashAt);
static_assert(crypto_shorthash_KEYBYTES == sizeof(DnsCookies::Secret));

/// Of a cookie's first eight bytes (RFC 9018 §4.4). libsodium's short hash is SipHash-2-4.
std::array<std::uint8_t, crypto_shorthash_BYTES> hash(const DnsCookie::Client& client, Bytes begin,
                                                      const geo::IpAddress& address,
                                                      const DnsCookies::Secret& secret) {
  std::array<std::uint8_t, 8 + kHashAt + 16> input{};
  auto end = std::copy(client.begin(), client.end(), input.begin());
  end = std::copy(begin.begin(), begin.begin() + kHashAt, end);
  end = std::copy(address.bytes.begin() + (address.is_v4() ? 12 : 0), address.bytes.end(), end);
  std::array<std::uint8_t, crypto_shorthash_BYTES> result{};
  crypto_shorthash(result.data(), input.data(), static_cast<std::size_t>(end - input.begin()),
                   secret.data());
  return result;
}

/// Seconds since the cookie was made, in the arithmetic of serial numbers (RFC 1982): it goes on
/// after 2106.
std::int32_t age_s(Bytes server, std::uint32_t now_s) {
  std::uint32_t made_s = 0;
  for (std::size_t i = 4; i < kHashAt; ++i) made_s = made_s << 8 | server[i];
  return static_cast<std::int32_t>(now_s - made_s);
}

}  // namespace

std::optional<DnsCookie> DnsCookie::parse(std::span<const std::uint8_t> option) {
  constexpr std::size_t kClientBytes = sizeof(Client);
  const bool has_server = option.size() >= kClientBytes + 8 && option.size() <= kClientBytes + 32;
  if (option.size() != kClientBytes && !has_server) return std::nullopt;
  DnsCookie cookie{.server = option.subspan(kClientBytes)};
  std::copy_n(option.begin(), kClientBytes, cookie.client.begin());
  return cookie;
}

DnsCookies::Standing DnsCookies::check(const DnsCookie& cookie, const geo::IpAddress& address,
                                       std::uint32_t now_s) const {
  const Bytes server = cookie.server;
  if (server.size() != sizeof(DnsCookie::Server) || server[0] != kVersion) return Standing::unknown;
  const std::int32_t age = age_s(server, now_s);
  if (age > kAgeMaxS || age < -kAheadMaxS) return Standing::unknown;
  for (const Secret& secret : secrets_) {
    const auto expected = hash(cookie.client, server, address, secret);
    // In a time that tells nothing of how much of it was right.
    if (sodium_memcmp(expected.data(), server.data() + kHashAt, expected.size()) != 0) continue;
    return &secret == &secrets_.front() && age <= kRenewAgeS ? Standing::fresh : Standing::valid;
  }
  return Standing::unknown;
}

DnsCookie::Server DnsCookies::next(const DnsCookie& cookie, Standing standing,
                                   const geo::IpAddress& address, std::uint32_t now_s) const {
  DnsCookie::Server server{};
  if (standing == Standing::fresh) {
    std::copy(cookie.server.begin(), cookie.server.end(), server.begin());
    return server;
  }
  server[0] = kVersion;
  for (unsigned i = 0; i < 4; ++i) server[4 + i] = static_cast<std::uint8_t>(now_s >> (24 - 8 * i));
  const auto hashed = hash(cookie.client, server, address, secrets_.front());
  std::copy(hashed.begin(), hashed.end(), server.begin() + kHashAt);
  return server;
}

DnsCookies::Secret random_cookie_secret() {
  DnsCookies::Secret secret{};
  randombytes_buf(secret.data(), secret.size());
  return secret;
}

std::optional<std::vector<DnsCookies::Secret>> parse_cookie_secrets(std::string_view text) {
  std::vector<DnsCookies::Secret> secrets;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    DnsCookies::Secret secret{};
    std::size_t bytes = 0;
    if (sodium_hex2bin(secret.data(), secret.size(), text.data(), end, nullptr, &bytes, nullptr) !=
            0 ||
        bytes != secret.size() || secrets.size() == kCookieSecretsMax) {
      return std::nullopt;
    }
    secrets.push_back(secret);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (secrets.empty()) return std::nullopt;
  return secrets;
}

}  // namespace edgeward::controller
