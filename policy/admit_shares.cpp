#include "policy/admit_shares.hpp"

#include <numeric>

namespace edgeward::policy {

namespace {

using cache::EdgeId;

/// Rounds of each fixed point: loads change by less than a thousandth after some ten.
constexpr int kRounds = 40;
constexpr int kRefinements = 12;
/// Loads are compared with this slack, so that rounding overflows nothing.
constexpr double kSlack = 1e-9;

/// How much of each group's demand each of its ranked edges gets.
using Flows = std::vector<std::array<double, kCandidatesMax>>;

/// The lowest level to which edges must be filled if demand may go to any edge that can reach it,
/// found group by group: each spreads its demand so that the fullest of its edges is as empty as
/// the others' loads allow (a convex problem, so going round converges to the one best answer).
std::vector<double> balanced_levels(std::span<const DemandGroup> groups,
                                    std::span<const double> capacity) {
  std::vector<double> load(capacity.size());
  Flows flows(groups.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const DemandGroup& group = groups[g];
      std::array<std::size_t, kCandidatesMax> order{};
      std::iota(order.begin(), order.end(), std::size_t{0});
      for (std::size_t k = 0; k < group.count; ++k) {
        load[cache::index(group.ranked[k])] -= flows[g][k];
      }
      const auto level = [&](std::size_t k) {
        const std::size_t edge = cache::index(group.ranked[k]);
        return capacity[edge] > 0 ? load[edge] / capacity[edge] : 1e18;
      };
      std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(group.count),
                [&](std::size_t a, std::size_t b) {
                  return level(a) != level(b) ? level(a) < level(b) : a < b;
                });
      // Raise the emptiest edges together until the demand is used up.
      double filled = 0;  // load of the edges being raised
      double volume = 0;  // their capacity
      double water = 0;   // the level
      std::size_t raised = 0;
      while (raised < group.count) {
        const std::size_t edge = cache::index(group.ranked[order[raised]]);
        if (capacity[edge] <= 0 && volume > 0) break;
        filled += load[edge];
        volume += std::max(capacity[edge], kSlack);
        ++raised;
        water = (filled + group.requests_per_second) / volume;
        if (raised < group.count && water <= level(order[raised])) break;
      }
      flows[g] = {};
      for (std::size_t i = 0; i < raised; ++i) {
        const std::size_t k = order[i];
        const std::size_t edge = cache::index(group.ranked[k]);
        flows[g][k] = std::max(0.0, water * std::max(capacity[edge], kSlack) - load[edge]);
      }
      for (std::size_t k = 0; k < group.count; ++k) {
        load[cache::index(group.ranked[k])] += flows[g][k];
      }
    }
  }
  std::vector<double> levels(capacity.size());
  for (std::size_t edge = 0; edge < capacity.size(); ++edge) {
    levels[edge] = capacity[edge] > 0 ? load[edge] / capacity[edge] : 0;
  }
  return levels;
}

/// Pours a group's demand along its preferences into what room is left; what finds none goes where
/// the overflow is least.
std::array<double, kCandidatesMax> poured(const DemandGroup& group, std::span<const double> load,
                                          std::span<const double> allowed) {
  std::array<double, kCandidatesMax> flow{};
  double left = group.requests_per_second;
  for (std::size_t k = 0; k < group.count && left > 0; ++k) {
    const std::size_t edge = cache::index(group.ranked[k]);
    flow[k] = std::clamp(allowed[edge] - load[edge], 0.0, left);
    left -= flow[k];
  }
  if (left <= kSlack * group.requests_per_second || group.count == 0) return flow;
  double room = 0;
  for (std::size_t k = 0; k < group.count; ++k) room += allowed[cache::index(group.ranked[k])];
  for (std::size_t k = 0; k < group.count; ++k) {
    const double part = room > 0 ? allowed[cache::index(group.ranked[k])] / room
                                 : 1 / static_cast<double>(group.count);
    flow[k] += left * part;
  }
  return flow;
}

}  // namespace

