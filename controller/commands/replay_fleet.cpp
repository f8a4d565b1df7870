#include "controller/commands/replay_fleet.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "controller/commands/arguments.hpp"
#include "controller/config/config_file.hpp"
#include "controller/data_folder.hpp"
#include "controller/routing_setup.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::controller {

namespace {

/// Names listed in a message.
constexpr std::size_t kNamesShown = 10;

std::string some_of(const std::vector<std::string>& names) {
  const std::vector<std::string> shown(
      names.begin(),
      names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), kNamesShown)));
  return fmt::format("{}{}", fmt::join(shown, ", "), names.size() > kNamesShown ? ", …" : "");
}

std::vector<std::string> names_of(const cache::Fleet& fleet) {
  std::vector<std::string> names;
  for (const cache::Edge& edge : fleet.edges) names.push_back(edge.name);
  return names;
}

bool wants(const sim::FleetSetup& setup, sim::Routing routing) {
  return std::find(setup.routings.begin(), setup.routings.end(), routing) != setup.routings.end();
}

void check_recorded(const sim::Trace& trace, const sim::FleetModel& model) {
  const auto edges = model.recorded_edges();
  const bool has_any = std::any_of(edges.begin(), edges.end(),
                                   [](cache::EdgeId edge) { return edge != cache::kNoEdge; });
  if (has_any) return;
  if (!trace.requesters.names_edges()) {
    throw cache::ParameterError("--routing recorded: the log does not say which edge served");
  }
  const auto& names = trace.requesters.edge_names;
  throw cache::ParameterError(fmt::format("--routing recorded: the log names {}, the fleet has {}",
                                          some_of({names.begin() + 1, names.end()}),
                                          some_of(names_of(model.fleet()))));
}

}  // namespace

FailureChoice parse_failure(std::string_view text) {
  const auto fail = [&] {
    throw cache::ParameterError(
        fmt::format("--fail '{}': expected EDGE@T+D such as fra1@2h+30m or "
                    "fra1@2015-05-17T12:00:00Z+30m",
                    text));
  };
  const std::size_t at = text.find('@');
  const std::size_t plus = text.rfind('+');
  if (at == 0 || at == std::string_view::npos || plus == std::string_view::npos || plus < at) {
    fail();
  }
  FailureChoice choice{.text = std::string(text), .edge = std::string(text.substr(0, at))};
  const std::string_view from = text.substr(at + 1, plus - at - 1);
  choice.duration_ms = parse_duration_ms("--fail", text.substr(plus + 1));
  choice.is_absolute = from.find_first_of("-:T") != std::string_view::npos;
  if (choice.is_absolute) {
    const auto at_ms = sim::parse_time(from);
    if (!at_ms) fail();
    choice.at_ms = *at_ms;
  } else {
    choice.at_ms = parse_duration_ms("--fail", from);
  }
  if (choice.duration_ms < 1) fail();
  return choice;
}

ReplayFleet::ReplayFleet(const ReplayCommand& command, const ReplaySettings& settings,
                         sim::Progress& progress) {
  for (const std::string& text : command.failures) failures_.push_back(parse_failure(text));
  const Config config = read_config(command.fleet, data_folder());
  for (const FailureChoice& choice : failures_) {
    if (config.fleet.find(choice.edge)) continue;
    throw cache::ParameterError(fmt::format("--fail {}: {} has no such edge; it has {}",
                                            choice.text, command.fleet,
                                            some_of(names_of(config.fleet))));
  }
  const Routing routing = RoutingCompiler().compile(
      config, {}, [&](std::string_view sentence) { progress.note(sentence); });
  setup_ = {.fleet = routing.fleet,
            .routing = config.routing,
            .map = routing.map,
            .rtt = {},
            .failures = {},
            .tick_ms = settings.tick_ms,
            .routings = settings.routings};
}

std::unique_ptr<sim::FleetModel> ReplayFleet::model(const sim::Trace& trace,
                                                    sim::Progress& progress) const {
  if (!trace.has_times() && trace.summary.requests > 0) {
    throw cache::ParameterError("--fleet needs a log with real times");
  }
  sim::FleetSetup setup = setup_;
  const std::int64_t first_ms = trace.summary.first_at_ms.value_or(0);
  const std::int64_t last_ms = trace.summary.last_at_ms.value_or(0);
  for (const FailureChoice& choice : failures_) {
    const std::int64_t from_ms = choice.is_absolute ? choice.at_ms - first_ms : choice.at_ms;
    if (from_ms > last_ms - first_ms || from_ms + choice.duration_ms <= 0) {
      progress.note(fmt::format("--fail {}: outside of the log's time", choice.text));
    }
    setup.failures.push_back({.edge = *setup.fleet->find(choice.edge),
                              .from_ms = from_ms,
                              .until_ms = from_ms + choice.duration_ms});
  }
  auto model = std::make_unique<sim::FleetModel>(trace, std::move(setup));
  if (trace.summary.requests == 0) return model;
  if (wants(setup_, sim::Routing::recorded)) check_recorded(trace, *model);
  if (model->unlocated_requests() > 0) {
    progress.note(
        fmt::format("{} of {} requests come from clients that cannot be located: routed "
                    "from the fallback location",
                    model->unlocated_requests(), trace.summary.requests));
  }
  return model;
}

}  // namespace edgeward::controller
