#include "controller/commands/replay_decisions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cache/parameters.hpp"
#include "controller/commands/chosen_config.hpp"
#include "controller/service/decision_log_options.hpp"
#include "controller/snapshot_folder.hpp"
#include "controller/terminal.hpp"
#include "geo/ip_prefix.hpp"
#include "policy/candidates.hpp"
#include "policy/decision_json.hpp"
#include "policy/json.hpp"
#include "policy/router.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/input/line_splitter.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// Workers tell in turns, so lines of a few snapshots alternate.
constexpr std::size_t kSnapshotsAtOnce = 16;
constexpr std::size_t kToldMax = 10;

/// Thrown and caught here: a line that is none of a decision log.
struct BadLine {
  std::string message;
};

/// A decision as its line tells it.
struct LineDecision {
  policy::Request request;
  std::string service;
  geo::CellIndex cell = 0;
  std::uint64_t version = 0;
  std::string edge;  ///< empty: none
  std::string reason;
  double score = 0;
};

/// A decision that comes out otherwise now.
struct Changed {
  std::uint64_t line = 0;
  LineDecision was;
  std::string edge;
  std::string reason;
  double score = 0;
};

struct Outcome {
  std::uint64_t lines = 0;
  std::uint64_t bad_lines = 0;
  std::uint64_t decisions = 0;
  std::uint64_t same = 0;
  std::uint64_t changed_edge = 0;  ///< of the others, those that go to another edge
  std::uint64_t snapshots = 0;
  std::vector<Changed> first_changed;
  /// From the edge that was to the edge that is, how often.
  std::map<std::pair<std::string, std::string>, std::uint64_t> moves;
  double km_was = 0;  ///< sums over the decisions that name an edge both times
  double km_now = 0;
  std::uint64_t with_edges = 0;
  bool is_partial = false;
};

const json::value& member(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  if (found == nullptr)
    throw BadLine{fmt::format("no member {}: not a line of a decision log", name)};
  return *found;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value& value = member(object, name);
  if (value.is_null()) return {};
  if (!value.is_string()) throw BadLine{fmt::format("{}: expected text", name)};
  return std::string(value.get_string().data(), value.get_string().size());
}

template <class Number>
Number number_of(const json::value& value, std::string_view name) {
  json::error_code error;
  const auto number = value.to_number<Number>(error);
  if (error) throw BadLine{fmt::format("{}: expected a number", name)};
  return number;
}

LineDecision parse_line(std::string_view text) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error) throw BadLine{"not JSON: " + error.message()};
  if (!value.is_object()) throw BadLine{"expected an object"};
  const json::object& object = value.get_object();
  LineDecision line;
  line.request.at_ms =
      std::llround(std::clamp(number_of<double>(member(object, "at"), "at"), -1e12, 1e12) * 1000);
  const auto client = geo::IpPrefix::parse(text_of(object, "client"));
  if (!client) throw BadLine{"client: expected an address or a prefix"};
  line.request.client = client->address;
  if (object.contains("content")) {
    const auto id = cache::parse_hex(text_of(object, "content"));
    if (!id) throw BadLine{"content: expected 16 hexadecimal digits"};
    line.request.content = *id;
  }
  if (const json::value* const size = object.if_contains("size_bytes")) {
    line.request.size_bytes = number_of<std::uint64_t>(*size, "size_bytes");
  }
  line.service = text_of(object, "service");
  line.cell = number_of<geo::CellIndex>(member(object, "cell"), "cell");
  line.version = number_of<std::uint64_t>(member(object, "snapshot_version"), "snapshot_version");
  line.edge = text_of(object, "edge");
  line.reason = text_of(object, "reason");
  line.score = number_of<double>(member(object, "score"), "score");
  return line;
}

std::string edge_name(cache::EdgeId edge, const cache::Fleet& fleet) {
  return edge == cache::kNoEdge ? std::string() : fleet[edge].name;
}

std::optional<float> km_to(std::string_view edge, const policy::Snapshot& snapshot,
                           geo::CellIndex cell) {
  const auto found = snapshot.fleet->fleet().find(edge);
  if (!found) return std::nullopt;
  return policy::distance_km(snapshot, cell, *found);
}