std::vector<double> load_under(const AdmitShares& shares, std::span<const DemandGroup> groups,
                               std::size_t edges) {
  std::vector<double> load(edges);
  for (const DemandGroup& group : groups) {
    double left = group.requests_per_second;
    double greatest = -1;
    std::size_t refuge = 0;
    for (std::size_t k = 0; k < group.count; ++k) {
      const double share = shares.share(group.area, group.ranked[k]);
      load[cache::index(group.ranked[k])] += left * share;
      left *= 1 - share;
      if (share > greatest) {
        greatest = share;
        refuge = cache::index(group.ranked[k]);
      }
    }
    if (group.count > 0) load[refuge] += left;
  }
  return load;
}

namespace {

/// Groups of one area share its shares, so what these bring about differs from the flows they were
/// made of: edges that come out too full or too empty are turned down or up until they are not.
void refine(std::span<const DemandGroup> groups, WaterFill& filled) {
  const std::size_t edges = filled.load.size();
  constexpr double kFactorMax = 2;
  for (int round = 0; round < kRefinements; ++round) {
    const std::vector<double> load = load_under(filled.shares, groups, edges);
    for (std::size_t edge = 0; edge < edges; ++edge) {
      if (load[edge] <= 0) continue;
      const double factor =
          std::clamp(filled.fair_share[edge] / load[edge], 1 / kFactorMax, kFactorMax);
      for (std::size_t area = 0; area < filled.shares.areas(); ++area) {
        const auto a = static_cast<std::uint16_t>(area);
        const EdgeId e{static_cast<std::uint16_t>(edge)};
        const double share = filled.shares.share(a, e);
        if (factor < 1 || share < 1) filled.shares.set(a, e, share * factor);
      }
    }
  }
}

}  // namespace

WaterFill fill(std::span<const DemandGroup> groups, std::span<const double> capacity,
               double target_load, std::size_t areas) {
  WaterFill result{.load = std::vector<double>(capacity.size()),
                   .fair_share = std::vector<double>(capacity.size()),
                   .shares = AdmitShares(areas, capacity.size())};
  const std::vector<double> levels = balanced_levels(groups, capacity);
  for (std::size_t edge = 0; edge < capacity.size(); ++edge) {
    result.fair_share[edge] = capacity[edge] * std::max(target_load, levels[edge]);
  }
  Flows flows(groups.size());
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const DemandGroup& group = groups[g];
      for (std::size_t k = 0; k < group.count; ++k) {
        result.load[cache::index(group.ranked[k])] -= flows[g][k];
      }
      flows[g] = poured(group, result.load, result.fair_share);
      for (std::size_t k = 0; k < group.count; ++k) {
        result.load[cache::index(group.ranked[k])] += flows[g][k];
      }
    }
  }
  // A share is what an edge takes of what reaches it, which is what better edges left.
  std::vector<double> offered(areas * capacity.size());
  std::vector<double> taken(areas * capacity.size());
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const DemandGroup& group = groups[g];
    double left = group.requests_per_second;
    for (std::size_t k = 0; k < group.count && left > kSlack * group.requests_per_second; ++k) {
      const std::size_t at = group.area * capacity.size() + cache::index(group.ranked[k]);
      offered[at] += left;
      taken[at] += flows[g][k];
      left -= flows[g][k];
    }
  }
  for (std::size_t area = 0; area < areas; ++area) {
    for (std::size_t edge = 0; edge < capacity.size(); ++edge) {
      const std::size_t at = area * capacity.size() + edge;
      if (offered[at] <= 0) continue;
      result.shares.set(static_cast<std::uint16_t>(area), EdgeId{static_cast<std::uint16_t>(edge)},
                        taken[at] / offered[at]);
    }
  }
  refine(groups, result);
  return result;
}

AdmitShares damped(const AdmitShares& present, const AdmitShares& wanted,
                   std::span<const std::uint8_t> is_overloaded) {
  AdmitShares next = wanted;
  for (std::size_t area = 0; area < wanted.areas(); ++area) {
    for (std::size_t edge = 0; edge < is_overloaded.size(); ++edge) {
      if (is_overloaded[edge] != 0) continue;
      const auto a = static_cast<std::uint16_t>(area);
      const EdgeId e{static_cast<std::uint16_t>(edge)};
      next.set(a, e, (present.share(a, e) + wanted.share(a, e)) / 2);
    }
  }
  return next;
}

}  // namespace edgeward::policy
