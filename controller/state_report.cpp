#include "controller/state_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <map>

#include "controller/config/fleet_reader.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 7> kMembers{
    "edge", "seq", "at", "load_ratio", "bandwidth_used_bps", "used_bytes", "mode"};
constexpr double kLoadRatioMax = 1000;

/// Thrown and caught here only: the first thing that is wrong.
struct Wrong {
  std::string message;
};

[[noreturn]] void refuse(std::string_view member, std::string_view expected,
                         const json::value& found) {
  throw Wrong{
      fmt::format("{}: expected {}, found {}", member, expected, quote(json::serialize(found)))};
}

double number(std::string_view member, const json::value& value, double high) {
  double number = -1;
  if (value.is_double()) number = value.get_double();
  if (value.is_int64()) number = static_cast<double>(value.get_int64());
  if (value.is_uint64()) number = static_cast<double>(value.get_uint64());
  if (!(number >= 0 && number <= high)) {
    refuse(member, fmt::format("a number from 0 to {}", high), value);
  }
  return number;
}

std::uint64_t whole(std::string_view member, const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) {
    return static_cast<std::uint64_t>(value.get_int64());
  }
  if (value.is_double()) {  // 4e10
    const double number = value.get_double();
    if (number >= 0 && number < 0x1p63 && number == std::floor(number)) {
      return static_cast<std::uint64_t>(number);
    }
  }
  refuse(member, "a whole number", value);
}

cache::EdgeMode mode_of(const json::value& value) {
  for (const cache::EdgeMode mode : cache::kEdgeModes) {
    if (value.is_string() && value.get_string() == name(mode)) return mode;
  }
  refuse("mode", "ready, drain, down or unknown", value);
}

void read_member(std::string_view member, const json::value& value, StateReport& report) {
  if (member == "edge") {
    if (!value.is_string()) refuse(member, "a name", value);
    report.edge = value.get_string().c_str();
  } else if (member == "seq") {
    report.seq = whole(member, value);
  } else if (member == "at") {
    constexpr double kSecondsMax = static_cast<double>(sim::kTimeMsMax) / 1000;
    report.at_ms = std::llround(number(member, value, kSecondsMax) * 1000);
  } else if (member == "load_ratio") {
    report.load_ratio = number(member, value, kLoadRatioMax);
  } else if (member == "bandwidth_used_bps") {
    report.bandwidth_used_bps = whole(member, value);
  } else if (member == "used_bytes") {
    report.used_bytes = whole(member, value);
  } else if (member == "mode") {
    report.mode = mode_of(value);
  } else {
    throw Wrong{fmt::format("unknown member {}{}", quote(member), suggestion(member, kMembers))};
  }
}

}  // namespace

tl::expected<StateReport, std::string> parse_state_report(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error) return tl::unexpected(fmt::format("not JSON: {}", error.message()));
  if (!value.is_object()) return tl::unexpected(std::string("expected a JSON object"));
  StateReport report;
  try {
    for (const auto& member : value.get_object()) read_member(member.key(), member.value(), report);
  } catch (const Wrong& wrong) {
    return tl::unexpected(wrong.message);
  }
  if (report.edge.empty()) return tl::unexpected(std::string("edge: a name is missing"));
  return report;
}

std::vector<StateReport> parse_state_reports(std::string_view text, const std::string& file,
                                             const cache::Fleet& fleet) {
  Faults faults(file);
  std::vector<StateReport> reports;
  std::map<std::string, std::uint64_t> newest;  // seq by edge
  const std::vector<std::string_view> names = edge_names(fleet);
  for (int line = 1; !text.empty(); ++line) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (one.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const Position at{.line = line, .column = 1};
    auto report = parse_state_report(one);
    if (!report) {
      faults.add(at, report.error());
      continue;
    }
    if (!fleet.find(report->edge)) {
      faults.add(at, fmt::format("no edge is named {}{}", quote(report->edge),
                                 suggestion(report->edge, names)));
      continue;
    }
    if (report->seq) {
      const auto [known, is_new] = newest.try_emplace(report->edge, *report->seq);
      if (!is_new && *report->seq < known->second) {
        faults.add(at, fmt::format("seq {} of {} is older than {}", *report->seq,
                                   quote(report->edge), known->second));
      }
      known->second = std::max(known->second, *report->seq);
    }
    reports.push_back(std::move(*report));
  }
  if (!faults.empty()) throw ConfigError(faults.sorted());
  return reports;
}

std::vector<cache::EdgeState> states_of(std::span<const StateReport> reports,
                                        const cache::Fleet& fleet, std::int64_t now_ms) {
  std::vector<cache::EdgeState> states(fleet.edges.size(),
                                       {.mode = cache::EdgeMode::ready, .seen_at_ms = now_ms});
  for (const StateReport& report : reports) {
    const auto edge = fleet.find(report.edge);
    if (!edge) continue;
    states[cache::index(*edge)] = {.load_ratio = report.load_ratio,
                                   .bandwidth_used_bps = report.bandwidth_used_bps,
                                   .mode = report.mode,
                                   .seen_at_ms = report.at_ms.value_or(now_ms)};
  }
  return states;
}

}  // namespace edgeward::controller
