#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "policy/decision.hpp"
#include "policy/request.hpp"
#include "policy/snapshot.hpp"

namespace edgeward::policy {

/// A client as the router sees it: where, and which of its neighbours it is told apart from.
struct Client {
  geo::CellIndex cell = 0;
  std::uint64_t prefix_hash = 0;  ///< of its /24 or /48

  bool operator==(const Client&) const = default;
};

/// Locates a client. Reads the address map alone.
[[nodiscard]] Client locate(const geo::IpAddress& address, const geo::AddressMap& map) noexcept;
/// A client of whom only the country is known.
[[nodiscard]] Client locate(geo::Country country, const geo::AddressMap& map) noexcept;

/// Which edge should serve a request. Pure: equal request and snapshot, equal decision. Reads no
/// clock, takes no lock, allocates nothing, never fails; any number of threads may call it.
[[nodiscard]] Decision route(const Request& request, const Snapshot& snapshot) noexcept;
/// The same for a client that has been located already.
[[nodiscard]] Decision route(const Request& request, const Client& client,
                             const Snapshot& snapshot) noexcept;

/// Starts to fetch what route() will read for these into the processor's cache.
void prefetch(const Request& request, const Client& client, const Snapshot& snapshot) noexcept;

/// Many at once, as a server reads them: the same decisions, in two thirds of the time each,
/// because those of a batch wait for memory together. decisions.size() ≥ requests.size().
void route(std::span<const Request> requests, const Snapshot& snapshot,
           std::span<Decision> decisions) noexcept;

/// The candidates of a request, best first, as if no admit share refused any: what demand_groups()
/// learns from. Returns how many were written.
std::size_t ranked(const Request& request, const Client& client, const Snapshot& snapshot,
                   std::span<cache::EdgeId, kCandidatesMax> edges) noexcept;

/// One edge as a decision saw it.
struct Considered {
  cache::EdgeId edge = cache::kNoEdge;
  Exclusion exclusion = Exclusion::none;  ///< none: a candidate
  float distance_km = 0;
  Terms terms{};
  float score = 0;
  double admit_share = 1;
};

/// A decision with all that led to it: every edge of the fleet, candidates first, best first, then
/// the excluded by distance.
struct Explanation {
  Decision decision;
  geo::Location location;
  std::vector<Considered> considered;
  bool is_hit_known = false;  ///< false: the prior stood in for the hit term
};
[[nodiscard]] Explanation explain(const Request& request, const Snapshot& snapshot);
[[nodiscard]] Explanation explain(const Request& request, const Client& client,
                                  const Snapshot& snapshot);

}  // namespace edgeward::policy
