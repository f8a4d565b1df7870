#include "cache/redis/fields.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

namespace edgeward::cache::redis {

namespace {

/// Ten thousand years and more; seconds beyond would not fit in milliseconds.
constexpr std::uint64_t kSecondsMax = 999'999'999'999;

}  // namespace

Fields& Fields::put(std::string_view name, std::string_view value) {
  fields_.emplace_back(name, value);
  return *this;
}

Fields& Fields::put(std::string_view name, std::uint64_t value) {
  return put(name, std::string_view(std::to_string(value)));
}

Fields& Fields::put_time(std::string_view name, std::int64_t ms) {
  return put(name, std::string_view(time_text(ms)));
}

Fields& Fields::put_ratio(std::string_view name, double value) {
  return put(name, std::string_view(fmt::format("{}", value)));
}

std::optional<std::string_view> Fields::text(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const auto& field) { return field.first == name; });
  if (found == fields_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint64_t> Fields::number(std::string_view name) const {
  const auto value = text(name);
  return value ? parse_number(*value) : std::nullopt;
}

std::optional<ContentId> Fields::content(std::string_view name) const {
  const auto value = text(name);
  return value ? parse_hex(*value) : std::nullopt;
}

std::optional<std::uint64_t> Fields::hex(std::string_view name) const {
  const auto value = content(name);
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<std::int64_t> Fields::time(std::string_view name) const {
  const auto value = text(name);
  return value ? parse_time(*value) : std::nullopt;
}

std::optional<double> Fields::ratio(std::string_view name) const {
  const auto value = text(name);
  return value ? parse_score(*value) : std::nullopt;
}

void Fields::add_to(Command& command) const {
  for (const auto& [name, value] : fields_) command.add(name).add(value);
}

std::optional<Fields> Fields::of(const Reply& reply) {
  if (!reply.is_array() || reply.elements.size() % 2 != 0) return std::nullopt;
  Fields fields;
  for (std::size_t i = 0; i < reply.elements.size(); i += 2) {
    if (!reply.elements[i].is_text() || !reply.elements[i + 1].is_text()) return std::nullopt;
    fields.put(reply.elements[i].text, std::string_view(reply.elements[i + 1].text));
  }
  return fields;
}

std::string time_text(std::int64_t ms) {
  const std::int64_t since_epoch_ms = std::max<std::int64_t>(ms, 0);
  return fmt::format("{}.{:03}", since_epoch_ms / 1000, since_epoch_ms % 1000);
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const std::size_t point = text.find('.');
  const auto seconds = parse_number(text.substr(0, point));
  if (!seconds || *seconds > kSecondsMax) return std::nullopt;
  std::uint64_t ms = 0;
  if (point != text.npos) {
    const std::string_view decimals = text.substr(point + 1);
    const auto value = parse_number(decimals);
    if (!value || decimals.size() != 3) return std::nullopt;
    ms = *value;
  }
  return static_cast<std::int64_t>(*seconds * 1000 + ms);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_score(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::vector<StreamEntry>> stream_entries(const Reply& reply) {
  if (!reply.is_array()) return std::nullopt;
  std::vector<StreamEntry> entries;
  for (const Reply& element : reply.elements) {
    if (element.is_nil()) continue;  // Redis 6.2 says so of one that was trimmed
    if (!element.is_array() || element.elements.size() != 2 || !element.elements[0].is_text()) {
      return std::nullopt;
    }
    StreamEntry entry{.id = element.elements[0].text, .fields = {}};
    if (!element.elements[1].is_nil()) {
      auto fields = Fields::of(element.elements[1]);
      if (!fields) return std::nullopt;
      entry.fields = std::move(*fields);
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::optional<std::vector<StreamEntry>> read_entries(const Reply& reply) {
  if (reply.is_nil()) return std::vector<StreamEntry>();
  if (!reply.is_array() || reply.elements.size() != 1) return std::nullopt;
  const Reply& stream = reply.elements[0];
  if (!stream.is_array() || stream.elements.size() != 2) return std::nullopt;
  return stream_entries(stream.elements[1]);
}

}  // namespace edgeward::cache::redis
