#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cache/parameters.hpp"
#include "controller/commands/commands.hpp"
#include "controller/locator_loading.hpp"
#include "controller/terminal.hpp"
#include "geo/special_address.hpp"
#include "policy/json.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// The options as they were typed.
struct GeoCommand {
  std::vector<std::string> addresses;
  LocatorFiles files;
  std::string fallback;
  bool json = false;
};

/// One address with all that is known of it.
struct Answer {
  geo::IpAddress address;
  geo::Located located;
  std::string_view special;  ///< empty where the address is an ordinary one
};

std::vector<geo::IpAddress> parse_addresses(const std::vector<std::string>& texts) {
  std::vector<geo::IpAddress> addresses;
  for (const std::string& text : texts) {
    const auto address = geo::IpAddress::parse(text);
    if (!address) {
      throw cache::ParameterError(
          fmt::format("'{}': expected an IPv4 or IPv6 address, like 192.0.2.1", text));
    }
    addresses.push_back(*address);
  }
  return addresses;
}

/// "LAT,LON".
geo::GeoPoint parse_point(std::string_view option, std::string_view text) {
  const std::size_t comma = text.find(',');
  geo::GeoPoint point;
  const auto parse = [](std::string_view digits, double& number) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return error == std::errc{} && end == digits.data() + digits.size();
  };
  if (comma == std::string_view::npos || !parse(text.substr(0, comma), point.lat_deg) ||
      !parse(text.substr(comma + 1), point.lon_deg) || !geo::is_valid(point)) {
    throw cache::ParameterError(
        fmt::format("{} '{}': expected LAT,LON in degrees, like 52.52,13.40", option, text));
  }
  return point;
}

/// What decided: a file, an override's prefix. Empty for a centre, the fallback, or nothing.
std::string decided_by(const geo::Locator& locator, const Answer& answer) {
  const geo::Located& located = answer.located;
  if (located.location.source == geo::LocationSource::override) {
    return locator.overrides().entries[located.override_entry].prefix.text();
  }
  if (located.database == geo::Located::kNone) return {};
  return locator.databases()[located.database].path();
}

std::vector<std::string> zone_of(const geo::Locator& locator, const geo::Located& located) {
  if (located.override_entry == geo::Located::kNone) return {};
  const std::uint32_t zone = locator.overrides().entries[located.override_entry].zone;
  if (zone == geo::PrefixOverrides::kNoZone) return {};
  return locator.overrides().zones[zone];
}

/// Databases have single precision: more than five digits behind the point would be noise.
double rounded(double degrees) {
  return std::round(degrees * 1e5) / 1e5;
}

std::string answer_text(const geo::Locator& locator, const Answer& answer) {
  const geo::Located& located = answer.located;
  const geo::Location& location = located.location;
  const bool is_located = location.source != geo::LocationSource::none;
  std::string text = answer.address.text() + "\n";
  const auto line = [&text](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<10}{}\n", name, sim::printable(value));
  };
  if (!answer.special.empty()) line("use", std::string(answer.special) + ": nowhere in particular");
  const geo::IpAddress unwrapped = answer.address.unwrapped();
  if (unwrapped != answer.address) line("carries", unwrapped.text());
  if (!is_located) line("place", "not known");
  if (is_located) {
    std::string place =
        fmt::format("{:.4f}, {:.4f}", location.point.lat_deg, location.point.lon_deg);
    if (location.accuracy_km > 0) place += fmt::format(", within {:.0f} km", location.accuracy_km);
    line("place", place);
  }
  line("city", located.city);
  line("country", geo::to_text(location.country));
  if (location.asn != 0) line("asn", fmt::format("AS{}", location.asn));
  if (is_located || location.country != geo::Country::none) line("block", located.network.text());
  const std::string decided = decided_by(locator, answer);
  line("source", std::string(geo::name(location.source)) + (decided.empty() ? "" : ": " + decided));
  line("edges", fmt::format("{}", fmt::join(zone_of(locator, located), ", ")));
  return text;
}

