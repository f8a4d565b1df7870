#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cache/edge.hpp"
#include "policy/admit_shares.hpp"
#include "policy/demand.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::policy {

/// What a tick showed.
struct LoadTick {
  std::int64_t at_ms = 0;                       ///< its end
  std::span<const cache::EdgeState> states;     ///< by edge, as reported
  std::span<const double> requests_per_second;  ///< by edge, of clients sent to it
  std::span<const SampledRequest> sample;       ///< of the tick's requests
  double sampled_requests_per_second = 0;       ///< what each of the sample stands for
};

/// From tick to tick, the loads that scores see and the admit shares: the daemon's publisher and
/// the replay call the same. Keeps edges near their fair share without swinging:
///
/// - Shares water-fill the demand that the sample shows (fill()), damped (damped()).
/// - A score sees an edge's load smoothed, by an eighth of the change at a tick. Were it the last
///   tick's, all clients for whom two edges are nearly equal would go from the one to the other and
///   back for ever.
/// - An edge that comes back (EdgeState::admit_ratio) takes that part of what it would take, and
///   counts for that part of its capacity.
/// - An edge over its max_load is left out if that load is not its clients' doing. If it is, its
///   share cuts it down at once: to leave it out altogether would only move the flood, and back.
///
/// One instance a router; not thread-safe.
class LoadControl {
 public:
  explicit LoadControl(std::size_t edges) : smoothed_(edges, kUnset), fair_share_(edges) {}

  /// Replaces snapshot.live and snapshot.shares. `snapshot` is what the tick was routed by, or the
  /// same with newer parts.
  void update(const LoadTick& tick, Snapshot& snapshot);

  /// Areas or edges are no more what they were.
  void forget_shares() { shares_.reset(); }

  /// By edge, requests a second that it may take by the last tick's demand (WaterFill).
  [[nodiscard]] std::span<const double> fair_share() const { return fair_share_; }

 private:
  static constexpr double kUnset = -1;

  /// Water-filled, before edges that come back are held down; null: everything is admitted.
  std::shared_ptr<const AdmitShares> shares_;
  std::vector<double> smoothed_;  ///< load ratios; kUnset before the first report
  std::vector<double> fair_share_;
};

}  // namespace edgeward::policy
