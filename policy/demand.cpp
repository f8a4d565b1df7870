#include "policy/demand.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace edgeward::policy {

std::vector<DemandGroup> demand_groups(std::span<const SampledRequest> sample,
                                       double requests_per_second, const Snapshot& snapshot) {
  std::vector<DemandGroup> groups;
  // Groups are numbered as they appear, so that the result depends on the sample alone.
  std::map<std::pair<std::uint16_t, std::array<cache::EdgeId, kCandidatesMax>>, std::size_t> known;
  for (const SampledRequest& one : sample) {
    DemandGroup group{.area = snapshot.fleet->sites()[one.client.cell].area};
    group.ranked.fill(cache::kNoEdge);
    group.count = ranked(one.request, one.client, snapshot, group.ranked);
    if (group.count == 0) continue;
    const auto [found, is_new] = known.try_emplace({group.area, group.ranked}, groups.size());
    if (is_new) groups.push_back(group);
    groups[found->second].requests_per_second += requests_per_second;
  }
  return groups;
}

}  // namespace edgeward::policy
