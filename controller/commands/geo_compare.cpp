#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "controller/commands/commands.hpp"
#include "controller/locator_loading.hpp"
#include "controller/terminal.hpp"
#include "geo/mmdb.hpp"
#include "geo/mmdb_writer.hpp"
#include "policy/json.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// The options as they were typed.
struct GeoCompareCommand {
  std::vector<std::string> inputs;
  std::string other;
  std::uint64_t samples = 1'000'000;
  bool json = false;
};

/// How far the other database is from the inputs, over samples of one address family.
struct Agreement {
  std::vector<double> distances_km;  ///< where both know a point; sorted at the end
  std::uint64_t same_country = 0;    ///< of those
  std::uint64_t not_located = 0;     ///< of which only the inputs know a point

  void add(const geo::MmdbRecord& full,
           const tl::expected<std::optional<geo::Mmdb::Found>, std::string>& other) {
    if (!other) throw sim::InputError(other.error());
    if (!*other || !(*other)->record.point) {
      ++not_located;
      return;
    }
    distances_km.push_back(geo::distance_km(*full.point, *(*other)->record.point));
    same_country += full.country == (*other)->record.country ? 1 : 0;
  }

  [[nodiscard]] double share(std::uint64_t part) const {
    return static_cast<double>(part) / static_cast<double>(distances_km.size());
  }
  /// Of the sorted distances.
  [[nodiscard]] double quantile_km(double q) const {
    const auto last = static_cast<double>(distances_km.size() - 1);
    return distances_km[static_cast<std::size_t>(std::round(q * last))];
  }
  [[nodiscard]] double share_within_km(double km) const {
    const auto end = std::upper_bound(distances_km.begin(), distances_km.end(), km);
    return share(static_cast<std::uint64_t>(end - distances_km.begin()));
  }
  [[nodiscard]] double mean_km() const {
    double sum = 0;
    for (const double km : distances_km) sum += km;
    return sum / static_cast<double>(distances_km.size());
  }
};

bool is_v4(const geo::IpPrefix& prefix) {
  return prefix.address.is_v4() && prefix.length >= geo::kV4LengthOffset;
}

/// Every n-th address of the located IPv4 space, every n-th located network of IPv6: each as
/// likely as any other, and the same ones in every run.
class Sampler {
 public:
  Sampler(const std::vector<geo::Mmdb>& inputs, bool wants_v4)
      : inputs_(inputs), wants_v4_(wants_v4) {}

  Agreement compare(const geo::Mmdb& other, std::uint64_t samples) const {
    double total = 0;
    walk([&](const geo::Mmdb&, const geo::Mmdb::Network& network) { total += weight(network); });
    Agreement agreement;
    const double step = total / static_cast<double>(samples);
    double next = step / 2;
    double at = 0;
    walk([&](const geo::Mmdb& input, const geo::Mmdb::Network& network) {
      at += weight(network);
      if (at <= next) return;
      const auto full = input.read(network.offset);
      if (!full) throw sim::InputError(full.error());
      const auto found = other.find(network.prefix.address);
      for (; next < at; next += step) {
        if (full->point) agreement.add(*full, found);
      }
    });
    std::sort(agreement.distances_km.begin(), agreement.distances_km.end());
    return agreement;
  }

 private:
  static double weight(const geo::Mmdb::Network& network) {
    if (!is_v4(network.prefix)) return 1;
    return std::ldexp(1.0, 128 - static_cast<int>(network.prefix.length));
  }

  template <typename Each>
  void walk(Each each) const {
    for (const geo::Mmdb& input : inputs_) {
      const auto done = input.visit([&](const geo::Mmdb::Network& network) {
        if (is_v4(network.prefix) != wants_v4_) return;
        if (geo::mmdb_network_fault(network.prefix).empty()) each(input, network);
      });
      if (!done) throw sim::InputError(done.error());
    }
  }

  const std::vector<geo::Mmdb>& inputs_;
  bool wants_v4_;
};

std::string agreement_row(std::string_view name, const Agreement& each) {
  if (each.distances_km.empty()) return fmt::format("{:<16}  nothing to compare\n", name);
  return fmt::format("{:<16}{:>10}{:>10.1f}{:>9.0f}{:>9.0f}{:>11.2f}%{:>11.2f}%{:>12}\n", name,
                     each.distances_km.size(), each.quantile_km(0.5), each.quantile_km(0.9),
                     each.mean_km(), 100 * each.share_within_km(100),
                     100 * each.share(each.same_country), each.not_located);
}

json::object agreement_json(const Agreement& each) {
  json::object result{{"samples", each.distances_km.size()}, {"not_located", each.not_located}};
  if (each.distances_km.empty()) return result;
  result["median_km"] = each.quantile_km(0.5);
  result["p90_km"] = each.quantile_km(0.9);
  result["mean_km"] = each.mean_km();
  result["within_100_km_ratio"] = each.share_within_km(100);
  result["same_country_ratio"] = each.share(each.same_country);
  return result;
}

int run_geo_compare(const GeoCompareCommand& command) {
  const std::vector<geo::Mmdb> inputs = open_databases(command.inputs);
  const std::vector<geo::Mmdb> other = open_databases({command.other});
  const Agreement v4 = Sampler(inputs, true).compare(other.front(), command.samples);
  const Agreement v6 = Sampler(inputs, false).compare(other.front(), command.samples);
  if (command.json) {
    const json::object result{{"ipv4_addresses", agreement_json(v4)},
                              {"ipv6_networks", agreement_json(v6)}};
    fmt::print("{}", policy::json_text(result));
  } else {
    fmt::print("{:<16}{:>10}{:>10}{:>9}{:>9}{:>12}{:>12}{:>12}\n", "", "samples", "median km",
               "p90 km", "mean km", "<= 100 km", "country", "not located");
    fmt::print("{}{}", agreement_row("IPv4 addresses", v4), agreement_row("IPv6 networks", v6));
  }
  if (std::fflush(stdout) != 0) throw sim::InputError("standard output: writing failed");
  return kExitDone;
}

}  // namespace

void add_geo_compare(CLI::App& geo, Action& action) {
  CLI::App& compare = *geo.add_subcommand("compare", "Measure how far one database is from others");
  auto command = std::make_shared<GeoCompareCommand>();
  GeoCompareCommand& c = *command;
  compare.add_option("inputs", c.inputs, "Databases that are taken for the truth")
      ->required()
      ->type_name("FILE.mmdb");
  compare.add_option("--with", c.other, "The database to measure")
      ->required()
      ->type_name("FILE.mmdb");
  compare.add_option("--samples", c.samples, "Samples of each address family")
      ->capture_default_str()
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{100'000'000}));
  compare.add_flag("--json", c.json, "JSON on standard output instead of the table");
  compare.footer(
      "IPv4 is sampled by addresses, IPv6 by networks.\n"
      "Example:\n"
      "  edgeward geo compare city-ipv4.mmdb city-ipv6.mmdb --with world.mmdb\n");
  compare.callback(
      [command, &action] { action = [command] { return run_geo_compare(*command); }; });
}

}  // namespace edgeward::controller
