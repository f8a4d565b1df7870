#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "policy/placement.hpp"

namespace edgeward::policy {

/// Who would hold what: every candidate of every edge (a pair of an edge and a content), which of
/// them are copies, and what one more saves. The state of place().
///
/// Pairs are numbered by content, then edge, so that a content's are neighbours in memory.
class Copies {
 public:
  using PairIndex = std::uint32_t;

  Copies(std::span<const PlacementEdge> edges, const PlacementOptions& options);

  [[nodiscard]] std::size_t size() const { return pairs_.size(); }
  [[nodiscard]] PairIndex pair_of(std::size_t edge, std::size_t candidate) const {
    return pair_of_[first_of_edge_[edge] + candidate];
  }
  [[nodiscard]] std::size_t edge_of(PairIndex pair) const { return pairs_[pair].edge; }
  [[nodiscard]] std::size_t candidate_of(PairIndex pair) const { return pairs_[pair].candidate; }
  [[nodiscard]] bool is_copy(PairIndex pair) const { return pairs_[pair].is_copy; }

  /// What a copy here would save beyond those that are. Not for one that is.
  [[nodiscard]] double gain(PairIndex pair) const;
  /// What it would cost to fetch it.
  [[nodiscard]] double fetch_cost(PairIndex pair) const;
  void add(PairIndex pair);
  void remove(PairIndex pair);
  /// What all copies save together.
  [[nodiscard]] double saved() const;
  /// Changes with every copy of the same content.
  [[nodiscard]] std::uint32_t version(PairIndex pair) const {
    return rows_[pairs_[pair].row].version;
  }

 private:
  struct Pair {
    float weight = 0;  ///< what the edge's requests cost where the price is 1
    float price = 0;   ///< that they have now
    float unit = 1;    ///< what one request costs where the price is 1
    std::uint32_t candidate = 0;
    std::uint32_t row = 0;
    std::uint16_t edge = 0;
    bool is_copy = false;
  };
  struct Row {
    PairIndex begin = 0;
    std::uint32_t version = 0;
  };
  /// One edge that may fill from another.
  struct Link {
    std::uint16_t edge = 0;
    float price = 0;
  };
  /// Some for each edge, one edge after the other.
  struct Links {
    std::vector<Link> all;
    std::vector<std::uint32_t> first;

    [[nodiscard]] std::span<const Link> of(std::size_t edge) const {
      return std::span(all).subspan(first[edge], first[edge + 1] - first[edge]);
    }
  };

  void link(std::span<const PlacementEdge> edges, const PlacementOptions& options);
  void number_rows(std::span<const PlacementEdge> edges);
  void fill_pairs(std::span<const PlacementEdge> edges, PlanObjective objective);
  [[nodiscard]] PairIndex end_of_row(std::uint32_t row) const { return rows_[row + 1].begin; }
  /// The edge's pair at or after `begin` in the row; the first of a greater edge if there is none.
  [[nodiscard]] PairIndex find(PairIndex begin, PairIndex end, std::uint16_t edge) const;
  [[nodiscard]] float price_of(const Pair& pair) const;
  template <class Visitor>
  void visit_users(const Pair& pair, Visitor&& visitor) const;

  std::vector<Pair> pairs_;
  std::vector<Row> rows_;  ///< by content, in the order of ids; one more at the end
  std::vector<PairIndex> pair_of_;
  std::vector<std::size_t> first_of_edge_;
  Links sources_;  ///< of an edge, in the order in which it asks them
  Links users_;    ///< of an edge: who asks it, in the order of edges
  std::vector<float> origin_prices_;
};

}  // namespace edgeward::policy
