#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/logs/record.hpp"

namespace edgeward::sim {

// What logs call a hit. Letter case and anything behind the first word ("Hit from cloudfront") do
// not matter. Of several caches' ("MISS, HIT": shield, edge) the last is the client's. Words that
// say neither hit nor miss (errors, redirects, denials) and words nobody knows are
// CacheStatus::unknown.

/// The words of nginx, Varnish, Fastly, CloudFront, Cloudflare and Azure, `TCP_…` codes, and
/// 1/0, true/false.
[[nodiscard]] CacheStatus cache_status_of(std::string_view text);

/// Cloudflare's `unknown` and `none` and Azure's `N/A` mean that the response was not cacheable;
/// elsewhere they mean nothing.
[[nodiscard]] CacheStatus cloudflare_cache_status_of(std::string_view text);
[[nodiscard]] CacheStatus azure_cache_status_of(std::string_view text);

/// Squid and Apache Traffic Server: TCP_HIT, TCP_REFRESH_UNMODIFIED, TCP_MISS_ABORTED, ERR_…
[[nodiscard]] CacheStatus squid_cache_status_of(std::string_view code);

/// A Cache-Control response header (RFC 9111 §5.2.2), as far as a shared cache cares.
struct CacheControl {
  std::optional<std::int64_t> ttl_s;  ///< s-maxage, else max-age
  bool is_cacheable = true;           ///< neither no-store nor private
};
[[nodiscard]] CacheControl parse_cache_control(std::string_view text);

}  // namespace edgeward::sim
