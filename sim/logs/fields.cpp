#include "sim/logs/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/logs/cache_words.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

namespace {

bool is_url_start(std::string_view text) {
  return text.starts_with('/') || text.find("://") != std::string_view::npos;
}

bool is_method(std::string_view text) {
  constexpr std::size_t kMethodLengthMax = 32;
  return !text.empty() && text.size() <= kMethodLengthMax &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '-' || c == '_';
         });
}

/// HH:MM and what follows.
bool is_clock(std::string_view text) {
  const std::size_t colon = text.find(':');
  return (colon == 1 || colon == 2) && is_digit(text.front()) && is_digit(text[colon - 1]);
}

/// Whether it may tell the day and the time of day: a cheap look, parse_time knows for sure.
bool could_be_instant(std::string_view text) {
  constexpr std::size_t kDigitsMin = 9;  // of an epoch after 1973
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  return digits >= kDigitsMin || text.find_first_of(":Te") != std::string_view::npos;
}

/// The time if the text tells the day, too: durations and the clocks of traces are before 1973.
std::optional<std::int64_t> parse_instant(std::string_view text) {
  constexpr std::int64_t kInstantMsMin = 100'000'000'000;
  const auto at_ms = parse_time(text);
  return at_ms.has_value() && *at_ms >= kInstantMsMin ? at_ms : std::nullopt;
}

/// The parts with `separator` between them; empty if one is missing.
std::string_view join(std::span<const std::string_view> parts, char separator, std::string& text) {
  if (parts.size() == 1) return parts.front();
  text.clear();
  for (const std::string_view part : parts) {
    if (part.empty()) return {};
    if (!text.empty()) text.push_back(separator);
    text += part;
  }
  return text;
}

}  // namespace

RequestLine parse_request_line(std::string_view text) {
  text = trimmed(text);
  const std::size_t blank = text.find(' ');
  const std::string_view first = text.substr(0, blank);
  RequestLine result;
  if (is_method(first)) {
    if (blank == std::string_view::npos) return {};
    result.method = first;
    text = text.substr(blank + 1);
  } else if (!is_url_start(first)) {
    return {};
  }
  const std::size_t last = text.rfind(' ');
  if (last != std::string_view::npos && text.substr(last + 1).starts_with("HTTP/")) {
    text = text.substr(0, last);
  }
  result.url = trimmed(text);
  if (result.url.starts_with("HTTP/")) result.url = {};
  return result;
}

void FieldValues::clear() {
  ranks_.fill(kUnset);
  values_.fill({});
  time_parts_.fill({});
  key_parts_.fill({});
  size_parts_.fill({});
}

void FieldValues::set(Target target, std::string_view text) {
  if (is_absent(text)) return;
  if (target.field == Field::chosen_time) {
    time_parts_[target.rank] = text;
    return;
  }
  if (target.field == Field::chosen_key) {
    key_parts_[target.rank] = text;
    return;
  }
  if (target.field == Field::chosen_size) {
    size_parts_[target.rank] = text;
    return;
  }
  if (target.field == Field::time) {
    if (is_clock(text)) {
      target.field = Field::clock;
    } else if (could_be_instant(text)) {
      keep({.field = Field::instant, .rank = target.rank}, text);
    }
  }
  keep(target, text);
}

void FieldValues::keep(Target target, std::string_view text) {
  const auto index = static_cast<std::size_t>(target.field);
  if (target.rank >= ranks_[index]) return;
  ranks_[index] = target.rank;
  values_[index] = text;
}

std::optional<std::int64_t> FieldValues::time() {
  if (rules_.time_parts > 0) {
    const auto parts = std::span(time_parts_).first(rules_.time_parts);
    return parse_time(join(parts, ' ', time_text_));
  }
  const auto& self = *this;
  const std::string_view clock = self[Field::clock];
  std::string_view date = self[Field::date];
  if (date.empty()) date = self[Field::time];
  if (self[Field::date].empty() && clock.empty()) return parse_time(date);
  const std::array<std::string_view, 2> parts{date, clock};
  if (const auto at_ms = parse_time(join(parts, ' ', time_text_))) return at_ms;
  if (const auto at_ms = parse_instant(self[Field::instant])) return at_ms;
  if (const auto at_ms = parse_time(date)) return at_ms;
  return parse_time(self[Field::time]);
}

/// The URL with its query, in the encoding of the request. Sets the method and the host where they
/// come with it.
std::string_view FieldValues::key(LogRecord& record) {
  const auto& self = *this;
  if (rules_.key_parts > 0) {
    return join(std::span(key_parts_).first(rules_.key_parts), '/', key_text_);
  }
  std::string_view url = self[Field::url];
  if (url.empty() && !self[Field::request_line].empty()) {
    const RequestLine request = parse_request_line(self[Field::request_line]);
    url = request.url;
    if (record.method.empty()) record.method = request.method;
  }
  if (url.empty() && !self[Field::package].empty()) {
    const std::array<std::string_view, 2> parts{self[Field::package], self[Field::version]};
    return join(std::span(parts).first(parts[1].empty() ? 1 : 2), '/', key_text_);
  }
  if (url.empty()) return self[Field::id];
  std::string_view query = self[Field::query];
  if (rules_.is_percent_encoded) {
    url = undo_percent(url, decoded_url_);
    query = undo_percent(query, decoded_query_);
  }
  if (query.starts_with('?')) query.remove_prefix(1);
  if (query.empty() || url.find('?') != std::string_view::npos) return url;
  key_text_.assign(url).append(1, '?').append(query);
  return key_text_;
}

