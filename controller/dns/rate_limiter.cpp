#include "controller/dns/rate_limiter.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace edgeward::controller {

namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr unsigned kV4NetworkBytes = 12 + 3;  // /24
constexpr unsigned kV6NetworkBytes = 7;       // /56

}  // namespace

DnsRateLimiter::DnsRateLimiter(const DnsRateLimits& limits) : limits_(limits) {
  if (limits_.responses_per_second == 0) return;
  interval_ns_ = kSecondNs / limits_.responses_per_second;
  randombytes_buf(seed_.data(), seed_.size());
  rows_.resize(kRows);
}

DnsRateLimiter::Verdict DnsRateLimiter::judge(const geo::IpAddress& client, std::int64_t now_ms) {
  if (rows_.empty()) return Verdict::pass;
  const std::size_t bytes = client.is_v4() ? kV4NetworkBytes : kV6NetworkBytes;
  std::array<std::uint8_t, 16> prefix{};
  std::copy_n(client.bytes.begin(), bytes, prefix.begin());
  static_assert(crypto_shorthash_BYTES == sizeof(std::uint64_t));
  std::array<std::uint8_t, sizeof(std::uint64_t)> hashed{};
  crypto_shorthash(hashed.data(), prefix.data(), prefix.size(), seed_.data());
  std::uint64_t network = 0;
  std::memcpy(&network, hashed.data(), hashed.size());

  auto& row = rows_[network % kRows];
  auto entry = std::find_if(row.begin(), row.end(),
                            [&](const Entry& one) { return one.network == network; });
  const std::int64_t now_ns = now_ms * 1'000'000;
  if (entry == row.end()) {
    entry = std::min_element(row.begin(), row.end(), [](const Entry& a, const Entry& b) {
      return a.used_up_ns < b.used_up_ns;
    });
    *entry = {.network = network};
  }
  // Never further ahead than a second, unless the clock was set back.
  const bool is_rested = entry->used_up_ns <= now_ns || entry->used_up_ns > now_ns + kSecondNs;
  const std::int64_t from_ns = is_rested ? now_ns : entry->used_up_ns;
  if (is_rested) entry->limited = 0;
  if (from_ns + interval_ns_ <= now_ns + kSecondNs) {
    entry->used_up_ns = from_ns + interval_ns_;
    return Verdict::pass;
  }
  return limits_.slip > 0 && ++entry->limited % limits_.slip == 0 ? Verdict::slip : Verdict::drop;
}

}  // namespace edgeward::controller