class DecisionReplay {
 public:
  DecisionReplay(std::string folder, std::optional<policy::RoutingOptions> other)
      : folder_(folder), reader_(std::move(folder)), other_(std::move(other)) {}

  void take(const LineDecision& was, std::uint64_t line, Outcome& outcome) {
    const policy::Excerpt& excerpt = this->excerpt(was.version, outcome);
    const policy::Snapshot& snapshot = excerpt.snapshot;
    const policy::FleetPart& part = *snapshot.fleet;
    policy::Request request = was.request;
    request.service = service(was.service, part);
    policy::Client client = policy::locate(request.client, part.map());
    client.cell = cell(was, excerpt);
    const policy::Decision now = policy::route(request, client, snapshot);
    const std::string edge = edge_name(now.edge, part.fleet());
    const std::string_view reason = policy::name(now.reason);
    const double score = policy::rounded_score(now.score, part.options().scoring);
    ++outcome.decisions;
    const auto km_was = km_to(was.edge, snapshot, client.cell);
    const auto km_now = km_to(edge, snapshot, client.cell);
    if (km_was && km_now) {
      outcome.km_was += static_cast<double>(*km_was);
      outcome.km_now += static_cast<double>(*km_now);
      ++outcome.with_edges;
    }
    // By other options scores are others; what counts then is where clients go.
    const bool is_same =
        edge == was.edge && (other_ || (reason == was.reason && score == was.score));
    if (is_same) {
      ++outcome.same;
      return;
    }
    if (edge != was.edge) ++outcome.moves[{was.edge, edge}];
    outcome.changed_edge += edge != was.edge ? 1 : 0;
    if (outcome.first_changed.size() < kToldMax) {
      outcome.first_changed.push_back({line, was, edge, std::string(reason), score});
    }
  }

 private:
  const policy::Excerpt& excerpt(std::uint64_t version, Outcome& outcome) {
    const auto found = excerpts_.find(version);
    if (found != excerpts_.end()) return found->second;
    if (excerpts_.size() == kSnapshotsAtOnce) excerpts_.erase(excerpts_.begin());
    ++outcome.snapshots;
    return excerpts_.emplace(version, reader_.read(version, other_)).first->second;
  }

  static policy::ServiceIndex service(std::string_view name, const policy::FleetPart& part) {
    const std::vector<policy::Service>& services = part.options().services;
    const auto found = std::find_if(services.begin(), services.end(),
                                    [&](const auto& service) { return service.name == name; });
    if (found == services.end()) throw BadLine{"service: the snapshot has none of this name"};
    return static_cast<policy::ServiceIndex>(found - services.begin());
  }

  geo::CellIndex cell(const LineDecision& was, const policy::Excerpt& excerpt) const {
    try {
      return excerpt.find(was.cell);
    } catch (const std::out_of_range&) {
      throw SnapshotUnreadable(
          fmt::format("{}: snapshot {} is not kept whole: it lacks the place of client {}", folder_,
                      was.version, was.request.client.text()));
    }
  }

  std::string folder_;
  SnapshotReader reader_;
  std::optional<policy::RoutingOptions> other_;
  std::map<std::uint64_t, policy::Excerpt> excerpts_;
};

void read(const std::string& input, DecisionReplay& replay, Outcome& outcome,
          TerminalProgress& progress) {
  const auto source = sim::open_input(input);
  sim::LineSplitter lines(*source);
  sim::LineSplitter::Line line;
  for (std::uint64_t number = 1; lines.next(line); ++number) {
    if (progress.should_stop()) {
      outcome.is_partial = true;
      return;
    }
    ++outcome.lines;
    try {
      if (line.cut) throw BadLine{"longer than a line of a decision log can be"};
      replay.take(parse_line(line.text), number, outcome);
    } catch (const BadLine& bad) {
      if (outcome.bad_lines++ < kToldMax) {
        progress.note(fmt::format("{}:{}: {}", input, number, bad.message));
      }
    }
  }
}

