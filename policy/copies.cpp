#include "policy/copies.hpp"

#include <boost/unordered/unordered_flat_map.hpp>
#include <cassert>
#include <limits>

namespace edgeward::policy {

Copies::Copies(std::span<const PlacementEdge> edges, const PlacementOptions& options) {
  link(edges, options);
  number_rows(edges);
  fill_pairs(edges, options.objective);
}

void Copies::link(std::span<const PlacementEdge> edges, const PlacementOptions& options) {
  const bool is_time = options.objective == PlanObjective::milliseconds;
  std::vector<std::vector<Link>> users(edges.size());
  for (std::size_t edge = 0; edge < edges.size(); ++edge) {
    const auto number = static_cast<std::uint16_t>(edge);
    const float origin = is_time ? static_cast<float>(edges[edge].origin_ms) : 1;
    origin_prices_.push_back(origin);
    sources_.first.push_back(static_cast<std::uint32_t>(sources_.all.size()));
    // A hit is a hit at the edge itself: no other copy makes one.
    if (options.objective == PlanObjective::requests) continue;
    const auto& sources = edges[edge].sources;
    const std::size_t count = std::min(sources.size(), kPlacementSourcesMax);
    float price = origin;
    sources_.all.resize(sources_.all.size() + count);
    for (std::size_t i = count; i-- > 0;) {
      const double own = is_time ? sources[i].fill_ms : options.peer_byte_price;
      price = std::min(price, static_cast<float>(own));
      const auto source = static_cast<std::uint16_t>(sources[i].edge);
      assert(source < edges.size() && source != number);
      sources_.all[sources_.first.back() + i] = {.edge = source, .price = price};
      users[source].push_back({.edge = number, .price = price});
    }
  }
  sources_.first.push_back(static_cast<std::uint32_t>(sources_.all.size()));
  for (const std::vector<Link>& of_edge : users) {
    users_.first.push_back(static_cast<std::uint32_t>(users_.all.size()));
    users_.all.insert(users_.all.end(), of_edge.begin(), of_edge.end());
  }
  users_.first.push_back(static_cast<std::uint32_t>(users_.all.size()));
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

void Copies::fill_pairs(std::span<const PlacementEdge> edges, PlanObjective objective) {
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
      const float unit =
          objective == PlanObjective::bytes ? static_cast<float>(candidate.size_bytes) : 1;
      pairs_[pair] = {.weight = static_cast<float>(candidate.requests) * unit,
                      .price = origin_prices_[edge],
                      .unit = unit,
                      .candidate = static_cast<std::uint32_t>(i),
                      .row = row,
                      .edge = static_cast<std::uint16_t>(edge)};
    }
  }
}

Copies::PairIndex Copies::find(PairIndex begin, PairIndex end, std::uint16_t edge) const {
  const auto from = pairs_.begin() + begin;
  const auto found =
      std::lower_bound(from, pairs_.begin() + end, edge,
                       [](const Pair& pair, std::uint16_t wanted) { return pair.edge < wanted; });
  return begin + static_cast<PairIndex>(found - from);
}

/// Of the pairs of the same content, those whose edge asks this one, with the price that it has for
/// them. Walks over the shorter of row and users.
template <class Visitor>
void Copies::visit_users(const Pair& pair, Visitor&& visitor) const {
  const std::span<const Link> users = users_.of(pair.edge);
  if (users.empty()) return;
  PairIndex at = rows_[pair.row].begin;
  const PairIndex end = end_of_row(pair.row);
  if (end - at < users.size()) {
    for (; at < end; ++at) {
      for (const Link& source : sources_.of(pairs_[at].edge)) {
        if (source.edge == pair.edge) visitor(at, source.price);
      }
    }
    return;
  }
  for (const Link& user : users) {
    at = find(at, end, user.edge);
    if (at == end) return;
    if (pairs_[at].edge == user.edge) visitor(at, user.price);
  }
}

double Copies::gain(PairIndex index) const {
  const Pair& pair = pairs_[index];
  double gain = static_cast<double>(pair.weight) * static_cast<double>(pair.price);
  visit_users(pair, [&](PairIndex user, float price) {
    const float saved = std::max(pairs_[user].price - price, 0.0F);
    gain += static_cast<double>(pairs_[user].weight) * static_cast<double>(saved);
  });
  return gain;
}

double Copies::fetch_cost(PairIndex index) const {
  return static_cast<double>(pairs_[index].unit) * static_cast<double>(pairs_[index].price);
}

double Copies::saved() const {
  double saved = 0;
  for (const Pair& pair : pairs_) {
    const float price = origin_prices_[pair.edge] - pair.price;
    saved += static_cast<double>(pair.weight) * static_cast<double>(price);
  }
  return saved;
}

/// What the pair's requests cost where its edge has no copy.
float Copies::price_of(const Pair& pair) const {
  const PairIndex begin = rows_[pair.row].begin;
  const PairIndex end = end_of_row(pair.row);
  for (const Link& source : sources_.of(pair.edge)) {
    const PairIndex at = find(begin, end, source.edge);
    if (at < end && pairs_[at].edge == source.edge && pairs_[at].is_copy) return source.price;
  }
  return origin_prices_[pair.edge];
}

void Copies::add(PairIndex index) {
  Pair& pair = pairs_[index];
  pair.is_copy = true;
  pair.price = 0;
  ++rows_[pair.row].version;
  visit_users(pair, [&](PairIndex user, float price) {
    pairs_[user].price = std::min(pairs_[user].price, price);
  });
}

void Copies::remove(PairIndex index) {
  Pair& pair = pairs_[index];
  pair.is_copy = false;
  pair.price = price_of(pair);
  ++rows_[pair.row].version;
  visit_users(pair, [&](PairIndex user, float price) {
    // Others pay less already, or nothing.
    if (!pairs_[user].is_copy && pairs_[user].price >= price) {
      pairs_[user].price = price_of(pairs_[user]);
    }
  });
}

}  // namespace edgeward::policy
