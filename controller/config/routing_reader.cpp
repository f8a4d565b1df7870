#include "controller/config/routing_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace edgeward::controller {

namespace {

using policy::AllDownRule;
using policy::RoutingOptions;
using policy::Scoring;
using policy::Service;

constexpr std::array kScorings{Scoring::weighted, Scoring::latency, Scoring::nearest,
                               Scoring::random};
constexpr std::array kAllDownRules{AllDownRule::none, AllDownRule::all, AllDownRule::last_resort};
/// Services, whose number is 16 bits wide, a configuration may have.
constexpr std::size_t kServicesMax = 1024;
constexpr double kBiasScoreMax = 10;
constexpr double kBiasMsMax = 10'000;

void read_weights(const YamlNode& node, policy::ScoreWeights& weights, Faults& faults) {
  constexpr double kTolerance = 1e-6;
  YamlMap map(node, "weights", faults);
  const std::array<std::pair<std::string_view, double*>, 4> members{
      {{"distance", &weights.distance},
       {"hit", &weights.hit},
       {"load", &weights.load},
       {"bandwidth", &weights.bandwidth}}};
  bool is_good = true;
  double sum = 0;
  for (const auto& [key, value] : members) {
    if (!map.number(key, *value, {0, 1}) && map.find(key) != nullptr) is_good = false;
    sum += *value;
  }
  map.finish();
  if (is_good && map.is_map() && std::abs(sum - 1) > kTolerance) {
    faults.add(node.at,
               fmt::format("weights: distance {} + hit {} + load {} + bandwidth {} = {}, "
                           "expected 1",
                           weights.distance, weights.hit, weights.load, weights.bandwidth, sum));
  }
}

void read_spread(const YamlNode& node, RoutingOptions& options, Faults& faults) {
  YamlMap map(node, "spread_epsilon", faults);
  map.number("score", options.spread_epsilon_score, {0, 1});
  map.number("ms", options.spread_epsilon_ms, {0, 10'000, "ms"});
  map.finish();
}

std::vector<geo::Country> read_countries(YamlMap& map, std::string_view key) {
  std::vector<geo::Country> countries;
  const YamlNode* const node = map.find(key);
  if (node == nullptr) return countries;
  for (const YamlNode* const word : words(*node, key, map.faults())) {
    if (const auto country = geo::parse_country(word->text)) {
      countries.push_back(*country);
    } else {
      map.fault(word->at, fmt::format("{}: expected two letters (ISO 3166-1) such as DE, found {}",
                                      key, quote(word->text)));
    }
  }
  if (node->kind == YamlNode::Kind::list && node->children.empty()) {
    map.fault(node->at, fmt::format("{}: an empty list; leave it out for all countries", key));
  }
  return countries;
}

/// The edge that a text names, or a fault.
cache::EdgeId find_edge(const cache::Fleet& fleet, std::string_view what, std::string_view name,
                        Position at, Faults& faults) {
  if (const auto id = fleet.find(name)) return *id;
  faults.add(at, fmt::format("{}: no edge is named {}{}", what, quote(name),
                             suggestion(name, edge_names(fleet))));
  return cache::kNoEdge;
}

void read_bias(const YamlNode& node, const cache::Fleet& fleet, Service& service, Faults& faults) {
  if (node.kind != YamlNode::Kind::map) {
    faults.add(node.at, fmt::format("bias: expected edges with {{score: …, ms: …}}, found {}",
                                    description(node)));
    return;
  }
  service.bias_score.assign(fleet.edges.size(), 0);
  service.bias_ms.assign(fleet.edges.size(), 0);
  for (const YamlNode& member : node.children) {
    const cache::EdgeId id = find_edge(fleet, "bias", member.key, member.key_at, faults);
    double score = 0;
    double ms = 0;
    YamlMap map(member, fmt::format("bias of {}", quote(member.key)), faults);
    map.number("score", score, {-kBiasScoreMax, kBiasScoreMax});
    map.number("ms", ms, {-kBiasMsMax, kBiasMsMax, "ms"});
    map.finish();
    if (id == cache::kNoEdge) continue;
    service.bias_score[cache::index(id)] = static_cast<float>(score);
    service.bias_ms[cache::index(id)] = static_cast<float>(ms);
  }
  const auto is_zero = [](float bias) { return bias == 0; };
  if (std::all_of(service.bias_score.begin(), service.bias_score.end(), is_zero) &&
      std::all_of(service.bias_ms.begin(), service.bias_ms.end(), is_zero)) {
    service.bias_score.clear();
    service.bias_ms.clear();
  }
}

void read_all_down(YamlMap& map, const cache::Fleet& fleet, Service& service) {
  map.choice<AllDownRule>("all_down", service.all_down, kAllDownRules);
  std::string name;
  const bool has_edge = map.text("last_resort", name);
  const YamlNode* const node = map.find("last_resort");
  if (has_edge) {
    service.last_resort = find_edge(fleet, "last_resort", name, node->at, map.faults());
    if (service.all_down != AllDownRule::last_resort) {
      map.fault(node->at, "last_resort: only with 'all_down: last_resort'");
    }
  }
  if (node == nullptr && service.all_down == AllDownRule::last_resort) {
    map.fault(map.find("all_down")->at,
              "all_down: last_resort needs the edge's name: 'last_resort: NAME'");
  }
}

Service read_service(YamlMap& map, std::string name, const cache::Fleet& fleet) {
  Service service{.name = std::move(name)};
  service.countries_allowed = read_countries(map, "countries_allowed");
  service.countries_denied = read_countries(map, "countries_denied");
  read_all_down(map, fleet, service);
  if (const YamlNode* const bias = map.find("bias")) {
    read_bias(*bias, fleet, service, map.faults());
  }
  map.finish();
  return service;
}

}  // namespace

void read_routing(YamlMap& map, RoutingOptions& options) {
  const YamlNode* const node = map.find("routing");
  if (node == nullptr) return;
  Faults& faults = map.faults();
  YamlMap routing(*node, "routing", faults);
  routing.choice<Scoring>("scoring", options.scoring, kScorings);
  routing.number("radius_km", options.radius_km, {1, geo::kDistanceKmMax, "km"});
  routing.count("min_candidates", options.candidates_min, 1, policy::kCandidatesMax);
  routing.count("candidates_max", options.candidates_max, 1, policy::kCandidatesMax);
  if (options.candidates_min > options.candidates_max) {
    faults.add(node->at, fmt::format("routing: min_candidates {} is more than candidates_max {}",
                                     options.candidates_min, options.candidates_max));
  }
  if (const YamlNode* const weights = routing.find("weights")) {
    read_weights(*weights, options.weights, faults);
  }
  routing.number("distance_scale_km", options.distance_scale_km, {1, 100'000, "km"});
  auto scale_bps = static_cast<std::uint64_t>(options.bandwidth_scale_bps);
  if (routing.bandwidth("bandwidth_scale", scale_bps, 1000)) {
    options.bandwidth_scale_bps = static_cast<double>(scale_bps);
  }
  if (const YamlNode* const spread = routing.find("spread_epsilon")) {
    read_spread(*spread, options, faults);
  }
  routing.number("hit_prior", options.hit_prior, {0, 1});
  routing.duration("health_age_max", options.health_age_max_ms, 1, kDayMs);
  routing.number("target_load", options.target_load, {0.01, 1});
  routing.finish();
}

std::vector<Service> read_services(YamlMap& map, const cache::Fleet& fleet) {
  const YamlNode* const node = map.find("services");
  if (node == nullptr) return {Service{}};
  Faults& faults = map.faults();
  const bool is_list = node->kind == YamlNode::Kind::list;
  if (!is_list && node->kind != YamlNode::Kind::map) {
    faults.add(node->at, fmt::format("services: expected a list of services, or services by name, "
                                     "found {}",
                                     description(*node)));
    return {Service{}};
  }
  if (node->children.empty()) faults.add(node->at, "services: there is at least one");
  std::vector<Service> services;
  std::vector<Position> named_at;
  for (const YamlNode& child : node->children) {
    if (services.size() == kServicesMax) {
      faults.add(child.at, fmt::format("services: more than {}", kServicesMax));
      break;
    }
    YamlMap service(child, is_list ? "a service" : fmt::format("service {}", quote(child.key)),
                    faults);
    std::string name = child.key;
    Position at = child.key_at;
    if (is_list) {
      const YamlNode* const given = service.require("name");
      at = given != nullptr ? given->at : child.at;
      if (!service.text("name", name)) name.clear();
    }
    if ((!is_list || !name.empty()) && !is_plain_name(name)) {
      faults.add(at, fmt::format("name: expected {}, found {}", kPlainName, quote(name)));
    }
    for (std::size_t i = 0; i < services.size() && !name.empty(); ++i) {
      if (services[i].name != name) continue;
      faults.add(at,
                 fmt::format("{} is given twice; first in line {}", quote(name), named_at[i].line));
      break;
    }
    services.push_back(read_service(service, std::move(name), fleet));
    named_at.push_back(at);
  }
  return services;
}

tl::expected<policy::ServiceIndex, std::string> find_service(
    std::string_view name, std::span<const policy::Service> services) {
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (name.empty() || services[i].name == name) return static_cast<policy::ServiceIndex>(i);
  }
  std::vector<std::string_view> names;
  for (const policy::Service& service : services) names.push_back(service.name);
  return tl::unexpected(suggestion(name, names));
}

void check_services(std::span<const Reference> named, std::span<const Service> services,
                    Faults& faults) {
  std::vector<std::string_view> names;
  for (const Service& service : services) names.push_back(service.name);
  for (const Reference& reference : named) {
    if (std::find(names.begin(), names.end(), reference.name) != names.end()) continue;
    faults.add(reference.at, fmt::format("services: no service is named {}{}",
                                         quote(reference.name), suggestion(reference.name, names)));
  }
}

}  // namespace edgeward::controller
