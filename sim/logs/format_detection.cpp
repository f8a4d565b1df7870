#include <algorithm>
#include <array>

#include "geo/ip_address.hpp"
#include "sim/logs/cache_words.hpp"
#include "sim/logs/combined.hpp"
#include "sim/logs/fields.hpp"
#include "sim/logs/formats.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

namespace {

constexpr std::size_t kLinesMax = 100;  ///< a guess needs no more

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// A JSON object by the names that only one vendor has.
std::string_view guess_json(std::string_view line) {
  if (has(line, "\"EdgeStartTimestamp\"") || has(line, "\"ClientRequestURI\"") ||
      (has(line, "\"ClientIP\"") && has(line, "\"RayID\""))) {
    return "cloudflare";
  }
  if (has(line, "\"reqTimeSec\"") || (has(line, "\"cliIP\"") && has(line, "\"cp\""))) {
    return "akamai";
  }
  if (has(line, "LoadBalancerLogEntry") ||
      (has(line, "\"httpRequest\"") && has(line, "\"requestUrl\""))) {
    return "gcp";
  }
  if (has(line, "\"FrontDoor") || has(line, "\"FrontdoorAccessLog") ||
      (has(line, "\"properties\"") && has(line, "\"requestUri\""))) {
    return "azure";
  }
  const bool has_syslog_prefix =
      line.starts_with('<') || has(line.substr(0, line.find('{')), "cache-");
  return has_syslog_prefix || has(line, "fastly") ? "fastly" : "ndjson";
}

/// Lines with `[dd/Mon/yyyy:`, a request in quotes and a status.
std::string_view guess_combined(std::string_view line) {
  const CombinedLine parts = split_combined(line);
  if (parts.problem != nullptr) return {};
  const std::string_view request = parts.request;
  const std::string_view tail = parts.tail;
  const std::string_view last = tail.substr(tail.find_last_of(" \"") + 1);
  const bool is_handling = cache_status_of(last) != CacheStatus::unknown && !last.empty() &&
                           last.front() >= 'a' && last.front() <= 'z';
  if (is_handling || has(request, " http://") || has(request, " https://")) {
    return "varnish";
  }
  return has(tail, "\"") ? "combined" : "common";
}

/// Tokens separated by blanks, the first a time.
std::string_view guess_columns(std::string_view line) {
  constexpr std::size_t kTokens = 12;
  std::array<std::string_view, kTokens> tokens{};
  std::size_t count = 0;
  std::string_view rest = line;
  while (count < kTokens) {
    const std::string_view token = next_token(rest);
    if (token.empty()) break;
    tokens[count++] = token;
  }
  if (count < 3) return {};
  const auto is_number = [](std::string_view token) { return parse_count(token).has_value(); };
  if (count == kTokens && is_number(tokens[0]) && is_number(tokens[1]) && is_number(tokens[2]) &&
      parse_status(tokens[7]).has_value() && geo::IpAddress::parse(tokens[6]).has_value()) {
    return "akamai";
  }
  if (has(line, " crc=") || has(line, " chi=") || has(line, " cqhm=")) return "ats";
  if (!parse_epoch(tokens[0]).has_value()) return {};
  const std::size_t slash = tokens[3].find('/');
  if (count >= 7 && slash != std::string_view::npos &&
      parse_status(tokens[3].substr(slash + 1)).has_value()) {
    // Traffic Server names the origin where squid has HIER_ or an address, and has codes of its
    // own.
    const std::string_view peer = tokens[8].substr(tokens[8].find('/') + 1);
    const bool names_origin = tokens[8].starts_with("DIRECT/") && !geo::IpAddress::parse(peer);
    const std::string_view code = tokens[3].substr(0, slash);
    const bool is_own_code =
        code == "TCP_CF_HIT" || code == "TCP_REF_FAIL_HIT" || code.starts_with("ERR_");
    return names_origin || is_own_code ? "ats" : "squid";
  }
  return is_number(tokens[1]) && is_number(tokens[2]) ? "webcachesim" : std::string_view{};
}

std::string_view guess_header(std::string_view line) {
  if (!starts_with_ignoring_case(line, "#Fields")) return {};
  const bool is_realtime = has(line, "timestamp") && !has(line, "date");
  return is_realtime ? "cloudfront_realtime" : "cloudfront";
}

std::string_view guess_line(std::string_view line) {
  const std::string_view begin = trimmed(line);
  if (begin.starts_with('{') || (has(begin, "{\"") && begin.ends_with('}'))) {
    return guess_json(begin);
  }
  if (const std::string_view format = guess_combined(line); !format.empty()) return format;
  return guess_columns(line);
}

}  // namespace

const LogFormat* detect_log_format(std::span<const std::string_view> first_lines,
                                   const ColumnChoice& columns) {
  const auto lines = first_lines.first(std::min(first_lines.size(), kLinesMax));
  const auto formats = log_formats();
  std::vector<int> votes(formats.size());
  bool is_first = true;
  for (std::string_view line : lines) {
    line = without_byte_order_mark(line);
    if (const std::string_view format = guess_header(line); !format.empty()) {
      return find_log_format(format);
    }
    if (trimmed(line).empty()) continue;
    if (is_first && !columns.fields.empty() && has(line, "\t")) {
      return find_log_format("cloudfront_realtime");
    }
    if (is_first && !line.starts_with('{') && is_csv_header(line, columns))
      return find_log_format("csv");
    if (line.front() == '#') continue;
    is_first = false;
    const LogFormat* const format = find_log_format(guess_line(line));
    if (format != nullptr) ++votes[static_cast<std::size_t>(format - formats.data())];
  }
  const auto best = std::max_element(votes.begin(), votes.end());
  if (*best == 0) return nullptr;
  return &formats[static_cast<std::size_t>(best - votes.begin())];
}

}  // namespace edgeward::sim
