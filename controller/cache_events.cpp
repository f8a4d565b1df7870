#include "controller/cache_events.hpp"

#include <simdjson.h>

#include <cmath>
#include <tl/expected.hpp>
#include <utility>

#include "cache/ids.hpp"
#include "geo/ip_prefix.hpp"

namespace edgeward::controller {

namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kKeyBytesMax = 8192;
constexpr std::uint64_t kSizeBytesMax = std::uint64_t{1} << 48;

struct EventField {
  enum : std::size_t { at, client, edge, hit, key, size_bytes };
};
constexpr std::array<std::string_view, 6> kEventFields{"at",  "client", "edge",
                                                       "hit", "key",    "size_bytes"};
using Values = std::array<dom::element, kEventFields.size()>;
using Present = std::array<bool, kEventFields.size()>;

}  // namespace

std::string_view name(EventFault fault) {
  switch (fault) {
    case EventFault::bad_line:
      return "bad_line";
    case EventFault::no_edge:
      return "no_edge";
    case EventFault::unknown_edge:
      return "unknown_edge";
    case EventFault::no_key:
      return "no_key";
    case EventFault::bad_time:
      return "bad_time";
    case EventFault::bad_client:
      return "bad_client";
    case EventFault::bad_size:
      return "bad_size";
    case EventFault::no_hit:
      return "no_hit";
  }
  return "";
}

struct EventReader::Json {
  using Result = tl::expected<cache::CacheEvent, EventFault>;

  dom::parser parser;
  sim::CacheKeyWriter keys{sim::CacheKeyRules{}};
  std::string key_text;
  // Reports come in runs of one edge.
  std::string last_edge;
  cache::EdgeId last_id{};

  Result read(std::string_view line, const cache::Fleet& fleet, std::int64_t now_ms) {
    dom::object object;
    if (parser.parse(line.data(), line.size(), true).get_object().get(object)) {
      return fail(EventFault::bad_line);
    }
    Values values;
    Present is_there{};
    for (const auto& [field_name, value] : object) {
      std::size_t field = 0;
      while (field < kEventFields.size() && kEventFields[field] != field_name) ++field;
      if (field == kEventFields.size()) continue;
      if (std::exchange(is_there[field], true)) return fail(EventFault::bad_line);
      values[field] = value;
    }
    return event_of(values, is_there, fleet, now_ms);
  }

 private:
  static tl::unexpected<EventFault> fail(EventFault fault) { return tl::unexpected(fault); }

  Result event_of(const Values& values, const Present& is_there, const cache::Fleet& fleet,
                  std::int64_t now_ms) {
    cache::CacheEvent event{.at_ms = now_ms};
    std::string_view text;
    if (!is_there[EventField::edge] || values[EventField::edge].get_string().get(text))
      return fail(EventFault::no_edge);
    if (last_edge.empty() || text != last_edge) {
      const auto found = fleet.find(text);
      if (!found) return fail(EventFault::unknown_edge);
      last_edge = text;
      last_id = *found;
    }
    event.edge = last_id;
    if (!is_there[EventField::key] || values[EventField::key].get_string().get(text) ||
        text.empty() || text.size() > kKeyBytesMax) {
      return fail(EventFault::no_key);
    }
    keys.write("", text, key_text);
    event.content = cache::content_id(key_text);
    if (is_there[EventField::at]) {
      double seconds = 0;
      if (values[EventField::at].get_double().get(seconds)) return fail(EventFault::bad_time);
      const double age_ms = static_cast<double>(now_ms) - seconds * 1000;
      if (!(age_ms <= kEventAgeMaxMs && age_ms >= -kEventAheadMaxMs)) {
        return fail(EventFault::bad_time);
      }
      event.at_ms = std::llround(seconds * 1000);
    }
    if (is_there[EventField::client]) {
      if (values[EventField::client].get_string().get(text) || !geo::IpPrefix::parse(text)) {
        return fail(EventFault::bad_client);
      }
    }
    if (is_there[EventField::size_bytes]) {
      if (values[EventField::size_bytes].get_uint64().get(event.size_bytes) ||
          event.size_bytes > kSizeBytesMax) {
        return fail(EventFault::bad_size);
      }
    }
    if (!is_there[EventField::hit] || values[EventField::hit].get_bool().get(event.is_hit))
      return fail(EventFault::no_hit);
    return event;
  }
};

EventReader::EventReader() : json_(std::make_unique<Json>()) {}
EventReader::~EventReader() = default;
EventReader::EventReader(EventReader&&) noexcept = default;
EventReader& EventReader::operator=(EventReader&&) noexcept = default;

EventReading EventReader::read(std::string_view body, const cache::Fleet& fleet,
                               std::int64_t now_ms) {
  EventReading reading;
  json_->last_edge.clear();  // the fleet may be another
  while (!body.empty()) {
    const std::size_t end = std::min(body.find('\n'), body.size());
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(std::min(end + 1, body.size()));
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    if (const auto event = json_->read(line, fleet, now_ms)) {
      reading.events.push_back(*event);
    } else {
      ++reading.faults[static_cast<std::size_t>(event.error())];
    }
  }
  return reading;
}

}  // namespace edgeward::controller
