#include "sim/logs/cache_words.hpp"

#include <algorithm>
#include <array>

#include "sim/logs/field_text.hpp"

namespace edgeward::sim {

namespace {

struct Meaning {
  std::string_view word;  ///< in lower case
  CacheStatus status;
};

constexpr auto kHit = CacheStatus::hit;
constexpr auto kMiss = CacheStatus::miss;
constexpr auto kUncacheable = CacheStatus::uncacheable;
constexpr auto kUnknown = CacheStatus::unknown;

constexpr Meaning kWords[] = {
    {"hit", kHit},
    {"miss", kMiss},
    // nginx; a stale, updating or revalidated answer came from the cache
    {"bypass", kUncacheable},
    {"expired", kMiss},
    {"stale", kHit},
    {"updating", kHit},
    {"revalidated", kHit},
    // Varnish: hitmiss fetches and may cache; hitpass is a pass that was decided earlier
    {"hitmiss", kMiss},
    {"hitpass", kUncacheable},
    {"hit-pass", kUncacheable},
    {"hit-for-pass", kUncacheable},
    {"pass", kUncacheable},
    {"pipe", kUncacheable},
    {"synth", kUnknown},
    // CloudFront
    {"refreshhit", kHit},
    {"originshieldhit", kHit},
    // Cloudflare
    {"ignored", kHit},
    {"dynamic", kUncacheable},
    // Azure Front Door
    {"config_nocache", kUncacheable},
    {"cache_noconfig", kUncacheable},
    {"private_nostore", kUncacheable},
    {"no-store", kUncacheable},
    {"uncacheable", kUncacheable},
    // flags
    {"1", kHit},
    {"0", kMiss},
    {"true", kHit},
    {"false", kMiss},
};

constexpr std::size_t kWordLengthMax = 40;

/// What the cache nearest to the client said: each appends its own behind a comma.
std::string_view last_entry(std::string_view text) {
  text = trimmed(text);
  while (text.ends_with(',')) text = trimmed(text.substr(0, text.size() - 1));
  return trimmed(text.substr(text.rfind(',') + 1));
}

/// The first word of the last entry in lower case, written into `buffer`; empty if it is longer
/// than any known.
std::string_view first_word(std::string_view text, std::array<char, kWordLengthMax>& buffer) {
  text = last_entry(text);
  const std::string_view word = text.substr(0, text.find_first_of(" ;"));
  if (word.size() > buffer.size()) return {};
  std::transform(word.begin(), word.end(), buffer.begin(), to_lower);
  return {buffer.data(), word.size()};
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

CacheStatus squid_meaning(std::string_view code) {
  if (!code.starts_with("tcp_") || code.starts_with("tcp_denied")) return kUnknown;
  if (contains(code, "hit") || contains(code, "refresh_unmodified")) return kHit;
  if (contains(code, "refresh_fail_old")) return kHit;  // the stale object was served
  if (contains(code, "tunnel")) return kUncacheable;
  const bool is_miss = contains(code, "miss") || contains(code, "refresh_modified") ||
                       contains(code, "client_refresh") || contains(code, "swapfail");
  return is_miss ? kMiss : kUnknown;
}

CacheStatus meaning(std::string_view word) {
  if (word.empty()) return kUnknown;
  for (const Meaning& known : kWords) {
    if (word == known.word) return known.status;
  }
  if (word.starts_with("tcp_")) return squid_meaning(word);
  if (word.starts_with("udp_") || word.starts_with("err")) return kUnknown;
  // HIT-STALE-CLUSTER, REMOTE_HIT, stream_hit; MISS-CLUSTER, PASS-…
  if (word.starts_with("hit-") || word.starts_with("hit_") || word.ends_with("_hit")) return kHit;
  if (word.starts_with("miss-") || word.starts_with("miss_") || word.ends_with("_miss")) {
    return kMiss;
  }
  return word.starts_with("pass-") ? kUncacheable : kUnknown;
}

}  // namespace

CacheStatus cache_status_of(std::string_view text) {
  std::array<char, kWordLengthMax> buffer;
  return meaning(first_word(text, buffer));
}

CacheStatus cloudflare_cache_status_of(std::string_view text) {
  std::array<char, kWordLengthMax> buffer;
  const std::string_view word = first_word(text, buffer);
  return word == "unknown" || word == "none" ? kUncacheable : meaning(word);
}

CacheStatus azure_cache_status_of(std::string_view text) {
  std::array<char, kWordLengthMax> buffer;
  const std::string_view word = first_word(text, buffer);
  return word == "n/a" ? kUncacheable : meaning(word);
}

CacheStatus squid_cache_status_of(std::string_view code) {
  std::array<char, kWordLengthMax> buffer;
  return squid_meaning(first_word(code, buffer));
}

CacheControl parse_cache_control(std::string_view text) {
  CacheControl result;
  bool has_shared = false;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view directive = trimmed(text.substr(0, comma));
    text = comma == std::string_view::npos ? std::string_view{} : text.substr(comma + 1);

    const std::size_t equals = directive.find('=');
    const std::string_view directive_name = trimmed(directive.substr(0, equals));
    if (is_same_ignoring_case(directive_name, "no-store") ||
        is_same_ignoring_case(directive_name, "private")) {
      result.is_cacheable = false;
    }
    if (equals == std::string_view::npos) continue;
    const bool is_shared = is_same_ignoring_case(directive_name, "s-maxage");
    if (!is_shared && (has_shared || !is_same_ignoring_case(directive_name, "max-age"))) continue;
    std::string_view value = trimmed(directive.substr(equals + 1));
    if (value.size() > 1 && value.front() == '"') value = value.substr(1, value.size() - 2);
    const auto seconds = parse_count(value);
    constexpr std::uint64_t kTtlMax = std::uint64_t{1} << 31;  // RFC 9111 §1.2.2
    if (!seconds.has_value()) continue;
    result.ttl_s = static_cast<std::int64_t>(std::min(*seconds, kTtlMax));
    has_shared = is_shared;
  }
  return result;
}

}  // namespace edgeward::sim
