#include "policy/decision_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>

namespace edgeward::policy {

namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 4> kWeightedTerms{"distance", "hit", "load", "bandwidth"};
constexpr std::array<std::string_view, 4> kLatencyTerms{"network_ms", "queue_ms", "miss_ms",
                                                        "transfer_ms"};
constexpr std::array<std::string_view, 1> kNearestTerms{"distance_km"};

double rounded(double value, double steps) {
  return std::round(value * steps) / steps;
}
double ratio(double value) {
  return rounded(value, 1e6);
}
double thousandths(double value) {
  return rounded(value, 1e3);
}

json::object terms_json(const Terms& terms, Scoring scoring) {
  json::object result;
  const auto names = term_names(scoring);
  for (std::size_t i = 0; i < names.size(); ++i)
    result[names[i]] = rounded_score(terms[i], scoring);
  return result;
}

json::object client_json(const geo::Location& location, std::string_view address) {
  json::object client{{"ip", address}, {"lat", nullptr}, {"lon", nullptr}, {"country", nullptr}};
  if (location.source != geo::LocationSource::none) {
    client["lat"] = rounded(location.point.lat_deg, 1e4);
    client["lon"] = rounded(location.point.lon_deg, 1e4);
  }
  if (location.country != geo::Country::none) client["country"] = to_text(location.country);
  client["source"] = name(location.source);
  return client;
}

json::object considered_json(const Considered& considered, const FleetPart& fleet) {
  const Scoring scoring = fleet.options().scoring;
  json::object result{{"edge", fleet.fleet()[considered.edge].name},
                      {"distance_km", thousandths(considered.distance_km)}};
  if (considered.exclusion != Exclusion::none) {
    result["excluded"] = name(considered.exclusion);
    return result;
  }
  result["score"] = rounded_score(considered.score, scoring);
  result["terms"] = terms_json(considered.terms, scoring);
  result["admit_share"] = ratio(considered.admit_share);
  return result;
}

}  // namespace

double rounded_score(float score, Scoring scoring) {
  const bool has_unit = scoring == Scoring::latency || scoring == Scoring::nearest;
  return has_unit ? thousandths(score) : ratio(score);
}

std::span<const std::string_view> term_names(Scoring scoring) {
  switch (scoring) {
    case Scoring::weighted:
      return kWeightedTerms;
    case Scoring::latency:
      return kLatencyTerms;
    case Scoring::nearest:
      return kNearestTerms;
    default:
      return {};  // a hash has no terms
  }
}

std::string content_url(const cache::Edge& edge, std::string_view key) {
  constexpr std::string_view kNeverInUrls = "\"<>\\^`{|}#";
  std::string url = "https://" + (edge.endpoint.empty() ? edge.name : edge.endpoint);
  const std::size_t path_at = std::min(key.find('/'), key.size());
  if (path_at == key.size()) url += '/';
  for (const char c : key.substr(path_at)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7F || kNeverInUrls.find(c) != std::string_view::npos) {
      url += fmt::format("%{:02X}", byte);
    } else {
      url += c;
    }
  }
  return url;
}

json::object decision_json(const Decision& decision, const Question& question,
                           const Snapshot& snapshot) {
  const FleetPart& fleet = *snapshot.fleet;
  const Scoring scoring = fleet.options().scoring;
  const bool has_edge = decision.edge != cache::kNoEdge;
  json::object result{{"edge", nullptr}, {"url", nullptr}};
  if (has_edge) {
    result["edge"] = fleet.fleet()[decision.edge].name;
    result["url"] = content_url(fleet.fleet()[decision.edge], question.key);
  }
  result["reason"] = name(decision.reason);
  result["score"] = has_edge ? json::value(rounded_score(decision.score, scoring)) : nullptr;
  result["terms"] = has_edge ? json::value(terms_json(decision.terms, scoring)) : nullptr;
  result["client"] = client_json(fleet.map()[decision.cell].location(), question.client);
  result["distance_km"] = has_edge ? json::value(thousandths(decision.distance_km)) : nullptr;
  json::array runners_up;
  for (const Decision::RunnerUp& runner_up : decision.runners_up) {
    if (runner_up.edge == cache::kNoEdge) continue;
    runners_up.push_back({{"edge", fleet.fleet()[runner_up.edge].name},
                          {"score", rounded_score(runner_up.score, scoring)}});
  }
  result["runners_up"] = std::move(runners_up);
  result["snapshot_version"] = decision.snapshot_version;
  result["stale"] = question.is_stale;
  return result;
}

json::object explanation_json(const Explanation& explanation, const Question& question,
                              const Snapshot& snapshot) {
  json::object result = decision_json(explanation.decision, question, snapshot);
  result["hit_known"] = explanation.is_hit_known;
  json::array candidates;
  for (const Considered& considered : explanation.considered) {
    candidates.push_back(considered_json(considered, *snapshot.fleet));
  }
  result["candidates"] = std::move(candidates);
  return result;
}

}  // namespace edgeward::policy
