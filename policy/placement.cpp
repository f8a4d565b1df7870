#include "policy/placement.hpp"

#include <algorithm>
#include <bit>
#include <compare>
#include <limits>
#include <queue>

#include "policy/copies.hpp"

namespace edgeward::policy {

namespace {

using PairIndex = Copies::PairIndex;

/// A pair and what a copy is worth a byte, as one number: the greater, the sooner it is its turn;
/// of equals, the one of the lower number. (Floats that are not negative are ordered as their
/// bits.)
class Turn {
 public:
  Turn() = default;
  Turn(double density, PairIndex pair)
      : bits_(std::uint64_t{std::bit_cast<std::uint32_t>(static_cast<float>(density))} << 32 |
              (std::numeric_limits<PairIndex>::max() - pair)) {}

  [[nodiscard]] PairIndex pair() const {
    return std::numeric_limits<PairIndex>::max() - static_cast<PairIndex>(bits_);
  }
  [[nodiscard]] auto operator<=>(const Turn&) const = default;

 private:
  std::uint64_t bits_ = 0;
};

/// Places copies one by one, the one that saves most a byte first.
class Greedy {
 public:
  Greedy(std::span<const PlacementEdge> edges, Copies& copies) : edges_(edges), copies_(copies) {
    for (const PlacementEdge& edge : edges) {
      rooms_.push_back({.bytes = edge.limits.budget_bytes, .fetch_bytes = edge.limits.fill_bytes});
    }
    for (std::size_t i = 0; i < copies.size(); ++i) {
      const auto pair = static_cast<PairIndex>(i);
      if (!fits(pair)) continue;
      const double density = density_of(pair);
      if (density > 0) first_turns_.emplace_back(density, pair);
    }
    std::sort(first_turns_.begin(), first_turns_.end());
  }

  void run() {
    while (!first_turns_.empty() || !later_turns_.empty()) {
      const PairIndex pair = take_turn().pair();
      if (!fits(pair)) continue;
      // Others may have been placed since: it is worth no more than it was, maybe less.
      if (copies_.had_copies(pair) && !copies_.is_pinned(pair)) {
        const double density = density_of(pair);
        if (density <= 0) continue;
        const Turn turn(density, pair);
        if (turn < next_turn()) {
          later_turns_.push(turn);
          continue;
        }
      }
      if (may_be_fetched(pair)) place(pair);
    }
  }

 private:
  struct Room {
    std::uint64_t bytes = 0;
    std::uint64_t fetch_bytes = 0;
  };

  [[nodiscard]] const PlanLimits& limits(PairIndex pair) const {
    return edges_[copies_.edge_of(pair)].limits;
  }

  [[nodiscard]] bool fits(PairIndex pair) const {
    const std::uint64_t size_bytes = copies_.size_bytes(pair);
    const Room& room = rooms_[copies_.edge_of(pair)];
    if (size_bytes > room.bytes) return false;
    return copies_.is_held(pair) || copies_.is_pinned(pair) || size_bytes <= room.fetch_bytes;
  }

  [[nodiscard]] double density_of(PairIndex pair) const {
    if (copies_.is_pinned(pair)) return std::numeric_limits<double>::infinity();
    const double hysteresis = copies_.is_kept(pair) ? limits(pair).hysteresis : 1;
    const std::uint64_t size_bytes = std::max<std::uint64_t>(copies_.size_bytes(pair), 1);
    return copies_.gain(pair) / static_cast<double>(size_bytes) * hysteresis;
  }

  [[nodiscard]] bool may_be_fetched(PairIndex pair) const {
    if (copies_.is_held(pair) || copies_.is_pinned(pair)) return true;
    return copies_.gain(pair) >= limits(pair).fetch_requests_min * copies_.fetch_cost(pair);
  }

  void place(PairIndex pair) {
    const std::uint64_t size_bytes = copies_.size_bytes(pair);
    Room& room = rooms_[copies_.edge_of(pair)];
    room.bytes -= size_bytes;
    if (!copies_.is_held(pair)) room.fetch_bytes -= std::min(room.fetch_bytes, size_bytes);
    copies_.add(pair);
  }

