#include <fmt/format.h>

#include "geo/ip_address.hpp"
#include "sim/logs/cache_words.hpp"
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

bool is_before_status(std::string_view text, std::size_t quote) {
  const std::string_view behind = text.substr(quote + 1, 2);
  return behind.empty() ||
         (behind.size() == 2 && behind[0] == ' ' && (is_digit(behind[1]) || behind[1] == '-'));
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

/// A field behind the byte count: quoted or bare.
struct ExtraField {
  std::string_view text;
  bool is_quoted = false;
};

ExtraField next_extra(std::string_view& rest) {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  if (rest.empty() || rest.front() != '"') return {.text = next_token(rest)};
  const std::size_t end = find_quote(rest, 1);
  const ExtraField field{.text = rest.substr(1, end == kNone ? kNone : end - 1), .is_quoted = true};
  rest.remove_prefix(end == kNone ? rest.size() : end + 1);
  return field;
}

/// `ident` before `user`, or with a virtual host in front (Apache's vhost_combined) the client.
void read_client(std::string_view head, LogRecord& record) {
  record.client = next_token(head);
  if (record.client.ends_with(',')) record.client.remove_suffix(1);
  const std::string_view second = next_token(head);
  if (second.size() > 1 && geo::IpAddress::parse(second).has_value() &&
      !geo::IpAddress::parse(record.client).has_value()) {
    record.host = record.client;
    record.client = second;
  }
  if (is_absent(record.client)) record.client = {};
}

/// nginx, Apache and varnishncsa:
///     client ident user [time] "METHOD url PROTOCOL" status bytes "referer" "agent" extra…
/// Common Log Format ends with the bytes. A cache status and a Cache-Control header are known among
/// the extra fields by what they look like.
class CombinedParser final : public LineParser {
 public:
  ParsedLine parse(std::string_view line) override {
    if (const auto reason = unremarkable(line)) return skip(*reason);
    const Span time = find_time(line);
    if (time.begin == kNone) return without_time(line);
    LogRecord record;
    record.at_ms = clock_.parse(line.substr(time.begin, time.end - time.begin));
    if (!record.at_ms.has_value()) {
      return skip(SkipReason::no_time,
                  fmt::format("time {}: expected dd/Mon/yyyy:HH:MM:SS ±hhmm",
                              quoted(line.substr(time.begin, time.end - time.begin))));
    }
    read_client(line.substr(0, time.begin - 1), record);

    std::string_view rest = line.substr(time.end + 1);
    const std::size_t open = rest.find('"');
    if (open == kNone) return skip(SkipReason::bad_line, "no request in quotes behind the time");
    const std::size_t close = find_request_end(rest, open + 1);
    if (close == kNone) {
      return skip(SkipReason::bad_line, "no closing quote and status behind the request");
    }
    const std::string_view request = rest.substr(open + 1, close - open - 1);
    rest.remove_prefix(close + 1);
    const RequestLine parsed = parse_request_line(undo_backslashes(request, request_));
    record.method = parsed.method;
    record.url = parsed.url;
    if (record.url.empty()) {
      return skip(SkipReason::no_key,
                  fmt::format("request {}: expected METHOD URL PROTOCOL", quoted(request)));
    }
    return read_response(rest, record);
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
        record.ttl_s = parse_cache_control(field.text).ttl_s;
        continue;
      }
      if (record.cache != CacheStatus::unknown || !could_be_cache_status(field.text)) continue;
      record.cache = cache_status_of(field.text.substr(field.text.find('=') + 1));
    }
    if (record.cache == CacheStatus::unknown && !only_quoted.empty() &&
        could_be_cache_status(only_quoted)) {
      record.cache = cache_status_of(only_quoted);
    }
  }

  /// Numbers (times, lengths) are no flags here.
  [[nodiscard]] static bool could_be_cache_status(std::string_view text) {
    const char last = to_lower(text.back());
    return last >= 'a' && last <= 'z' && text != "true" && text != "false";
  }

  CommonLogClock clock_;
  std::string request_;
};

}  // namespace

std::unique_ptr<LineParser> make_combined_parser(const ColumnChoice&) {
  return std::make_unique<CombinedParser>();
}

}  // namespace edgeward::sim
