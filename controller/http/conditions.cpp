#include "controller/http/conditions.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

#include "controller/http/freshness.hpp"

namespace edgeward::controller {

namespace {

std::string_view without_weakness(std::string_view etag) {
  if (etag.starts_with("W/")) etag.remove_prefix(2);
  return etag;
}

/// Whether one entity tag of a list, compared weakly, is this one.
bool names_tag(std::string_view list, std::string_view etag) {
  const std::string_view opaque = without_weakness(etag);
  if (list == "*") return true;
  while (!list.empty()) {
    const std::size_t open = list.find('"');
    if (open == list.npos) return false;
    const std::size_t close = list.find('"', open + 1);
    if (close == list.npos) return false;
    if (list.substr(open, close - open + 1) == opaque) return true;
    list.remove_prefix(close + 1);
  }
  return false;
}

std::optional<std::uint64_t> parse_digits(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || text.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) return UINT64_MAX;
  if (error != std::errc()) return std::nullopt;
  return value;
}

/// Strongly compared: a part of one representation and a part of another do not make one.
bool is_same(std::string_view if_range, const Validators& validators) {
  if (if_range.starts_with('"')) return if_range == validators.etag;
  if (if_range.starts_with("W/")) return false;
  return parse_http_date(if_range).has_value() && if_range == validators.last_modified;
}

}  // namespace

bool is_not_modified(const Conditions& conditions, const Validators& validators) {
  if (!conditions.if_none_match.empty()) {
    return conditions.if_none_match == "*" ||
           (!validators.etag.empty() && names_tag(conditions.if_none_match, validators.etag));
  }
  const auto since_ms = parse_http_date(conditions.if_modified_since);
  const auto modified_ms = parse_http_date(validators.last_modified);
  return since_ms && modified_ms && *modified_ms <= *since_ms;
}

Extent extent_of(const Conditions& conditions, const Validators& validators,
                 std::uint64_t length_bytes) {
  constexpr std::string_view kBytes = "bytes=";
  std::string_view text = conditions.range;
  if (!text.starts_with(kBytes)) return {};
  if (!conditions.if_range.empty() && !is_same(conditions.if_range, validators)) return {};
  text.remove_prefix(kBytes.size());
  const std::size_t dash = text.find('-');
  if (dash == text.npos || text.find(',') != text.npos) return {};
  const std::string_view low = text.substr(0, dash);
  const std::string_view high = text.substr(dash + 1);
  const auto last = parse_digits(high);
  if (low.empty()) {  // the last so many
    if (!last) return {};
    if (*last == 0 || length_bytes == 0) return {.kind = Extent::Kind::unsatisfiable};
    const std::uint64_t count = std::min(*last, length_bytes);
    return {.kind = Extent::Kind::part, .range = {length_bytes - count, length_bytes - 1}};
  }
  const auto first = parse_digits(low);
  if (!first || (!high.empty() && (!last || *last < *first))) return {};
  if (*first >= length_bytes) return {.kind = Extent::Kind::unsatisfiable};
  const std::uint64_t end = last ? std::min(*last, length_bytes - 1) : length_bytes - 1;
  return {.kind = Extent::Kind::part, .range = {*first, end}};
}

}  // namespace edgeward::controller
