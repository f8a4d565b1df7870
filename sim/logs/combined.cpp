#include <fmt/format.h>

#include <algorithm>

#include "geo/ip_address.hpp"
#include "sim/logs/cache_words.hpp"
#include "sim/logs/combined.hpp"
#include "sim/logs/fields.hpp"
#include "sim/logs/formats.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

namespace {

constexpr std::size_t kNone = std::string_view::npos;

struct Span {
  std::size_t begin = kNone;
  std::size_t end = kNone;
};

/// What is between the brackets of the time. Other brackets hold addresses or names.
Span find_time(std::string_view line) {
  for (std::size_t open = line.find('['); open != kNone; open = line.find('[', open + 1)) {
    constexpr std::size_t kTimeLengthMin = 10;  // 2000-10-10
    if (line.size() - open <= kTimeLengthMin || !is_digit(line[open + 1])) continue;
    if (line[open + 2] != '/' && line[open + 3] != '/' && line[open + 5] != '-') continue;
    const std::size_t close = line.find(']', open);
    if (close == kNone) break;
    return {.begin = open + 1, .end = close};
  }
  return {};
}

/// Whether the quote at `at` is escaped: behind an odd number of backslashes.
bool is_escaped(std::string_view text, std::size_t at) {
  std::size_t backslashes = 0;
  while (backslashes < at && text[at - 1 - backslashes] == '\\') ++backslashes;
  return backslashes % 2 == 1;
}

/// The next quote from `from` on that is not escaped.
std::size_t find_quote(std::string_view text, std::size_t from) {
  std::size_t at = text.find('"', from);
  while (at != kNone && at > from && text[at - 1] == '\\' && is_escaped(text, at)) {
    at = text.find('"', at + 1);
  }
  return at;
}

/// Whether a status and what may be a byte count follow the quote, or nothing.
bool is_before_status(std::string_view text, std::size_t quote) {
  std::string_view rest = text.substr(quote + 1);
  if (rest.empty()) return true;
  if (!is_blank(rest.front())) return false;
  if (!parse_status(next_token(rest)).has_value()) return false;
  return !next_token(rest).starts_with('"');
}

/// The quote that ends the request: old servers escaped none within it, so it is one before a
/// status.
std::size_t find_request_end(std::string_view text, std::size_t from) {
  std::size_t at = find_quote(text, from);
  while (at != kNone && !is_before_status(text, at)) at = find_quote(text, at + 1);
  if (at != kNone) return at;
  at = text.find('"', from);
  while (at != kNone && !is_before_status(text, at)) at = text.find('"', at + 1);
  return at;
}

/// Whether a status and a byte count follow the quote, or nothing.
bool is_before_response(std::string_view text, std::size_t quote) {
  if (!is_before_status(text, quote)) return false;
  std::string_view rest = text.substr(quote + 1);
  (void)next_token(rest);
  const std::string_view bytes = next_token(rest);
  return is_absent(bytes) || parse_count(bytes).has_value();
}

/// The quote that begins the request: quoted fields before it are no requests, and no response is
/// behind them.
std::size_t find_request_begin(std::string_view text) {
  std::size_t open = text.find('"');
  while (open != kNone) {
    const std::size_t close = find_quote(text, open + 1);
    if (close == kNone || close + 1 == text.size()) return open;
    const bool is_named = open > 0 && text[open - 1] == '=';
    if (!is_named) {
      if (is_before_response(text, close) || !is_blank(text[close + 1])) return open;
      const RequestLine request = parse_request_line(text.substr(open + 1, close - open - 1));
      if (!request.url.empty()) return open;
    }
    const std::size_t next = text.find('"', close + 1);
    if (next == kNone) return open;
    open = next;
  }
  return open;
}

/// A field beside the usual ones: quoted or bare.
struct ExtraField {
  std::string_view text;
  bool is_quoted = false;
};

/// `a bare one`, `"a quoted one"`, or `name="a quoted one"`, which counts as bare.
ExtraField next_extra(std::string_view& rest) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (rest.empty()) return {};
  if (rest.front() == '"') {
    const std::size_t end = find_quote(rest, 1);
    const ExtraField field{.text = rest.substr(1, end == kNone ? kNone : end - 1),
                           .is_quoted = true};
    rest.remove_prefix(end == kNone ? rest.size() : end + 1);
    return field;
  }
  const std::size_t name_end = rest.find_first_of("= \t\"");
  if (name_end == kNone || rest.substr(name_end, 2) != "=\"") return {.text = next_token(rest)};
  const std::size_t close = find_quote(rest, name_end + 2);
  const std::size_t end = close == kNone ? rest.size() : close + 1;
  const ExtraField field{.text = rest.substr(0, end)};
  rest.remove_prefix(end);
  return field;
}

