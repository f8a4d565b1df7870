#include "policy/candidates.hpp"

#include <algorithm>
#include <utility>

namespace edgeward::policy {

namespace {

using cache::EdgeId;

constexpr std::size_t kAtATime = 8;

void clear(Candidates& candidates) {
  candidates.count = 0;
  candidates.is_widened = false;
}

/// Takes edges in order of distance until the rule of gather() is fulfilled. `true`: it is;
/// `false`: edges farther away may be wanted.
class Taker {
 public:
  Taker(const Snapshot& snapshot, ServiceIndex service, Lenience lenience)
      : snapshot_(snapshot),
        options_(snapshot.fleet->options()),
        fixed_(snapshot.fleet->excluded(service)),
        lenience_(lenience),
        radius_km_(static_cast<float>(options_.radius_km)) {}

  [[nodiscard]] bool take(EdgeId edge, float km, std::uint16_t near, Candidates& result) {
    if (fixed_[cache::index(edge)] != Exclusion::none) return false;
    if (lenience_ == Lenience::strict &&
        (*snapshot_.live)[cache::index(edge)].exclusion != Exclusion::none) {
      return false;
    }
    if (km > radius_km_) {
      if (result.count >= options_.candidates_min) return true;
      while (km > radius_km_) radius_km_ *= 2;
      result.is_widened = true;
    }
    result.edge[result.count] = edge;
    result.distance_km[result.count] = km;
    result.near[result.count] = near;
    ++result.count;
    return result.count == options_.candidates_max;
  }

 private:
  const Snapshot& snapshot_;
  const RoutingOptions& options_;
  std::span<const Exclusion> fixed_;
  Lenience lenience_;
  float radius_km_;
};

/// All edges in order of distance: where the compiled list does not reach far enough.
void gather_from_all(const Snapshot& snapshot, const geo::UnitVector& client, ServiceIndex service,
                     Lenience lenience, Candidates& result) noexcept {
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
  Taker taker(snapshot, service, lenience);
  for (auto last = end; last != order.begin(); --last) {
    std::pop_heap(order.begin(), last, farther);
    const auto& [chord, edge] = *std::prev(last);
    const float km = geo::km_of_chord_squared(chord);
    if (taker.take(EdgeId{edge}, km, Candidates::kNotNear, result)) return;
  }
}

}  // namespace

void gather(const Snapshot& snapshot, geo::CellIndex cell, ServiceIndex service, Lenience lenience,
            Candidates& result) noexcept {
  const FleetPart& fleet = *snapshot.fleet;
  const geo::UnitVector& client = fleet.sites()[cell].at;
  const std::span<const geo::SiteIndex> near = fleet.sites().nearest(cell);
  const std::span<const geo::UnitVector> at = fleet.at();
  clear(result);
  Taker taker(snapshot, service, lenience);
  // Distances some at a time, in loops without a branch: mostly the first ones are enough.
  std::array<float, kAtATime> km{};
  for (std::size_t begin = 0; begin < near.size(); begin += kAtATime) {
    const std::size_t count = std::min(kAtATime, near.size() - begin);
    for (std::size_t k = 0; k < count; ++k) {
      km[k] = geo::chord_squared(client, at[near[begin + k]]);
    }
    for (float& distance : km) distance = geo::km_of_chord_squared(distance);
    for (std::size_t k = 0; k < count; ++k) {
      const auto position = static_cast<std::uint16_t>(begin + k);
      if (taker.take(EdgeId{near[begin + k]}, km[k], position, result)) return;
    }
  }
  if (!fleet.sites().holds_all()) gather_from_all(snapshot, client, service, lenience, result);
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
  return geo::km_of_chord_squared(geo::chord_squared(snapshot.fleet->sites()[cell].at,
                                                     snapshot.fleet->at()[cache::index(edge)]));
}

}  // namespace edgeward::policy
