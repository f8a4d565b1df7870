#include "controller/decision_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>

#include "cache/ids.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

using policy::Considered;
using policy::Exclusion;
using policy::Explanation;
using policy::Question;
using policy::Reason;
using policy::Request;
using policy::RoutingOptions;
using policy::Scoring;
using policy::Snapshot;

/// Excluded edges that are listed; of the rest only the number is told.
constexpr std::size_t kExcludedShown = 10;

bool has_unit(Scoring scoring) {
  return scoring == Scoring::latency || scoring == Scoring::nearest;
}

std::string score_text(double score, Scoring scoring) {
  if (scoring == Scoring::latency) return fmt::format("{:.1f} ms", score);
  if (scoring == Scoring::nearest) return fmt::format("{:.0f} km", score);
  return fmt::format("{:.3f}", score);
}

std::string_view source_words(geo::LocationSource source) {
  switch (source) {
    case geo::LocationSource::override:
      return "from the operator's overrides";
    case geo::LocationSource::mmdb:
      return "from the location database";
    case geo::LocationSource::country:
      return "the centre of the country, which is all that is known";
    case geo::LocationSource::fallback:
      return "the fallback location: nothing is known of where this client is";
    default:
      return "nothing is known of where this client is";
  }
}

std::string_view exclusion_words(Exclusion exclusion) {
  switch (exclusion) {
    case Exclusion::shield:
      return "serves other edges, no clients";
    case Exclusion::service:
      return "does not have the service";
    case Exclusion::country:
      return "the service is not for the client's country";
    case Exclusion::drain:
      return "gets no new clients";
    case Exclusion::down:
      return "reported as failed";
    case Exclusion::unknown:
      return "not heard of for too long";
    case Exclusion::overloaded:
      return "its load is at or over its max_load";
    case Exclusion::too_far:
      return "nearer edges are enough";
    default:
      return "";
  }
}

std::string reason_words(const Explanation& explanation, const Snapshot& snapshot) {
  const RoutingOptions& options = snapshot.fleet->options();
  switch (explanation.decision.reason) {
    case Reason::override:
      return "the operator's overrides send this client's prefix to it";
    case Reason::no_edge:
      return "no edge may serve this client";
    case Reason::last_resort:
      return "no edge may serve this client, so the service's all-down rule names it";
    case Reason::fallback_location:
      return "it is the best for the fallback location";
    case Reason::widened:
      return fmt::format("fewer than {} edges lie within {:.0f} km, so farther ones were compared",
                         options.candidates_min, options.radius_km);
    case Reason::overflow:
      return fmt::format("{} would be better, and has its share of requests",
                         snapshot.fleet->fleet()[explanation.decision.wanted].name);
    case Reason::spread:
      return options.scoring == Scoring::latency
                 ? fmt::format(
                       "its score is within {} ms of the best, and such edges share the "
                       "contents by hash",
                       options.spread_epsilon_ms)
                 : fmt::format(
                       "its score is within {} of the best, and such edges share the "
                       "contents by hash",
                       options.spread_epsilon_score);
    default:
      return "it has the best score";
  }
}

std::string location_line(const Explanation& explanation, const Question& question) {
  const geo::Location& location = explanation.location;
  std::string line = fmt::format("client    {}: ", sim::printable(question.client));
  if (location.source == geo::LocationSource::none) {
    return line + std::string(source_words(location.source)) + '\n';
  }
  line += fmt::format("{:.4f}, {:.4f}", location.point.lat_deg, location.point.lon_deg);
  if (location.country != geo::Country::none) line += " " + to_text(location.country);
  if (location.accuracy_km > 0) line += fmt::format(" within {:.0f} km", location.accuracy_km);
  return line + fmt::format(" ({}: {})\n", name(location.source), source_words(location.source));
}

std::string request_lines(const Request& request, const Question& question,
                          const Snapshot& snapshot) {
  const RoutingOptions& options = snapshot.fleet->options();
  const auto at = std::chrono::sys_seconds(std::chrono::seconds(request.at_ms / 1000));
  std::string lines = fmt::format("content   {} (id {}", sim::printable(question.key),
                                  cache::to_hex(request.content));
  if (request.size_bytes > 0) lines += fmt::format(", {} bytes", request.size_bytes);
  lines += fmt::format(")\nservice   {}, scoring {}, at {:%Y-%m-%dT%H:%M:%SZ}\n",
                       options.services[request.service].name, name(options.scoring),
                       fmt::gmtime(std::chrono::system_clock::to_time_t(at)));
  return lines;
}

/// What a service's bias adds to an edge's score, which its terms do not show.
float bias_of(const RoutingOptions& options, policy::ServiceIndex service, cache::EdgeId edge) {
  const policy::Service& rules = options.services[service];
  if (options.scoring == Scoring::weighted && !rules.bias_score.empty()) {
    return rules.bias_score[cache::index(edge)];
  }
  if (options.scoring == Scoring::latency && !rules.bias_ms.empty()) {
    return -rules.bias_ms[cache::index(edge)];
  }
  return 0;
}

std::size_t name_width(const Explanation& explanation, const cache::Fleet& fleet) {
  std::size_t width = 4;
  for (const Considered& one : explanation.considered) {
    width = std::max(width, fleet[one.edge].name.size());
  }
  return width;
}

