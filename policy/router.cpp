#include "policy/router.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "policy/candidates.hpp"
#include "policy/scoring.hpp"

namespace edgeward::policy {

namespace {

using cache::EdgeId;

/// Decisions that wait for memory together: more than a processor has misses under way is of no
/// use.
constexpr std::size_t kBatch = 16;

/// Candidates that are not taken yet, a bit each.
using Waiting = std::uint32_t;

/// A candidate's place in the ranking as one number, higher first: its rank's bits, put in order as
/// unsigned numbers are; then the lower EdgeId; then its position, to find it by.
std::uint64_t ranking_key(const Candidates& candidates, std::size_t i) {
  const auto bits = std::bit_cast<std::uint32_t>(candidates.rank[i]);
  constexpr std::uint32_t kSign = 0x8000'0000;
  const std::uint32_t ordered = (bits & kSign) != 0 ? ~bits : bits | kSign;
  const auto edge = static_cast<std::uint16_t>(candidates.edge[i]);
  return std::uint64_t{ordered} << 32 | std::uint64_t{static_cast<std::uint16_t>(~edge)} << 16 | i;
}

std::size_t position_of(std::uint64_t key) {
  return key & 0xFFFF;
}

/// The waiting candidate that ranks first.
std::size_t best_of(const Candidates& candidates, Waiting waiting) {
  std::uint64_t best = 0;
  for (Waiting rest = waiting; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<std::size_t>(std::countr_zero(rest));
    best = std::max(best, ranking_key(candidates, i));
  }
  return position_of(best);
}

/// As many as a decision names.
constexpr std::size_t kNamed = Decision::kRunnersUp + 1;

/// Keys of the first few in rank; 0 where there are fewer. Each candidate sinks through those that
/// are there, without a branch.
std::array<std::uint64_t, kNamed> first_of(const Candidates& candidates) {
  std::array<std::uint64_t, kNamed> first{};
  for (std::size_t i = 0; i < candidates.count; ++i) {
    std::uint64_t key = ranking_key(candidates, i);
    for (std::uint64_t& place : first) {
      // Which of two ranks first is a toss-up: min and max would be compiled to branches.
      const std::uint64_t is_first = key > place ? 1 : 0;
      const std::uint64_t swapped = (place ^ key) & (0 - is_first);
      place ^= swapped;
      key ^= swapped;
    }
  }
  return first;
}

bool has_best_score(const Candidates& candidates, std::size_t chosen, bool is_cost) {
  float best = candidates.score[0];
  for (std::size_t i = 1; i < candidates.count; ++i) {
    best = is_cost ? std::min(best, candidates.score[i]) : std::max(best, candidates.score[i]);
  }
  return candidates.score[chosen] == best;
}

/// Takes the first candidate in rank whose admit share takes the request; if all refuse, the one
/// that takes the most.
std::size_t admitted(const Candidates& candidates, const Draw& draw, std::uint16_t area,
                     const Snapshot& snapshot) {
  Waiting waiting = (Waiting{1} << candidates.count) - 1;
  std::size_t fullest_share = best_of(candidates, waiting);
  double share = -1;
  while (waiting != 0) {
    const std::size_t next = best_of(candidates, waiting);
    const EdgeId edge = candidates.edge[next];
    const std::uint64_t salt = snapshot.fleet->salts()[cache::index(edge)];
    if (snapshot.shares->admits(area, edge, draw.admission(salt))) return next;
    if (snapshot.shares->share(area, edge) > share) {
      share = snapshot.shares->share(area, edge);
      fullest_share = next;
    }
    waiting &= ~(Waiting{1} << next);
  }
  return fullest_share;
}

/// What led to a decision, and the decision: the caller's, so that neither is copied.
struct Outcome {
  Candidates& candidates;
  Decision& decision;
};

Draw draw_of(const Request& request, const Client& client) {
  return {static_cast<std::uint64_t>(request.content), client.prefix_hash, request.at_ms};
}

/// Chooses among scored candidates, of which there is at least one.
void choose(const Draw& draw, Reason rule, const Snapshot& snapshot, Outcome outcome) {
  const Candidates& candidates = outcome.candidates;
  Decision& decision = outcome.decision;
  const Scoring scoring = snapshot.fleet->options().scoring;
  const std::array<std::uint64_t, kNamed> first = first_of(candidates);
  const std::size_t wanted = position_of(first[0]);
  const bool has_shares =
      snapshot.shares != nullptr && (scoring == Scoring::weighted || scoring == Scoring::latency);
  const std::uint16_t area = snapshot.fleet->sites()[decision.cell].area;
  const std::size_t chosen = has_shares ? admitted(candidates, draw, area, snapshot) : wanted;
  decision.edge = candidates.edge[chosen];
  decision.wanted = candidates.edge[wanted];
  decision.score = candidates.score[chosen];
  decision.terms = candidates.terms[chosen];
  decision.distance_km = candidates.distance_km[chosen];
  if (rule != Reason::best_score) {
    decision.reason = rule;
  } else if (candidates.is_widened) {
    decision.reason = Reason::widened;
  } else if (chosen != wanted) {
    decision.reason = Reason::overflow;
  } else {
    decision.reason =
        has_best_score(candidates, chosen, is_cost(scoring)) ? Reason::best_score : Reason::spread;
  }
  // All of the first but the chosen one, which overflow may have taken from beyond them.
  std::size_t named = 0;
  for (const std::uint64_t key : first) {
    if (key == 0 || position_of(key) == chosen || named == Decision::kRunnersUp) continue;
    const std::size_t next = position_of(key);
    decision.runners_up[named++] = {candidates.edge[next], candidates.score[next]};
  }
}

/// What the service's all-down rule says; true if there is an edge now.
bool apply_all_down(const Request& request, const Draw& draw, const Snapshot& snapshot,
                    Outcome outcome) {
  const Service& service = snapshot.fleet->options().services[request.service];
  Candidates& candidates = outcome.candidates;
  if (service.all_down == AllDownRule::all) {
    gather(snapshot, outcome.decision.cell, request.service, Lenience::all_down, candidates);
  } else if (service.all_down == AllDownRule::last_resort) {
    candidates.count = 1;
    candidates.edge[0] = service.last_resort;
    candidates.distance_km[0] = distance_km(snapshot, outcome.decision.cell, service.last_resort);
    candidates.near[0] = Candidates::kNotNear;
  }
  if (candidates.count == 0) return false;
  score(request, draw, outcome.decision.cell, snapshot, candidates);
  return true;
}

void decide(const Request& request, const Client& client, const Snapshot& snapshot,
            Outcome outcome) noexcept {
  const FleetPart& fleet = *snapshot.fleet;
  const geo::CellSites::Row& cell = fleet.sites()[client.cell];
  outcome.decision.cell = client.cell;
  outcome.decision.snapshot_version = snapshot.version;
  outcome.candidates.count = 0;
  if (!fleet.allows(request.service, cell.country)) return;
  const Draw draw = draw_of(request, client);
  Reason rule = Reason::best_score;
  if (cell.zone != geo::Cell::kNoZone) {
    gather_zone(snapshot, client.cell, request.service, outcome.candidates);
    if (outcome.candidates.count > 0) rule = Reason::override;
  }
  if (outcome.candidates.count == 0) {
    gather(snapshot, client.cell, request.service, Lenience::strict, outcome.candidates);
    const bool is_located =
        cell.source != geo::LocationSource::fallback && cell.source != geo::LocationSource::none;
    if (!is_located) rule = Reason::fallback_location;
  }
  if (outcome.candidates.count > 0) {
    score(request, draw, client.cell, snapshot, outcome.candidates);
  } else {
    rule = Reason::last_resort;
    if (!apply_all_down(request, draw, snapshot, outcome)) return;
  }
  choose(draw, rule, snapshot, outcome);
}

std::uint64_t load_word(const geo::IpAddress& address, std::size_t at) {
  std::uint64_t word = 0;
  __builtin_memcpy(&word, address.bytes.data() + at, sizeof word);
  return __builtin_bswap64(word);
}

}  // namespace

Client locate(const geo::IpAddress& address, const geo::AddressMap& map) noexcept {
  const std::uint64_t high = load_word(address, 0);
  // Of the /24 or /48: neighbours in one network are told apart no further.
  const std::uint64_t prefix =
      address.is_v4() ? (load_word(address, 8) & 0xFFFF'FFFF) >> 8 : high >> 16;
  constexpr std::uint64_t kOdd = 0x9E3779B97F4A7C15;
  return {.cell = map.find(address), .prefix_hash = (prefix + 1) * kOdd};
}

Client locate(geo::Country country, const geo::AddressMap& map) noexcept {
  return {.cell = map.find(country), .prefix_hash = static_cast<std::uint64_t>(country)};
}

void prefetch(const Request& request, const Client& client, const Snapshot& snapshot) noexcept {
  snapshot.fleet->sites().prefetch(client.cell);
  if (snapshot.hits != nullptr) snapshot.hits->prefetch(request.content);
}

Decision route(const Request& request, const Snapshot& snapshot) noexcept {
  const Client client = locate(request.client, snapshot.fleet->map());
  // Both wait for memory: better at the same time.
  prefetch(request, client, snapshot);
  return route(request, client, snapshot);
}

Decision route(const Request& request, const Client& client, const Snapshot& snapshot) noexcept {
  Candidates candidates;
  Decision decision;
  decide(request, client, snapshot, {candidates, decision});
  return decision;
}

void route(std::span<const Request> requests, const Snapshot& snapshot,
           std::span<Decision> decisions) noexcept {
  const FleetPart& fleet = *snapshot.fleet;
  std::array<geo::IpAddress, kBatch> addresses;
  std::array<Client, kBatch> clients;
  for (std::size_t begin = 0; begin < requests.size(); begin += kBatch) {
    const auto batch = requests.subspan(begin, std::min(kBatch, requests.size() - begin));
    if (snapshot.hits != nullptr) {
      for (const Request& request : batch) snapshot.hits->prefetch(request.content);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) addresses[i] = batch[i].client;
    fleet.map().prefetch(std::span(addresses).first(batch.size()));
    for (std::size_t i = 0; i < batch.size(); ++i) {
      clients[i] = locate(batch[i].client, fleet.map());
      fleet.sites().prefetch(clients[i].cell);
    }
    for (std::size_t i = 0; i < batch.size(); ++i) {
      decisions[begin + i] = route(batch[i], clients[i], snapshot);
    }
  }
}

std::size_t ranked(const Request& request, const Client& client, const Snapshot& snapshot,
                   std::span<cache::EdgeId, kCandidatesMax> edges) noexcept {
  Candidates candidates;
  Decision decision;
  decide(request, client, snapshot, {candidates, decision});
  std::size_t count = 0;
  for (Waiting waiting = (Waiting{1} << candidates.count) - 1; waiting != 0;) {
    const std::size_t next = best_of(candidates, waiting);
    waiting &= ~(Waiting{1} << next);
    edges[count++] = candidates.edge[next];
  }
  return count;
}

Explanation explain(const Request& request, const Snapshot& snapshot) {
  return explain(request, locate(request.client, snapshot.fleet->map()), snapshot);
}

Explanation explain(const Request& request, const Client& client, const Snapshot& snapshot) {
  const FleetPart& fleet = *snapshot.fleet;
  Candidates candidates;
  Decision decision;
  decide(request, client, snapshot, {candidates, decision});
  const geo::Cell& cell = fleet.map()[client.cell];
  Explanation result{.decision = decision, .location = cell.location(), .considered = {}};
  result.is_hit_known =
      snapshot.hits != nullptr &&
      (request.content == cache::ContentId{} || snapshot.hits->find(request.content).is_tracked());
  const auto share = [&](EdgeId edge) {
    return snapshot.shares == nullptr ? 1 : snapshot.shares->share(cell.area, edge);
  };
  std::vector<bool> is_candidate(fleet.at().size());
  for (Waiting waiting = (Waiting{1} << candidates.count) - 1; waiting != 0;) {
    const std::size_t i = best_of(candidates, waiting);
    waiting &= ~(Waiting{1} << i);
    is_candidate[cache::index(candidates.edge[i])] = true;
    result.considered.push_back({.edge = candidates.edge[i],
                                 .exclusion = Exclusion::none,
                                 .distance_km = candidates.distance_km[i],
                                 .terms = candidates.terms[i],
                                 .score = candidates.score[i],
                                 .admit_share = share(candidates.edge[i])});
  }
  const bool is_denied = !fleet.allows(request.service, cell.country);
  std::vector<Considered> others;
  for (std::size_t i = 0; i < is_candidate.size(); ++i) {
    if (is_candidate[i]) continue;
    const EdgeId edge{static_cast<std::uint16_t>(i)};
    Exclusion why = exclusion(snapshot, request.service, edge, Lenience::strict);
    if (is_denied) why = Exclusion::country;
    if (why == Exclusion::none) why = Exclusion::too_far;
    others.push_back({.edge = edge,
                      .exclusion = why,
                      .distance_km = distance_km(snapshot, client.cell, edge),
                      .admit_share = share(edge)});
  }
  std::stable_sort(others.begin(), others.end(), [](const Considered& a, const Considered& b) {
    return a.distance_km < b.distance_km;
  });
  result.considered.insert(result.considered.end(), others.begin(), others.end());
  return result;
}

}  // namespace edgeward::policy
