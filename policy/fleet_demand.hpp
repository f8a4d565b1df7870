#pragma once

#include <cstdint>
#include <vector>

#include "cache/edge.hpp"
#include "policy/content_demand.hpp"
#include "policy/demand_profile.hpp"
#include "policy/plan_selection.hpp"
#include "policy/share_blend.hpp"

namespace edgeward::policy {

/// What the edges of a fleet are asked for, and what they will be: each edge's demand by hour of
/// the week and by content, and that of all of them together, from which an edge that has seen
/// little learns.
class FleetDemand {
 public:
  /// `is_parent` by edge: others fill from it, so that its requests are their misses, which were
  /// counted where clients asked.
  FleetDemand(const std::vector<bool>& is_parent, const ContentDemandOptions& edge_options,
              const ContentDemandOptions& fleet_options);

  /// An edge was asked for a content. Times may go back a little.
  void note(cache::EdgeId edge, cache::ContentId content, std::uint64_t size_bytes,
            std::int64_t at_ms);

  /// Hours up to that time are over, and contents are ranked: before find_candidates().
  void advance(std::int64_t now_ms);

  /// Appends what is expected of the edge over the horizon, content by content, each at most once:
  /// the edge's forecast, times shares that are its own as far as it has seen enough, else those of
  /// all other edges. Sets content, size_bytes and requests.
  void find_candidates(cache::EdgeId edge, std::int64_t horizon_ms,
                       std::vector<PlanCandidate>& candidates) const;

  [[nodiscard]] const DemandProfile& profile(cache::EdgeId edge) const {
    return edges_[cache::index(edge)].profile;
  }
  [[nodiscard]] const ContentDemand& contents(cache::EdgeId edge) const {
    return edges_[cache::index(edge)].contents;
  }
  /// Of all edges that serve clients.
  [[nodiscard]] const ContentDemand& fleet() const { return fleet_; }
  /// Takes up what was saved of an edge's profile.
  void set_profile(cache::EdgeId edge, const DemandProfile& profile) {
    edges_[cache::index(edge)].profile = profile;
  }

 private:
  struct Edge {
    DemandProfile profile;
    ContentDemand contents;
    ShareBlend blend;
    bool is_parent = false;
  };
  struct RankedContent {
    cache::ContentId content{};
    ContentDemand::Known known;
  };

  void learn_blend(Edge& edge, cache::ContentId content, std::int64_t at_ms);

  std::vector<Edge> edges_;
  ContentDemand fleet_;
  std::vector<RankedContent> ranking_;  ///< of fleet_, most asked for first, as of ranked_at_ms_
  std::int64_t ranked_at_ms_ = 0;
  std::uint64_t noted_ = 0;
};

}  // namespace edgeward::policy
