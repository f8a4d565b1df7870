// What clients and origins may write in the fields of HTTP that caching depends on: lines, of which
// the first five are what a client asks for and how, the rest an origin's.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "controller/http/conditions.hpp"
#include "controller/http/freshness.hpp"
#include "controller/http/http_url.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward::controller;
using edgeward::fuzz::require;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

void check_extent(const Conditions& conditions, const Validators& validators,
                  std::uint64_t length) {
  const Extent extent = extent_of(conditions, validators, length);
  if (extent.kind != Extent::Kind::part) return;
  require(extent.range.first <= extent.range.last, "a part is at least a byte");
  require(extent.range.last < length, "a part lies within the body");
}

void check_freshness(const OriginHead& head) {
  const Freshness fresh = freshness_of(
      head, {.default_ttl_ms = 1000, .default_error_stale_ms = 1000}, 1'700'000'000'000);
  for (const std::int64_t ms :
       {fresh.age_ms, fresh.fresh_ms, fresh.stale_ms, fresh.error_stale_ms}) {
    require(ms >= 0 && ms <= 2'147'483'648'000, "times are in bounds");
  }
  if (fresh.is_shared) {
    require(!directive(head.cache_control, "no-store") && !directive(head.cache_control, "private"),
            "what is private is not shared");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Conditions conditions{.range = take_line(text),
                              .if_range = take_line(text),
                              .if_none_match = take_line(text),
                              .if_modified_since = take_line(text)};
  OriginHead head;
  head.etag = take_line(text);
  head.last_modified = take_line(text);
  head.cache_control = take_line(text);
  head.expires = take_line(text);
  head.date = take_line(text);
  head.age = take_line(text);
  head.vary = take_line(text);
  const Validators validators{.etag = head.etag, .last_modified = head.last_modified};
  for (const std::uint64_t length : {std::uint64_t{0}, std::uint64_t{data[0]}, UINT64_MAX}) {
    check_extent(conditions, validators, length);
  }
  (void)is_not_modified(conditions, validators);
  check_freshness(head);
  if (const auto url = parse_http_url(conditions.range)) {
    require(parse_http_url("http://" + url->authority()).has_value(), "an origin is read back");
  }
  std::string lines;
  while (!text.empty()) lines.append(take_line(text)).append("\r\n");
  const std::string once = freshened("A: 1\r\nB: 2\r\n", lines);
  require(freshened(once, lines) == once, "to freshen again changes nothing");
  (void)field_of(lines, "Cache-Control");
  return 0;
}
