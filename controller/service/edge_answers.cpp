#include "controller/service/edge_answers.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <string_view>
#include <utility>

#include "controller/config/fault.hpp"
#include "controller/service/parameters.hpp"
#include "controller/service/problem.hpp"
#include "policy/json.hpp"

namespace edgeward::controller {

namespace json = boost::json;

std::string edges_answer(Publisher& publisher, std::uint64_t snapshot_version,
                         std::int64_t now_ms) {
  json::array edges;
  for (const EdgeView& view : publisher.edges(now_ms)) {
    json::object edge{{"edge", view.name}, {"mode", cache::name(view.state.mode)}};
    edge["excluded"] = view.exclusion == policy::Exclusion::none
                           ? json::value(nullptr)
                           : json::value(policy::name(view.exclusion));
    edge["drained"] = view.is_drained;
    edge["load_ratio"] = view.state.load_ratio;
    edge["bandwidth_used_bps"] = view.state.bandwidth_used_bps;
    edge["age_ms"] =
        view.has_reported ? json::value(now_ms - view.state.seen_at_ms) : json::value(nullptr);
    edge["requests_per_second"] = view.requests_per_second;
    edge["fair_share_requests_per_second"] = view.fair_share;
    edge["hit_ratio"] = view.hit_ratio ? json::value(*view.hit_ratio) : json::value(nullptr);
    edges.emplace_back(std::move(edge));
  }
  const ReloadStatus reloads = publisher.reloads();
  return policy::json_text(
      json::object{{"edges", std::move(edges)},
                   {"snapshot_version", snapshot_version},
                   {"reload_error", reloads.last_error.empty() ? json::value(nullptr)
                                                               : json::value(reloads.last_error)}});
}

std::string forecast_answer(Publisher& publisher, const cache::Fleet& fleet,
                            const Parameters& parameters, std::int64_t now_ms) {
  constexpr std::uint64_t kHoursMax = 168;
  constexpr std::int64_t kHourMs = 3'600'000;
  const std::uint64_t hours = parameters.text("hours").empty() ? 24 : parameters.count("hours");
  if (hours < 1 || hours > kHoursMax) {
    refuse(400, fmt::format("hours: expected from 1 to {}", kHoursMax));
  }
  const std::string_view name = parameters.text("edge");
  if (!name.empty() && !fleet.find(name)) {
    refuse(404, fmt::format("no edge is named {}", quote(name)));
  }
  const Publisher::Demand demand = publisher.demand();
  const std::int64_t from_ms = (now_ms / kHourMs + 1) * kHourMs;
  json::array edges;
  for (std::size_t at = 0; demand.profiles != nullptr && at < demand.profiles->size(); ++at) {
    const cache::Edge& edge = demand.fleet->edges[at];
    if (!name.empty() && edge.name != name) continue;
    const policy::DemandProfile& profile = (*demand.profiles)[at];
    json::array expectations;
    for (std::uint64_t hour = 0; hour < hours; ++hour) {
      const std::int64_t at_ms = from_ms + static_cast<std::int64_t>(hour) * kHourMs;
      const auto expected = profile.hour(at_ms);
      if (!expected) break;
      expectations.push_back({{"at", at_ms / 1000},
                              {"expected", expected->expected},
                              {"low", expected->low},
                              {"high", expected->high}});
    }
    edges.push_back({{"edge", edge.name},
                     {"hours_seen", profile.hours_seen()},
                     {"requests", std::move(expectations)}});
  }
  return policy::json_text(json::object{{"edges", std::move(edges)}});
}

}  // namespace edgeward::controller
