#include "policy/plan_selection.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace edgeward::policy {

namespace {

constexpr std::array<std::string_view, 3> kObjectives{"requests", "bytes", "milliseconds"};

struct Ranked {
  double density = 0;
  std::uint64_t content = 0;
  std::uint32_t position = 0;

  bool operator<(const Ranked& other) const {
    if (density != other.density) return density > other.density;
    return content < other.content;
  }
};

double density_of(const PlanCandidate& candidate, double hysteresis) {
  if (candidate.is_pinned) return std::numeric_limits<double>::infinity();
  const auto size = static_cast<double>(std::max<std::uint64_t>(candidate.size_bytes, 1));
  return candidate.worth / size * (candidate.is_kept ? hysteresis : 1);
}

}  // namespace

std::string_view name(PlanObjective objective) {
  return kObjectives[static_cast<std::size_t>(objective)];
}

std::optional<PlanObjective> parse_plan_objective(std::string_view text) {
  const auto found = std::find(kObjectives.begin(), kObjectives.end(), text);
  if (found == kObjectives.end()) return std::nullopt;
  return static_cast<PlanObjective>(found - kObjectives.begin());
}

PlanSelection select(std::span<const PlanCandidate> candidates, const PlanLimits& limits) {
  std::vector<Ranked> ranking;
  ranking.reserve(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double density = density_of(candidates[i], limits.hysteresis);
    ranking.push_back({.density = density,
                       .content = static_cast<std::uint64_t>(candidates[i].content),
                       .position = static_cast<std::uint32_t>(i)});
  }
  std::sort(ranking.begin(), ranking.end());
  PlanSelection selection;
  for (const Ranked& ranked : ranking) {
    const PlanCandidate& candidate = candidates[ranked.position];
    const bool is_wanted = candidate.is_pinned || candidate.worth > 0;
    const bool fits = candidate.size_bytes <= limits.budget_bytes - selection.kept_bytes;
    const bool may_fetch = candidate.is_held || candidate.is_pinned ||
                           (candidate.requests >= limits.fetch_requests_min &&
                            candidate.size_bytes <= limits.fill_bytes - selection.fetched_bytes);
    if (!is_wanted || !fits || !may_fetch) {
      if (candidate.is_kept) selection.evict.push_back(ranked.position);
      continue;
    }
    selection.kept_bytes += candidate.size_bytes;
    if (candidate.is_kept) continue;
    if (!candidate.is_held) {
      // A pinned one may cost more than the limit: then it is all that is fetched.
      selection.fetched_bytes =
          std::min(limits.fill_bytes, selection.fetched_bytes + candidate.size_bytes);
    }
    (candidate.is_held ? selection.keep : selection.prefetch).push_back(ranked.position);
  }
  return selection;
}

}  // namespace edgeward::policy