json::value or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::object outcome_json(const Outcome& outcome) {
  json::array changes;
  for (const Changed& changed : outcome.first_changed) {
    changes.push_back(json::object{{"line", changed.line},
                                   {"client", changed.was.request.client.text()},
                                   {"content", cache::to_hex(changed.was.request.content)},
                                   {"snapshot_version", changed.was.version},
                                   {"was", json::object{{"edge", or_null(changed.was.edge)},
                                                        {"reason", changed.was.reason},
                                                        {"score", changed.was.score}}},
                                   {"now", json::object{{"edge", or_null(changed.edge)},
                                                        {"reason", changed.reason},
                                                        {"score", changed.score}}}});
  }
  json::array moves;
  for (const auto& [way, count] : outcome.moves) {
    moves.push_back(json::object{
        {"from", or_null(way.first)}, {"to", or_null(way.second)}, {"decisions", count}});
  }
  const auto mean = [&](double sum) {
    return outcome.with_edges == 0
               ? json::value(nullptr)
               : json::value(std::round(sum / static_cast<double>(outcome.with_edges) * 1e3) / 1e3);
  };
  return {
      {"schema_version", 1},
      {"partial", outcome.is_partial},
      {"lines", outcome.lines},
      {"bad_lines", outcome.bad_lines},
      {"decisions", outcome.decisions},
      {"same", outcome.same},
      {"changed", outcome.decisions - outcome.same},
      {"changed_edge", outcome.changed_edge},
      {"snapshots", outcome.snapshots},
      {"distance_km", json::object{{"was", mean(outcome.km_was)}, {"now", mean(outcome.km_now)}}},
      {"moves", std::move(moves)},
      {"first_changes", std::move(changes)}};
}

std::string shown(const std::string& edge) {
  return edge.empty() ? "none" : sim::printable(edge);
}

std::string outcome_text(const Outcome& outcome) {
  std::string text = fmt::format(
      "{} decisions by {} snapshots: {} the same, {} others, {} of them "
      "to another edge\n",
      outcome.decisions, outcome.snapshots, outcome.same, outcome.decisions - outcome.same,
      outcome.changed_edge);
  if (outcome.with_edges > 0) {
    const auto with_edges = static_cast<double>(outcome.with_edges);
    text += fmt::format("mean distance {:.1f} km, was {:.1f} km\n", outcome.km_now / with_edges,
                        outcome.km_was / with_edges);
  }
  std::vector<std::pair<std::uint64_t, std::string>> moves;
  for (const auto& [way, count] : outcome.moves) {
    moves.emplace_back(count, fmt::format("{} -> {}", shown(way.first), shown(way.second)));
  }
  std::stable_sort(moves.begin(), moves.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  if (moves.size() > kToldMax) moves.resize(kToldMax);
  for (const auto& [count, way] : moves) text += fmt::format("{:>10}  {}\n", count, way);
  for (const Changed& changed : outcome.first_changed) {
    text += fmt::format("line {}: {} ({}, {}), was {} ({}, {})\n", changed.line,
                        shown(changed.edge), changed.reason, changed.score, shown(changed.was.edge),
                        sim::printable(changed.was.reason), changed.was.score);
  }
  return text;
}

}  // namespace

int replay_decisions(const ReplayCommand& command) {
  const ReplayCommand understood{.inputs = command.inputs,
                                 .fleet = command.fleet,
                                 .snapshots = command.snapshots,
                                 .json = command.json};
  if (command != understood) {
    throw cache::ParameterError("--snapshots goes with --fleet and --json, no other option");
  }
  catch_interrupts();
  TerminalProgress progress;
  std::optional<policy::RoutingOptions> other;
  if (!command.fleet.empty()) {
    other = load_chosen_config({}, command.fleet, [](std::string_view) {}).routing;
  }
  DecisionReplay replay(command.snapshots, other);
  Outcome outcome;
  for (const std::string& input : command.inputs) read(input, replay, outcome, progress);
  progress.finish();
  if (outcome.bad_lines > kToldMax) {
    progress.note(fmt::format("… and {} more bad lines", outcome.bad_lines - kToldMax));
  }
  if (outcome.decisions == 0) progress.note("no decision in the input");
  fmt::print("{}", command.json ? policy::json_text(outcome_json(outcome)) : outcome_text(outcome));
  if (std::fflush(stdout) != 0) throw sim::InputError("standard output: writing failed");
  if (outcome.is_partial) return kExitInterrupted;
  return !other && outcome.same < outcome.decisions ? kExitNo : kExitDone;
}

}  // namespace edgeward::controller
