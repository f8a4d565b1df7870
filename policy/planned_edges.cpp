#include "policy/planned_edges.hpp"

#include <cstdint>

namespace edgeward::policy {

using cache::EdgeId;

namespace {

/// Where the edge gets what is not held `way_ms` before it.
void add_sources(const cache::Fleet& fleet, const FillTimes& times, EdgeId edge, double way_ms,
                 PlannedEdge& to) {
  const cache::Edge& described = fleet[edge];
  if (described.fill == cache::FillSource::parent) {
    way_ms += times.edge_ms(edge, described.parent);
    to.sources.push_back({.edge = described.parent, .fill_ms = way_ms});
    add_sources(fleet, times, described.parent, way_ms, to);
    return;
  }
  if (described.fill == cache::FillSource::peer) {
    for (const EdgeId peer : times.peers(edge)) {
      if (to.sources.size() >= kPlacementSourcesMax) break;
      to.sources.push_back({.edge = peer, .fill_ms = way_ms + times.edge_ms(edge, peer)});
    }
  }
  to.origin_ms = way_ms + times.origin_ms(edge);
}

}  // namespace

std::vector<PlannedEdge> planned_edges(const cache::Fleet& fleet, const FillTimes& times) {
  std::vector<PlannedEdge> planned(fleet.edges.size());
  for (std::size_t at = 0; at < planned.size(); ++at) {
    const auto edge = static_cast<EdgeId>(static_cast<std::uint16_t>(at));
    PlannedEdge& one = planned[at];
    one.bandwidth_bps = fleet[edge].bandwidth_bps;
    if (const auto& hours = fleet[edge].fill_window) {
      one.fill_window.emplace(*hours, fleet[edge].time_zone);
    }
    add_sources(fleet, times, edge, 0, one);
    // A parent that fills from peers may ask the very edge that asks it: in vain.
    std::erase_if(one.sources, [edge](const auto& source) { return source.edge == edge; });
    if (fleet[edge].fill == cache::FillSource::parent) {
      planned[cache::index(fleet[edge].parent)].is_parent = true;
    }
  }
  return planned;
}

}  // namespace edgeward::policy