json::object answer_json(const geo::Locator& locator, const Answer& answer) {
  const geo::Located& located = answer.located;
  const geo::Location& location = located.location;
  const bool is_located = location.source != geo::LocationSource::none;
  const auto text_or_null = [](const std::string& text) {
    return text.empty() ? json::value(nullptr) : json::value(sim::printable(text));
  };
  const auto number_or_null = [](bool is_known, double number) {
    return is_known ? json::value(number) : json::value(nullptr);
  };
  json::object result{{"ip", answer.address.text()}};
  result["lat"] = number_or_null(is_located, rounded(location.point.lat_deg));
  result["lon"] = number_or_null(is_located, rounded(location.point.lon_deg));
  result["accuracy_km"] = number_or_null(location.accuracy_km > 0, location.accuracy_km);
  result["country"] = text_or_null(geo::to_text(location.country));
  result["city"] = text_or_null(located.city);
  result["asn"] = location.asn != 0 ? json::value(location.asn) : json::value(nullptr);
  result["network"] = located.network.text();
  result["source"] = geo::name(location.source);
  result["decided_by"] = text_or_null(decided_by(locator, answer));
  result["special_use"] = text_or_null(std::string(answer.special));
  json::array edges;
  for (const std::string& edge : zone_of(locator, located)) {
    edges.emplace_back(sim::printable(edge));
  }
  result["edges"] = std::move(edges);
  return result;
}

/// Look-ups that failed, counted by file.
void tell_faults(const geo::Locator& locator, const std::vector<Answer>& answers) {
  struct Faults {
    std::size_t count = 0;
    std::string first;
  };
  std::map<std::size_t, Faults> by_database;
  for (const Answer& answer : answers) {
    for (const geo::Located::Fault& fault : answer.located.faults) {
      Faults& faults = by_database[fault.database];
      if (faults.count++ == 0) faults.first = fault.message;
    }
  }
  for (const auto& [database, faults] : by_database) {
    fmt::print(stderr, "edgeward: {}: {} of {} look-ups failed; the first: {}\n",
               sim::printable(locator.databases()[database].path()), faults.count, answers.size(),
               sim::printable(faults.first));
  }
}

int run_geo(GeoCommand command) {
  const std::vector<geo::IpAddress> addresses = parse_addresses(command.addresses);
  if (!command.fallback.empty()) {
    command.files.fallback = parse_point("--fallback", command.fallback);
  }
  const geo::Locator locator = load_locator(command.files);
  std::vector<Answer> answers;
  for (const geo::IpAddress& address : addresses) {
    answers.push_back({.address = address,
                       .located = locator.locate(address),
                       .special = geo::special_use(address.unwrapped())});
  }
  if (command.json) {
    json::array list;
    for (const Answer& answer : answers) list.push_back(answer_json(locator, answer));
    fmt::print("{}", policy::json_text(list));
  } else {
    for (const Answer& answer : answers) fmt::print("{}", answer_text(locator, answer));
  }
  if (std::fflush(stdout) != 0) throw sim::InputError("standard output: writing failed");
  tell_faults(locator, answers);
  return kExitDone;
}

}  // namespace

void add_geo(CLI::App& app, Action& action) {
  CLI::App& geo = *app.add_subcommand("geo", "Where clients are, and how far that is");
  geo.require_subcommand(0, 1);
  auto command = std::make_shared<GeoCommand>();
  GeoCommand& c = *command;
  geo.add_option("addresses", c.addresses, "IPv4 or IPv6 addresses")->type_name("IP");
  geo.add_option("--database", c.files.databases,
                 "MMDB file: city, country or ASN; may be repeated, the first that knows a place "
                 "decides. Default: the coarse world database that comes with Edgeward")
      ->type_name("FILE")
      ->allow_extra_args(false);
  geo.add_option("--overrides", c.files.overrides,
                 "CSV with columns prefix,lat,lon,country,accuracy_km,edges: what you know better")
      ->type_name("FILE");
  geo.add_option("--fallback", c.fallback, "Place of clients of which nothing is known")
      ->type_name("LAT,LON");
  geo.add_flag("--json", c.json, "JSON on standard output");
  geo.footer(
      "Examples:\n"
      "  edgeward geo 8.8.8.8 2001:4860:4860::8888 10.0.0.1\n"
      "  edgeward geo 81.2.69.142 --database city.mmdb --database asn.mmdb --json\n"
      "  edgeward geo build networks.csv -o own.mmdb\n");
  geo.callback([&geo, command, &action] {
    if (!geo.get_subcommands().empty()) return;
    if (command->addresses.empty()) throw CLI::RequiredError("geo: an IP address or a subcommand");
    action = [command] { return run_geo(*command); };
  });
  add_geo_build(geo, action);
  add_geo_centres(geo, action);
  add_geo_compare(geo, action);
  add_geo_evaluate(geo, action);
}

}  // namespace edgeward::controller
