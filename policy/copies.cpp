#include "policy/copies.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cassert>
#include <limits>

namespace edgeward::policy {

Copies::Copies(std::span<const PlacementEdge> edges, const PlacementOptions& options)
    : is_of_bytes_(options.objective == PlanObjective::bytes) {
  price_sources(edges, options);
  number_rows(edges);
  fill_pairs(edges);
  link_users();
}

void Copies::price_sources(std::span<const PlacementEdge> edges, const PlacementOptions& options) {
  const bool is_time = options.objective == PlanObjective::milliseconds;
  for (const PlacementEdge& edge : edges) {
    origin_prices_.push_back(is_time ? static_cast<float>(edge.origin_ms) : 1);
    first_source_.push_back(static_cast<std::uint32_t>(sources_.size()));
    // A hit is a hit at the edge itself: no other copy makes one.
    if (options.objective == PlanObjective::requests) continue;
    const std::size_t count = std::min(edge.sources.size(), kPlacementSourcesMax);
    sources_.resize(sources_.size() + count);
    float price = origin_prices_.back();
    for (std::size_t i = count; i-- > 0;) {
      const double own = is_time ? edge.sources[i].fill_ms : options.peer_byte_price;
      price = std::min(price, static_cast<float>(own));
      assert(cache::index(edge.sources[i].edge) < edges.size());
      sources_[first_source_.back() + i] = {
          .edge = static_cast<std::uint16_t>(edge.sources[i].edge), .price = price};
    }
  }
  first_source_.push_back(static_cast<std::uint32_t>(sources_.size()));
}

/// Makes rows_, with where each begins, and leaves the row of each candidate in pair_of_.
void Copies::number_rows(std::span<const PlacementEdge> edges) {
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> rows;
  std::vector<std::uint64_t> contents;
  std::size_t total = 0;
  for (const PlacementEdge& edge : edges) {
    first_of_edge_.push_back(total);
    total += edge.candidates.size();
    for (const PlanCandidate& candidate : edge.candidates) {
      const auto content = static_cast<std::uint64_t>(candidate.content);
      if (rows.try_emplace(content, 0).second) contents.push_back(content);
    }
  }
  assert(total < std::numeric_limits<PairIndex>::max());
  std::sort(contents.begin(), contents.end());
  for (std::size_t row = 0; row < contents.size(); ++row) {
    rows[contents[row]] = static_cast<std::uint32_t>(row);
  }
  rows_.resize(contents.size() + 1);
  pair_of_.reserve(total);
  for (const PlacementEdge& edge : edges) {
    for (const PlanCandidate& candidate : edge.candidates) {
      const std::uint32_t row = rows.find(static_cast<std::uint64_t>(candidate.content))->second;
      pair_of_.push_back(row);
      ++rows_[row + 1].begin;
    }
  }
  for (std::size_t row = 1; row < rows_.size(); ++row) rows_[row].begin += rows_[row - 1].begin;
}

void Copies::fill_pairs(std::span<const PlacementEdge> edges) {
  pairs_.resize(pair_of_.size());
  std::vector<PairIndex> next(rows_.size());
  for (std::size_t row = 0; row < rows_.size(); ++row) next[row] = rows_[row].begin;
  // Edge by edge, so that a row's pairs are in the order of edges.
  for (std::size_t edge = 0; edge < edges.size(); ++edge) {
    for (std::size_t i = 0; i < edges[edge].candidates.size(); ++i) {
      const PlanCandidate& candidate = edges[edge].candidates[i];
      PairIndex& pair = pair_of_[first_of_edge_[edge] + i];
      const std::uint32_t row = pair;
      pair = next[row]++;
      const double unit = is_of_bytes_ ? static_cast<double>(candidate.size_bytes) : 1;
      pairs_[pair] = {.size_bytes = candidate.size_bytes,
                      .weight = static_cast<float>(candidate.requests * unit),
                      .price = origin_prices_[edge],
                      .row = row,
                      .edge = static_cast<std::uint16_t>(edge),
                      .is_held = candidate.is_held,
                      .is_kept = candidate.is_kept,
                      .is_pinned = candidate.is_pinned};
    }
  }
}

/// Calls visitor(pair, user) for each pair of the row that another one's edge may fill from.
/// `pair_at` is by edge, and any pairs.
template <class Visitor>
void Copies::visit_links(std::uint32_t row, std::vector<PairIndex>& pair_at,
                         Visitor&& visitor) const {
  const PairIndex begin = rows_[row].begin;
  const PairIndex end = end_of_row(row);
  for (PairIndex at = begin; at < end; ++at) pair_at[pairs_[at].edge] = at;
  for (PairIndex user = begin; user < end; ++user) {
    for (const Source& source : sources_of(pairs_[user].edge)) {
      const PairIndex at = pair_at[source.edge];
      // Else it is what another row left there.
      if (at >= begin && at < end) visitor(at, User{.pair = user, .price = source.price});
    }
  }
}

void Copies::link_users() {
  first_user_.resize(pairs_.size() + 1);
  if (sources_.empty()) return;
  std::vector<PairIndex> pair_at(origin_prices_.size(), std::numeric_limits<PairIndex>::max());
  const auto rows = static_cast<std::uint32_t>(rows_.size() - 1);
  for (std::uint32_t row = 0; row < rows; ++row) {
    visit_links(row, pair_at, [&](PairIndex pair, const User&) { ++first_user_[pair]; });
  }
  // Each is where the next one's begin, and moves back as they are put in.
  for (std::size_t i = 1; i < first_user_.size(); ++i) first_user_[i] += first_user_[i - 1];
  users_.resize(first_user_.back());
  for (std::uint32_t row = 0; row < rows; ++row) {
    visit_links(row, pair_at,
                [&](PairIndex pair, const User& user) { users_[--first_user_[pair]] = user; });
  }
}

double Copies::gain(PairIndex index) const {
  const Pair& pair = pairs_[index];
  double gain = static_cast<double>(pair.weight) * static_cast<double>(pair.price);
  for (const User& user : users_of(index)) {
    const Pair& other = pairs_[user.pair];
    const float saved = std::max(other.price - user.price, 0.0F);
    gain += static_cast<double>(other.weight) * static_cast<double>(saved);
  }
  return gain;
}

double Copies::fetch_cost(PairIndex index) const {
  const Pair& pair = pairs_[index];
  return (is_of_bytes_ ? static_cast<double>(pair.size_bytes) : 1) *
         static_cast<double>(pair.price);
}

double Copies::saved() const {
  double saved = 0;
  for (const Pair& pair : pairs_) {
    const float price = origin_prices_[pair.edge] - pair.price;
    saved += static_cast<double>(pair.weight) * static_cast<double>(price);
  }
  return saved;
}

bool Copies::has_copy(std::uint32_t row, std::uint16_t edge) const {
  const auto end = pairs_.begin() + end_of_row(row);
  const auto found =
      std::lower_bound(pairs_.begin() + rows_[row].begin, end, edge,
                       [](const Pair& pair, std::uint16_t wanted) { return pair.edge < wanted; });
  return found != end && found->edge == edge && found->is_copy;
}

/// What the pair's requests cost where its edge has no copy.
float Copies::price_of(const Pair& pair) const {
  for (const Source& source : sources_of(pair.edge)) {
    if (has_copy(pair.row, source.edge)) return source.price;
  }
  return origin_prices_[pair.edge];
}

void Copies::add(PairIndex index) {
  Pair& pair = pairs_[index];
  pair.is_copy = true;
  pair.price = 0;
  rows_[pair.row].had_copies = true;
  for (const User& user : users_of(index)) {
    pairs_[user.pair].price = std::min(pairs_[user.pair].price, user.price);
  }
}

void Copies::remove(PairIndex index) {
  Pair& pair = pairs_[index];
  pair.is_copy = false;
  pair.price = price_of(pair);
  for (const User& user : users_of(index)) {
    Pair& other = pairs_[user.pair];
    // Others pay less already, or nothing.
    if (!other.is_copy && other.price >= user.price) other.price = price_of(other);
  }
}

}  // namespace edgeward::policy
