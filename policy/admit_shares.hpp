#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "policy/routing_options.hpp"

namespace edgeward::policy {

/// What part of the requests that want an edge it takes, by area (geo::Cell::area) and edge: 0..1
/// in steps of 1/65535. Immutable.
class AdmitShares {
 public:
  AdmitShares(std::size_t areas, std::size_t edges) : edges_(edges), shares_(areas * edges, kAll) {}

  [[nodiscard]] double share(std::uint16_t area, cache::EdgeId edge) const {
    return static_cast<double>(at(area, edge)) / kAll;
  }
  /// Whether a request is among those taken; `hash` is uniform over 16 bits. A share of 1 takes
  /// all, a share of 0 none.
  [[nodiscard]] bool admits(std::uint16_t area, cache::EdgeId edge, std::uint16_t hash) const {
    const std::uint16_t taken = at(area, edge);
    return taken == kAll || hash < taken;
  }
  void set(std::uint16_t area, cache::EdgeId edge, double share) {
    const double steps = std::clamp(share, 0.0, 1.0) * kAll;
    shares_[area * edges_ + cache::index(edge)] = static_cast<std::uint16_t>(steps + 0.5);
  }
  [[nodiscard]] std::size_t areas() const {
    return shares_.size() / std::max<std::size_t>(edges_, 1);
  }

  bool operator==(const AdmitShares&) const = default;

 private:
  static constexpr std::uint16_t kAll = 0xFFFF;

  [[nodiscard]] std::uint16_t at(std::uint16_t area, cache::EdgeId edge) const {
    return shares_[area * edges_ + cache::index(edge)];
  }

  std::size_t edges_;
  std::vector<std::uint16_t> shares_;
};

/// Demand of one area with one order of preference among edges, as a sample of requests shows it
/// (Router's order, before any share refuses).
struct DemandGroup {
  std::uint16_t area = 0;
  double requests_per_second = 0;
  std::array<cache::EdgeId, kCandidatesMax> ranked{};  ///< best first
  std::size_t count = 0;                               ///< of them
};

/// Where demand goes when no edge is to take more than it may.
struct WaterFill {
  std::vector<double> load;  ///< by edge, requests a second
  /// By edge: what it may take. Its capacity at target_load; more only if demand does not fit into
  /// all edges that can reach it: then those are filled to an equal level.
  std::vector<double> fair_share;
  AdmitShares shares;  ///< that bring this about
};

/// Water-filling: every group's demand flows to its best edge, what that may not take to its next
/// one, and so on. `capacity` is by edge, in requests a second; edges with 0 take nothing that can
/// go elsewhere. Deterministic; O(rounds · groups · candidates).
[[nodiscard]] WaterFill fill(std::span<const DemandGroup> groups, std::span<const double> capacity,
                             double target_load, std::size_t areas);

/// By edge, the load that demand makes under given shares (Router's rule: the first edge whose
/// share takes a request; if all refuse, the one that takes the most).
[[nodiscard]] std::vector<double> load_under(const AdmitShares& shares,
                                             std::span<const DemandGroup> groups,
                                             std::size_t edges);

/// The next tick's shares: half the way from the present ones to the wanted ones, at once for edges
/// that `is_overloaded` names.
[[nodiscard]] AdmitShares damped(const AdmitShares& present, const AdmitShares& wanted,
                                 std::span<const std::uint8_t> is_overloaded);

}  // namespace edgeward::policy