CacheStatus FieldValues::cache_status() const {
  const auto& self = *this;
  const auto status_of = rules_.cache_status != nullptr ? rules_.cache_status : cache_status_of;
  CacheStatus status = status_of(self[Field::cache]);
  if (self[Field::cache_hit] == "true") return CacheStatus::hit;
  if (self[Field::cache_lookup] == "true") return CacheStatus::miss;
  if (status != CacheStatus::hit && cache_status_of(self[Field::cacheable]) == CacheStatus::miss) {
    return CacheStatus::uncacheable;
  }
  if (status == CacheStatus::unknown) {
    const std::string_view details = self[Field::status_details];
    if (details.starts_with("response_from_cache")) return CacheStatus::hit;
    if (details == "response_sent_by_backend") return CacheStatus::uncacheable;  // no look-up
  }
  return status;
}

/// Whether another cache of the same network asked, or the cache itself, and no client.
bool FieldValues::is_internal(std::string_view url) const {
  const auto& self = *this;
  const std::string_view from_client = self[Field::from_client];
  const std::string_view source = self[Field::request_source];
  return from_client == "false" || from_client == "0" ||
         (!source.empty() && !is_same_ignoring_case(source, "eyeball")) ||
         url.starts_with("cache_object:") || url.starts_with("internal:");
}

std::string_view FieldValues::read_size(LogRecord& record) const {
  const auto is_size = [](const std::optional<std::uint64_t>& bytes) {
    return bytes.has_value() && *bytes <= kObjectBytesMax;
  };
  if (rules_.size_parts > 0) {
    std::uint64_t sum = 0;
    for (const std::string_view text : std::span(size_parts_).first(rules_.size_parts)) {
      if (text.empty() || text == "-1") return {};  // a part of a sum is no sum
      const auto bytes = parse_whole(text);
      if (!is_size(bytes) || !is_size(sum += *bytes)) return text;
    }
    record.bytes = sum;
    return {};
  }
  const auto& self = *this;
  for (const Field field : {Field::bytes, Field::body_bytes}) {
    const std::string_view text = self[field];
    if (text.empty() || text == "-1") continue;
    const auto bytes = parse_whole(text);
    if (!is_size(bytes)) return text;
    // The body is at most what was sent; Content-Length alone is what should have been.
    record.bytes = std::min(*bytes, record.bytes.value_or(*bytes));
  }
  return {};
}

void FieldValues::read_ranges(LogRecord& record) const {
  const auto& self = *this;
  record.range_first = parse_count(self[Field::range_first]);
  record.range_last = parse_count(self[Field::range_last]);
  std::string_view text = self[Field::content_range];  // bytes 0-499/1234
  if (record.range_first.has_value() || text.empty()) return;
  if (starts_with_ignoring_case(text, "bytes ")) text.remove_prefix(6);
  text = text.substr(0, text.find('/'));
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return;
  record.range_first = parse_count(trimmed(text.substr(0, dash)));
  record.range_last = parse_count(trimmed(text.substr(dash + 1)));
}

void FieldValues::read_freshness(LogRecord& record) const {
  const auto& self = *this;
  const CacheControl control = parse_cache_control(self[Field::cache_control]);
  record.ttl_s = control.ttl_s;
  if (!control.is_cacheable && record.cache == CacheStatus::unknown) {
    record.cache = CacheStatus::uncacheable;
  }
  const std::string_view ttl = self[Field::ttl];
  const auto seconds = parse_count(ttl.substr(0, ttl.find('.')));
  constexpr std::uint64_t kTtlMax = std::uint64_t{1} << 31;
  if (seconds.has_value()) record.ttl_s = static_cast<std::int64_t>(std::min(*seconds, kTtlMax));
}

ParsedLine FieldValues::record() {
  const auto& self = *this;
  if (const std::string_view category = self[Field::category];
      rules_.is_of_requests != nullptr && !category.empty() && !rules_.is_of_requests(category)) {
    return skip(SkipReason::comment);
  }
  LogRecord record;
  record.at_ms = time();
  if (!record.at_ms.has_value()) {
    std::string_view found = time_parts_[0];
    for (const Field field : {Field::date, Field::time, Field::clock}) {
      if (found.empty()) found = self[field];
    }
    return skip(SkipReason::no_time,
                found.empty() ? "the line names no time"
                              : fmt::format("time {}: expected seconds since 1970 or a date and "
                                            "time such as 2024-01-31T23:59:59Z",
                                            quoted(found)));
  }
  record.client = self[Field::client];
  record.country = self[Field::country];
  record.method = self[Field::method];
  record.host = self[Field::host];
  record.url = key(record);
  if (record.url.empty()) {
    const std::string_view request = self[Field::request_line];
    return skip(SkipReason::no_key,
                request.empty()
                    ? "the line names no URL, path or object"
                    : fmt::format("request {} holds no URL: expected METHOD URL", quoted(request)));
  }
  if (is_internal(record.url)) return skip(SkipReason::internal, {});
  if (const std::string_view text = self[Field::status]; !text.empty()) {
    const auto status = parse_status(text);
    if (!status.has_value()) {
      return skip(SkipReason::bad_line,
                  fmt::format("status {}: expected three digits", quoted(text)));
    }
    record.status = *status;
  }
  if (const std::string_view text = read_size(record); !text.empty()) {
    return skip(SkipReason::bad_line,
                fmt::format("size {}: expected bytes, 0 to {}", quoted(text), kObjectBytesMax));
  }
  record.cache = cache_status();
  record.edge = self[Field::edge];
  if (record.edge.empty()) {
    record.edge = self[Field::cache_id].substr(0, self[Field::cache_id].find('-'));
  }
  record.id = parse_count(self[Field::id]);
  read_ranges(record);
  read_freshness(record);
  return record;
}

}  // namespace edgeward::sim