/// `cache="HIT",`, `cache:HIT`, `[HIT]`, `HIT`: a value, and its name if it has one.
struct NamedValue {
  std::string_view name;
  std::string_view value;
};

NamedValue parse_named(std::string_view text) {
  while (text.ends_with(',') || text.ends_with(';')) text.remove_suffix(1);
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') {
    text = text.substr(1, text.size() - 2);
  }
  NamedValue named{.name = {}, .value = text};
  const auto is_in_name = [](char c) {
    return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '_' || c == '-';
  };
  const auto end = std::find_if_not(text.begin(), text.end(), is_in_name);
  if (end != text.end() && end != text.begin() && (*end == '=' || *end == ':')) {
    const auto length = static_cast<std::size_t>(end - text.begin());
    named = {.name = text.substr(0, length), .value = text.substr(length + 1)};
  }
  if (named.value.size() > 1 && named.value.front() == '"' && named.value.back() == '"') {
    named.value = named.value.substr(1, named.value.size() - 2);
  }
  return named;
}

/// Numbers (times, lengths) are no flags here.
CacheStatus cache_word(std::string_view text) {
  const char last = text.empty() ? '\0' : to_lower(text.back());
  const bool is_word = last >= 'a' && last <= 'z' && text != "true" && text != "false";
  return is_word ? cache_status_of(text) : CacheStatus::unknown;
}

bool is_host_name(std::string_view name) {
  constexpr std::string_view kNames[] = {"host", "vhost", "http_host", "server_name", "domain"};
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [name](std::string_view known) { return is_same_ignoring_case(name, known); });
}

/// Takes a cache status or a host, where the record has none yet. False if it is neither.
bool read_extra(std::string_view text, LogRecord& record) {
  const auto [name, value] = parse_named(text);
  if (is_host_name(name)) {
    if (record.host.empty() && !is_absent(value)) record.host = value;
    return true;
  }
  const CacheStatus cache = cache_word(value);
  if (record.cache == CacheStatus::unknown) record.cache = cache;
  return cache != CacheStatus::unknown;
}

/// Behind what there may be in front of the client.
std::string_view skip_to_client(std::string_view front, LogRecord& record) {
  const auto is_address = [](std::string_view text) {
    return text.size() > 1 && geo::IpAddress::parse(text).has_value();
  };
  while (true) {
    std::string_view rest = front;
    const std::string_view first = next_token(rest);
    std::string_view ahead = rest;
    if (!is_address(next_token(ahead)) || is_address(first) || !read_extra(first, record)) {
      return front;
    }
    front = rest;
  }
}

bool is_bare(std::string_view text) {
  return parse_named(text).value == text;
}

bool has_lower_case(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

/// `ident` before `user`, or with a virtual host in front (Apache's vhost_combined) the client.
/// In the place of the user a cache status is one only in capitals, as nginx writes it.
void read_front(std::string_view front, LogRecord& record) {
  front = skip_to_client(front, record);
  record.client = next_token(front);
  if (record.client.ends_with(',')) record.client.remove_suffix(1);
  std::string_view behind = front;
  const std::string_view second = next_token(behind);
  if (second.size() > 1 && geo::IpAddress::parse(second).has_value() &&
      !geo::IpAddress::parse(record.client).has_value()) {
    record.host = record.client;
    record.client = second;
    front = behind;
  }
  if (is_absent(record.client)) record.client = {};
  std::string_view before;
  while (!front.empty()) {
    const std::string_view text = next_extra(front).text;
    const bool is_user = before == "-" && has_lower_case(text) && is_bare(text);
    if (!is_user) read_extra(text, record);
    before = before.data() == nullptr ? text : "two";  // only the first is the ident
  }
}

/// A name with a dot and a letter in its last label, perhaps with a port.
bool could_be_host(std::string_view text) {
  text = text.substr(0, text.find(':'));
  const std::size_t dot = text.rfind('.');
  return dot != kNone && dot > 0 && dot + 1 < text.size() && !is_digit(text[dot + 1]) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'z') || c == '.' || c == '-';
         });
}

/// Between the time and the request a bare name is the host's.
void read_between(std::string_view between, LogRecord& record) {
  while (!between.empty()) {
    const ExtraField field = next_extra(between);
    if (!read_extra(field.text, record) && record.host.empty() && could_be_host(field.text)) {
      record.host = field.text;
    }
  }
}