std::string candidate_table(const Explanation& explanation, const Request& request,
                            const Snapshot& snapshot) {
  const RoutingOptions& options = snapshot.fleet->options();
  const cache::Fleet& fleet = snapshot.fleet->fleet();
  const std::size_t width = name_width(explanation, fleet);
  const auto names = policy::term_names(options.scoring);
  const auto is_candidate = [](const Considered& one) { return one.exclusion == Exclusion::none; };
  const auto& all = explanation.considered;
  const bool has_bias = std::any_of(all.begin(), all.end(), [&](const Considered& one) {
    return is_candidate(one) && bias_of(options, request.service, one.edge) != 0;
  });
  std::string table = fmt::format("  {:{}}  {:>8}  {:>8}", "edge", width, "km", "score");
  const std::size_t terms = options.scoring == Scoring::nearest ? 0 : names.size();  // km again
  for (std::size_t i = 0; i < terms; ++i) table += fmt::format("  {:>11}", names[i]);
  table += has_bias ? "     bias\n" : "\n";
  const int digits = has_unit(options.scoring) ? 1 : 3;
  for (const Considered& one : all) {
    if (!is_candidate(one)) continue;
    table += fmt::format("{} {:{}}  {:>8.1f}  {:>8.{}f}",
                         one.edge == explanation.decision.edge ? '*' : ' ', fleet[one.edge].name,
                         width, one.distance_km, one.score, digits);
    for (std::size_t i = 0; i < terms; ++i) {
      table += fmt::format("  {:>11.{}f}", one.terms[i], digits);
    }
    if (has_bias) {
      table += fmt::format("  {:>+7.{}f}", bias_of(options, request.service, one.edge), digits);
    }
    table += '\n';
  }
  return table;
}

std::string excluded_table(const Explanation& explanation, const Snapshot& snapshot) {
  const cache::Fleet& fleet = snapshot.fleet->fleet();
  const std::size_t width = name_width(explanation, fleet);
  std::string table;
  std::size_t shown = 0;
  std::map<Exclusion, std::size_t> rest;
  for (const Considered& one : explanation.considered) {
    if (one.exclusion == Exclusion::none) continue;
    if (shown++ >= kExcludedShown) {
      ++rest[one.exclusion];
      continue;
    }
    table += fmt::format("  {:{}}  {:>8.1f}  {}: {}\n", fleet[one.edge].name, width,
                         one.distance_km, name(one.exclusion), exclusion_words(one.exclusion));
  }
  if (rest.empty()) return table;
  table += fmt::format("  … and {} more:", shown - kExcludedShown);
  const char* separator = " ";
  for (const auto& [exclusion, count] : rest) {
    table += fmt::format("{}{} {}", separator, count, name(exclusion));
    separator = ", ";
  }
  return table + '\n';
}

std::string hit_note(const Explanation& explanation, const Snapshot& snapshot) {
  const RoutingOptions& options = snapshot.fleet->options();
  const bool has_hit_term =
      options.scoring == Scoring::weighted || options.scoring == Scoring::latency;
  if (explanation.is_hit_known || !has_hit_term) return "";
  return fmt::format(
      "Nothing is known of what the edges hold: the chance of a hit is taken as "
      "{} at each.\n",
      options.hit_prior);
}

std::string verdict(const Explanation& explanation, const Question& question,
                    const Snapshot& snapshot) {
  const policy::Decision& decision = explanation.decision;
  const Scoring scoring = snapshot.fleet->options().scoring;
  const std::string why = reason_words(explanation, snapshot);
  std::string text;
  if (decision.edge == cache::kNoEdge) {
    text = fmt::format("no edge ({}): {}.\n", name(decision.reason), why);
  } else {
    const cache::Edge& edge = snapshot.fleet->fleet()[decision.edge];
    text = fmt::format("{} ({}): {}.\n", edge.name, name(decision.reason), why);
    text += fmt::format("{}, score {}, {:.0f} km from the client",
                        sim::printable(policy::content_url(edge, question.key)),
                        score_text(decision.score, scoring), decision.distance_km);
    const char* separator = "; then ";
    for (const policy::Decision::RunnerUp& next : decision.runners_up) {
      if (next.edge == cache::kNoEdge) continue;
      text += fmt::format("{}{} {}", separator, snapshot.fleet->fleet()[next.edge].name,
                          score_text(next.score, scoring));
      separator = ", ";
    }
    text += '\n';
  }
  return text;
}

}  // namespace

std::string decision_text(const Explanation& explanation, const Question& question,
                          const Snapshot& snapshot) {
  return location_line(explanation, question) + verdict(explanation, question, snapshot);
}

std::string explanation_text(const Explanation& explanation, const Request& request,
                             const Question& question, const Snapshot& snapshot) {
  std::string text = location_line(explanation, question);
  text += request_lines(request, question, snapshot);
  const auto& all = explanation.considered;
  if (!all.empty() && all.front().exclusion == Exclusion::none) {
    text += "\ncandidates, in order of preference\n";
    text += candidate_table(explanation, request, snapshot);
  }
  const std::string excluded = excluded_table(explanation, snapshot);
  if (!excluded.empty()) text += "\nno candidates\n" + excluded;
  text += '\n' + verdict(explanation, question, snapshot);
  return text + hit_note(explanation, snapshot);
}

}  // namespace edgeward::controller