  [[nodiscard]] Turn next_turn() const {
    const Turn first = first_turns_.empty() ? Turn() : first_turns_.back();
    return later_turns_.empty() ? first : std::max(first, later_turns_.top());
  }

  Turn take_turn() {
    const Turn turn = next_turn();
    if (!first_turns_.empty() && first_turns_.back() == turn) {
      first_turns_.pop_back();
    } else {
      later_turns_.pop();
    }
    return turn;
  }

  std::span<const PlacementEdge> edges_;
  Copies& copies_;
  std::vector<Room> rooms_;
  /// What each was worth before any was placed, the greatest last; and those that turned out to be
  /// worth less. Most never do, so that a heap of all would only cost.
  std::vector<Turn> first_turns_;
  std::priority_queue<Turn> later_turns_;
};

/// Lets an edge select anew while the others stay as they are.
Placement select_anew(std::span<const PlacementEdge> edges, std::size_t edge, Copies& copies) {
  const PlacementEdge& at = edges[edge];
  std::vector<PlanCandidate> candidates(at.candidates.begin(), at.candidates.end());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const PairIndex pair = copies.pair_of(edge, i);
    if (copies.is_copy(pair)) copies.remove(pair);
  }
  Placement placement;
  placement.worth.reserve(candidates.size());
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const PairIndex pair = copies.pair_of(edge, i);
    PlanCandidate& candidate = candidates[i];
    candidate.worth = copies.gain(pair);
    placement.worth.push_back(candidate.worth);
    // The rule for fetches counts requests, each of which would cost what the fetch does.
    const double fetch_cost = copies.fetch_cost(pair);
    candidate.requests =
        fetch_cost > 0 ? candidate.worth / fetch_cost : at.limits.fetch_requests_min;
  }
  placement.selection = select(candidates, at.limits);
  const PlanSelection& selection = placement.selection;
  std::vector<bool> is_evicted(candidates.size());
  for (const std::uint32_t i : selection.evict) is_evicted[i] = true;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (candidates[i].is_kept && !is_evicted[i]) copies.add(copies.pair_of(edge, i));
  }
  for (const auto* part : {&selection.keep, &selection.prefetch}) {
    for (const std::uint32_t i : *part) copies.add(copies.pair_of(edge, i));
  }
  return placement;
}

/// What the first round begins with, and in which order edges select anew.
enum class Start { greedy, nothing_first_to_last, nothing_last_to_first };

struct Solution {
  std::vector<Placement> placements;
  double saved = 0;
};

Solution solve(std::span<const PlacementEdge> edges, const PlacementOptions& options, Start start) {
  Copies copies(edges, options);
  if (start == Start::greedy) Greedy(edges, copies).run();
  Solution solution{.placements = std::vector<Placement>(edges.size())};
  for (int round = 0; round < std::max(options.rounds, 1); ++round) {
    for (std::size_t i = 0; i < edges.size(); ++i) {
      const std::size_t edge = start == Start::nothing_last_to_first ? edges.size() - 1 - i : i;
      solution.placements[edge] = select_anew(edges, edge, copies);
    }
  }
  solution.saved = copies.saved();
  return solution;
}

}  // namespace

std::vector<Placement> place(std::span<const PlacementEdge> edges,
                             const PlacementOptions& options) {
  Solution best = solve(edges, options, Start::greedy);
  std::size_t pairs = 0;
  for (const PlacementEdge& edge : edges) pairs += edge.candidates.size();
  if (pairs > options.pairs_of_several_starts || edges.size() < 2) return best.placements;
  for (const Start start : {Start::nothing_first_to_last, Start::nothing_last_to_first}) {
    Solution other = solve(edges, options, start);
    // By more than how sums are rounded.
    if (other.saved > best.saved * (1 + 1e-6)) best = std::move(other);
  }
  return best.placements;
}

}  // namespace edgeward::policy
