#include "controller/http/freshness.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <system_error>

#include "sim/logs/field_text.hpp"

namespace edgeward::controller {

namespace {

/// Larger ones are taken for this, as RFC 9111 §1.2.2 has it: 2^31 s.
constexpr std::int64_t kDeltaSecondsMax = 2'147'483'648;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

/// What stands before the next comma that is not within quotes, which is taken off.
std::string_view take_item(std::string_view& list) {
  bool is_quoted = false;
  std::size_t end = 0;
  for (; end < list.size(); ++end) {
    if (list[end] == '"') is_quoted = !is_quoted;
    if (is_quoted && list[end] == '\\') ++end;
    if (!is_quoted && end < list.size() && list[end] == ',') break;
  }
  end = std::min(end, list.size());
  const std::string_view item = sim::trimmed(list.substr(0, end));
  list.remove_prefix(std::min(end + 1, list.size()));
  return item;
}

std::optional<std::int64_t> parse_seconds(std::string_view text) {
  const bool is_digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (!is_digits) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::result_out_of_range) return kDeltaSecondsMax;
  return std::min(seconds, kDeltaSecondsMax);
}

std::optional<std::int64_t> seconds_of(std::string_view cache_control, std::string_view name) {
  const auto argument = directive(cache_control, name);
  if (!argument) return std::nullopt;
  // One that makes no sense is taken for stale (RFC 9111 §4.2.1).
  return parse_seconds(*argument).value_or(0);
}

bool varies(std::string_view vary) {
  while (!vary.empty()) {
    const std::string_view name = take_item(vary);
    if (!name.empty() && !is_same_word(name, "accept-encoding")) return true;
  }
  return false;
}

std::int64_t fresh_ms_of(const OriginHead& head, const FreshnessRules& rules, std::int64_t now_ms) {
  for (const std::string_view name : {"s-maxage", "max-age"}) {
    if (const auto seconds = seconds_of(head.cache_control, name)) return *seconds * 1000;
  }
  if (head.expires.empty()) return rules.default_ttl_ms;
  const auto expires_ms = parse_http_date(head.expires);
  if (!expires_ms) return 0;  // "0" and the like: in the past (RFC 9111 §5.3)
  const std::int64_t date_ms = parse_http_date(head.date).value_or(now_ms);
  return std::clamp<std::int64_t>(*expires_ms - date_ms, 0, kDeltaSecondsMax * 1000);
}

std::string_view name_of(std::string_view line) {
  return line.substr(0, line.find(':'));
}

/// The next line with its end, which is taken off.
std::string_view take_line(std::string_view& lines) {
  const std::size_t end = std::min(lines.find('\n'), lines.size() - 1) + 1;
  const std::string_view line = lines.substr(0, end);
  lines.remove_prefix(end);
  return line;
}

bool has_line(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    if (is_same_word(name_of(take_line(lines)), name)) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> directive(std::string_view cache_control, std::string_view name) {
  while (!cache_control.empty()) {
    const std::string_view item = take_item(cache_control);
    const std::size_t equals = item.find('=');
    if (!is_same_word(sim::trimmed(item.substr(0, equals)), name)) continue;
    if (equals == item.npos) return std::string_view();
    std::string_view argument = sim::trimmed(item.substr(equals + 1));
    if (argument.size() >= 2 && argument.front() == '"' && argument.back() == '"') {
      argument = argument.substr(1, argument.size() - 2);
    }
    return argument;
  }
  return std::nullopt;
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  constexpr std::array kForms{"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                              "%a %b %d %H:%M:%S %Y"};
  const std::string whole(text);
  for (const char* const form : kForms) {
    std::tm parts{};
    const char* const end = ::strptime(whole.c_str(), form, &parts);
    if (end != nullptr && *end == '\0') return std::int64_t{::timegm(&parts)} * 1000;
  }
  return std::nullopt;
}

Freshness freshness_of(const OriginHead& head, const FreshnessRules& rules, std::int64_t now_ms) {
  Freshness freshness;
  freshness.age_ms = parse_seconds(head.age).value_or(0) * 1000;
  for (const std::string_view name : {"no-store", "private", "no-cache"}) {
    if (directive(head.cache_control, name)) return freshness;
  }
  if (head.sets_cookie || varies(head.vary)) return freshness;
  freshness.fresh_ms = fresh_ms_of(head, rules, now_ms);
  const bool must_ask = directive(head.cache_control, "must-revalidate").has_value() ||
                        directive(head.cache_control, "proxy-revalidate").has_value();
  if (!must_ask) {
    freshness.stale_ms =
        seconds_of(head.cache_control, "stale-while-revalidate").value_or(0) * 1000;
    const auto error_stale = seconds_of(head.cache_control, "stale-if-error");
    freshness.error_stale_ms = error_stale ? *error_stale * 1000 : rules.default_error_stale_ms;
  }
  // One that is stale at once and cannot be asked for anew by a validator is of use to nobody.
  const bool has_validator = !head.etag.empty() || !head.last_modified.empty();
  freshness.is_shared = freshness.fresh_ms > freshness.age_ms || has_validator;
  return freshness;
}

std::string_view field_of(std::string_view lines, std::string_view name) {
  while (!lines.empty()) {
    std::string_view line = take_line(lines);
    if (!is_same_word(name_of(line), name)) continue;
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    return sim::trimmed(line.substr(std::min(name.size() + 1, line.size())));
  }
  return {};
}

std::string freshened(std::string_view stored, std::string_view news) {
  std::string lines;
  while (!stored.empty()) {
    const std::string_view line = take_line(stored);
    if (!has_line(news, name_of(line))) lines += line;
  }
  return lines.append(news);
}

}  // namespace edgeward::controller
