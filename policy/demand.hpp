#pragma once

#include <span>
#include <vector>

#include "policy/admit_shares.hpp"
#include "policy/router.hpp"

namespace edgeward::policy {

/// A request that stands for others like it.
struct SampledRequest {
  Request request;
  Client client;
};

/// What a sample of requests tells of demand: each is asked for its whole order of preference, as
/// if no share refused it, and those of one area with the same order are put together.
/// `requests_per_second` is what each stands for. Off the path of decisions: about 1 µs a request.
[[nodiscard]] std::vector<DemandGroup> demand_groups(std::span<const SampledRequest> sample,
                                                     double requests_per_second,
                                                     const Snapshot& snapshot);

}  // namespace edgeward::policy