/// nginx, Apache and varnishncsa:
///     client ident user [time] "METHOD url PROTOCOL" status bytes "referer" "agent" extra…
/// Common Log Format ends with the bytes. A cache status, a host and a Cache-Control header are
/// known among the extra fields, there or further in front, by what they look like.
class CombinedParser final : public LineParser {
 public:
  ParsedLine parse(std::string_view line) override {
    if (const auto reason = unremarkable(line)) return skip(*reason);
    const CombinedLine parts = split_combined(line);
    if (parts.time.empty()) return without_time(line);
    LogRecord record;
    record.at_ms = clock_.parse(parts.time);
    if (!record.at_ms.has_value()) {
      return skip(SkipReason::no_time,
                  fmt::format("time {}: expected dd/Mon/yyyy:HH:MM:SS ±hhmm", quoted(parts.time)));
    }
    if (parts.problem != nullptr) return skip(SkipReason::bad_line, parts.problem);
    const std::string_view request = parts.request;
    const RequestLine parsed = parse_request_line(undo_backslashes(request, request_));
    record.method = parsed.method;
    record.url = parsed.url;
    if (record.url.empty()) {
      return skip(SkipReason::no_key,
                  fmt::format("request {}: expected METHOD URL PROTOCOL", quoted(request)));
    }
    read_front(parts.front, record);
    read_between(parts.between, record);
    return read_response(parts.tail, record);
  }

 private:
  [[nodiscard]] static ParsedLine without_time(std::string_view line) {
    if (line.find('"') == kNone) {
      return skip(
          SkipReason::bad_line,
          "neither [time] nor \"request\": expected client ident user [time] \"METHOD url\" "
          "status bytes");
    }
    return skip(SkipReason::no_time, "no [dd/Mon/yyyy:HH:MM:SS ±hhmm] before the request");
  }

  [[nodiscard]] static ParsedLine read_response(std::string_view rest, LogRecord& record) {
    const std::string_view status_text = next_token(rest);
    const auto status = parse_status(status_text);
    if (!status.has_value()) {
      return skip(SkipReason::bad_line, fmt::format("status {}: expected three digits behind the "
                                                    "request",
                                                    quoted(status_text)));
    }
    record.status = *status;
    const std::string_view bytes_text = next_token(rest);
    if (!is_absent(bytes_text)) {
      record.bytes = parse_count(bytes_text);
      if (!record.bytes.has_value() || *record.bytes > kObjectBytesMax) {
        return skip(SkipReason::bad_line, fmt::format("size {}: expected bytes or '-' behind the "
                                                      "status",
                                                      quoted(bytes_text)));
      }
    }
    read_extras(rest, record);
    return record;
  }

  static void read_extras(std::string_view rest, LogRecord& record) {
    constexpr int kRefererAndAgent = 2;
    int quoted_fields = 0;
    std::string_view only_quoted;
    while (!rest.empty()) {
      const ExtraField field = next_extra(rest);
      if (field.is_quoted && ++quoted_fields <= kRefererAndAgent) {
        only_quoted = quoted_fields == 1 ? field.text : std::string_view{};
        continue;
      }
      if (field.text.empty()) continue;
      if (field.text.find("max-age=") != kNone || field.text.find("s-maxage=") != kNone) {
        const std::string_view value = parse_named(field.text).value;  // cc="max-age=60"
        const bool is_named = !field.is_quoted && value.find("age=") != kNone;
        record.ttl_s = parse_cache_control(is_named ? value : field.text).ttl_s;
        continue;
      }
      read_extra(field.text, record);
    }
    if (record.cache == CacheStatus::unknown) record.cache = cache_word(only_quoted);
  }

  CommonLogClock clock_;
  std::string request_;
};

}  // namespace

CombinedLine split_combined(std::string_view line) {
  CombinedLine parts;
  const Span time = find_time(line);
  if (time.begin == kNone) {
    parts.problem = "no [time]";
    return parts;
  }
  parts.front = line.substr(0, time.begin - 1);
  parts.time = line.substr(time.begin, time.end - time.begin);
  const std::string_view rest = line.substr(time.end + 1);
  const std::size_t open = find_request_begin(rest);
  if (open == kNone) {
    parts.problem = "no request in quotes behind the time";
    return parts;
  }
  parts.between = rest.substr(0, open);
  const std::size_t close = find_request_end(rest, open + 1);
  if (close == kNone) {
    parts.problem = "no closing quote and status behind the request";
    return parts;
  }
  parts.request = rest.substr(open + 1, close - open - 1);
  parts.tail = rest.substr(close + 1);
  return parts;
}

std::unique_ptr<LineParser> make_combined_parser(const ColumnChoice&) {
  return std::make_unique<CombinedParser>();
}

}  // namespace edgeward::sim
