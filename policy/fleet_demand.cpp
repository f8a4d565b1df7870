#include "policy/fleet_demand.hpp"

#include <algorithm>

namespace edgeward::policy {

using cache::ContentId;
using cache::EdgeId;

FleetDemand::FleetDemand(const std::vector<bool>& is_parent,
                         const ContentDemandOptions& edge_options,
                         const ContentDemandOptions& fleet_options)
    : fleet_(fleet_options) {
  edges_.reserve(is_parent.size());
  for (const bool is_one : is_parent) {
    edges_.push_back(
        {.profile = {}, .contents = ContentDemand(edge_options), .blend = {}, .is_parent = is_one});
  }
}

void FleetDemand::note(EdgeId edge, ContentId content, std::uint64_t size_bytes,
                       std::int64_t at_ms) {
  // Some are enough to learn from.
  constexpr std::uint64_t kOneOf = 8;
  Edge& asked = edges_[cache::index(edge)];
  asked.profile.note(at_ms, 1);
  if (!asked.is_parent && ++noted_ % kOneOf == 0) learn_blend(asked, content, at_ms);
  asked.contents.note(content, size_bytes, at_ms);
  if (!asked.is_parent) fleet_.note(content, size_bytes, at_ms);
}

void FleetDemand::learn_blend(Edge& edge, ContentId content, std::int64_t at_ms) {
  const double own_all = edge.contents.per_second(at_ms);
  const double others_all = fleet_.per_second(at_ms) - own_all;
  if (own_all <= 0 || others_all <= 0) return;
  const auto own = edge.contents.find(content, at_ms);
  const auto all = fleet_.find(content, at_ms);
  const double own_rate = own ? own->per_second : 0;
  const double others_rate = all ? std::max(all->per_second - own_rate, 0.0) : 0;
  edge.blend.note(own_rate / own_all, others_rate / others_all, edge.contents.total(at_ms));
}

void FleetDemand::advance(std::int64_t now_ms) {
  for (Edge& edge : edges_) edge.profile.advance(now_ms);
  ranked_at_ms_ = now_ms;
  ranking_.clear();
  fleet_.visit(now_ms, [&](ContentId content, const ContentDemand::Known& known) {
    ranking_.push_back({.content = content, .known = known});
  });
  std::sort(ranking_.begin(), ranking_.end(), [](const RankedContent& a, const RankedContent& b) {
    if (a.known.per_second != b.known.per_second) return a.known.per_second > b.known.per_second;
    return a.content < b.content;
  });
}

void FleetDemand::find_candidates(EdgeId edge, std::int64_t horizon_ms,
                                  std::vector<PlanCandidate>& candidates) const {
  const Edge& asked = edges_[cache::index(edge)];
  const std::int64_t now_ms = ranked_at_ms_;
  const double own_all = asked.contents.per_second(now_ms);
  const auto expected = asked.profile.expected(now_ms, now_ms + horizon_ms);
  if (!expected || own_all <= 0) return;
  const double others_all =
      asked.is_parent ? 0 : std::max(fleet_.per_second(now_ms) - own_all, 0.0);
  const double own_weight =
      others_all > 0 ? asked.blend.own_weight(asked.contents.total(now_ms)) : 1;
  const double others_weight = others_all > 0 ? (1 - own_weight) / others_all : 0;
  const auto add = [&](ContentId content, std::uint64_t size_bytes, double requests) {
    candidates.push_back({.content = content, .size_bytes = size_bytes, .requests = requests});
  };
  asked.contents.visit(now_ms, [&](ContentId content, const ContentDemand::Known& known) {
    double share = own_weight * known.per_second / own_all;
    double trend = known.trend;
    if (others_weight > 0) {
      if (const auto all = fleet_.find(content, now_ms)) {
        share += others_weight * std::max(all->per_second - known.per_second, 0.0);
        trend = own_weight * trend + (1 - own_weight) * all->trend;
      }
    }
    add(content, known.size_bytes, share * trend * *expected);
  });
  // What others are asked for, and this edge was not yet.
  constexpr double kRequestsMin = 0.5;
  for (const RankedContent& ranked : ranking_) {
    const double share = others_weight * ranked.known.per_second;
    if (share * *expected < kRequestsMin) break;
    if (asked.contents.find(ranked.content, now_ms)) continue;
    add(ranked.content, ranked.known.size_bytes, share * ranked.known.trend * *expected);
  }
}

}  // namespace edgeward::policy
