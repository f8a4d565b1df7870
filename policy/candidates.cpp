#include "policy/candidates.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace edgeward::policy {

namespace {

using cache::EdgeId;

constexpr std::size_t kAtATime = Candidates::kAtATime;

void clear(Candidates& candidates) {
  candidates.count = 0;
  candidates.is_widened = false;
}

/// Which of the nearest open edges are candidates: those within the radius, which doubles until
/// there are enough.
class Reach {
 public:
  explicit Reach(const RoutingOptions& options)
      : radius_km_(static_cast<float>(options.radius_km)),
        min_(options.candidates_min),
        max_(options.candidates_max) {}

  /// Whether those that are farther than `last_km` matter no more. `found` has the `open` nearest.
  [[nodiscard]] bool has_enough(const Candidates& found, std::size_t open, float last_km) const {
    return open >= max_ || (open >= min_ && last_km > radius_km(found));
  }

  /// Makes candidates of the `open` nearest edges.
  void cut(Candidates& found, std::size_t open) const {
    const float radius = open >= min_ ? radius_km(found) : std::numeric_limits<float>::max();
    std::size_t within = 0;
    for (std::size_t i = 0; i < open; ++i) within += found.distance_km[i] <= radius ? 1 : 0;
    found.count = std::min(within, max_);
    found.is_widened = found.count > 0 && found.distance_km[found.count - 1] > radius_km_;
  }

 private:
  /// So wide that there are enough.
  [[nodiscard]] float radius_km(const Candidates& found) const {
    float radius = radius_km_;
    while (min_ > 0 && found.distance_km[min_ - 1] > radius) radius *= 2;
    return radius;
  }

  float radius_km_;
  std::size_t min_;
  std::size_t max_;
};

/// All edges in order of distance: where the compiled list does not reach far enough.
void gather_from_all(const Snapshot& snapshot, geo::CellIndex cell, ServiceIndex service,
                     Lenience lenience, Candidates& result) noexcept {
  const geo::UnitVector& client = snapshot.fleet->map()[cell].at;
  const std::span<const geo::UnitVector> at = snapshot.fleet->at();
  std::array<std::pair<float, std::uint16_t>, cache::kEdgesMax> order;
  for (std::size_t i = 0; i < at.size(); ++i) {
    order[i] = {geo::chord_squared(client, at[i]), static_cast<std::uint16_t>(i)};
  }
  const auto end = order.begin() + static_cast<std::ptrdiff_t>(at.size());
  // A heap gives them nearest first; mostly few are taken.
  const auto farther = [](const auto& a, const auto& b) { return a > b; };
  std::make_heap(order.begin(), end, farther);
  clear(result);
  const Reach reach(snapshot.fleet->options());
  std::size_t open = 0;
  for (auto last = end; last != order.begin(); --last) {
    std::pop_heap(order.begin(), last, farther);
    const auto& [chord, number] = *std::prev(last);
    const EdgeId edge{number};
    const float km = geo::km_of_chord_squared(chord);
    result.edge[open] = edge;
    result.distance_km[open] = km;
    result.near[open] = Candidates::kNotNear;
    open += exclusion(snapshot, service, edge, lenience) == Exclusion::none ? 1 : 0;
    if (reach.has_enough(result, open, km)) break;
  }
  reach.cut(result, open);
}

}  // namespace

void gather(const Snapshot& snapshot, geo::CellIndex cell, ServiceIndex service, Lenience lenience,
            Candidates& result) noexcept {
  const FleetPart& fleet = *snapshot.fleet;
  const std::span<const geo::SiteIndex> near = fleet.sites().nearest(cell);
  const std::array<float, geo::CellSites::kSitesMax>& km = fleet.sites()[cell].distance_km;
  const Reach reach(fleet.options());
  clear(result);
  std::size_t open = 0;
  // Some at a time, in a loop without a branch: mostly the first ones are enough.
  for (std::size_t k = 0; k < near.size();) {
    const std::size_t end = std::min(k + kAtATime, near.size());
    for (; k < end; ++k) {
      const EdgeId edge{near[k]};
      result.edge[open] = edge;
      result.distance_km[open] = km[k];
      result.near[open] = static_cast<std::uint16_t>(k);
      open += exclusion(snapshot, service, edge, lenience) == Exclusion::none ? 1 : 0;
    }
    if (reach.has_enough(result, open, km[k - 1])) return reach.cut(result, open);
  }
  if (fleet.sites().holds_all()) return reach.cut(result, open);
  gather_from_all(snapshot, cell, service, lenience, result);
}

void gather_zone(const Snapshot& snapshot, geo::CellIndex cell, ServiceIndex service,
                 Candidates& result) noexcept {
  clear(result);
  for (const EdgeId edge : snapshot.fleet->zone(snapshot.fleet->sites()[cell].zone)) {
    if (exclusion(snapshot, service, edge, Lenience::strict) != Exclusion::none) continue;
    result.edge[result.count] = edge;
    result.distance_km[result.count] = distance_km(snapshot, cell, edge);
    result.near[result.count] = Candidates::kNotNear;
    ++result.count;
  }
}

float distance_km(const Snapshot& snapshot, geo::CellIndex cell, EdgeId edge) noexcept {
  return geo::km_of_chord_squared(
      geo::chord_squared(snapshot.fleet->map()[cell].at, snapshot.fleet->at()[cache::index(edge)]));
}

}  // namespace edgeward::policy
