#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "geo/huge_array.hpp"
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
  [[nodiscard]] std::uint64_t size_bytes(PairIndex pair) const { return pairs_[pair].size_bytes; }
  [[nodiscard]] bool is_held(PairIndex pair) const { return pairs_[pair].is_held; }
  [[nodiscard]] bool is_kept(PairIndex pair) const { return pairs_[pair].is_kept; }
  [[nodiscard]] bool is_pinned(PairIndex pair) const { return pairs_[pair].is_pinned; }
  [[nodiscard]] bool is_copy(PairIndex pair) const { return pairs_[pair].is_copy; }

  /// What a copy here would save beyond those that are. Not for one that is.
  [[nodiscard]] double gain(PairIndex pair) const;
  /// What it would cost to fetch it.
  [[nodiscard]] double fetch_cost(PairIndex pair) const;
  void add(PairIndex pair);
  void remove(PairIndex pair);
  /// What all copies save together.
  [[nodiscard]] double saved() const;
  /// Whether any copy of the same content was added, so that gains may have changed.
  [[nodiscard]] bool had_copies(PairIndex pair) const { return rows_[pairs_[pair].row].had_copies; }

 private:
  struct Pair {
    std::uint64_t size_bytes = 0;
    float weight = 0;  ///< what the edge's requests cost where the price is 1
    float price = 0;   ///< that they have now
    std::uint32_t row = 0;
    std::uint16_t edge = 0;
    bool is_copy : 1 = false;
    bool is_held : 1 = false;
    bool is_kept : 1 = false;
    bool is_pinned : 1 = false;
  };
  struct Row {
    PairIndex begin = 0;
    bool had_copies = false;
  };
  /// Another edge that an edge may fill from.
  struct Source {
    std::uint16_t edge = 0;
    float price = 0;
  };
  /// Of a pair: another of the same content, whose edge may fill from this one's.
  struct User {
    PairIndex pair = 0;
    float price = 0;
  };

  void price_sources(std::span<const PlacementEdge> edges, const PlacementOptions& options);
  void number_rows(std::span<const PlacementEdge> edges);
  void fill_pairs(std::span<const PlacementEdge> edges);
  void link_users();
  template <class Visitor>
  void visit_links(std::uint32_t row, std::vector<PairIndex>& pair_at, Visitor&& visitor) const;
  [[nodiscard]] PairIndex end_of_row(std::uint32_t row) const { return rows_[row + 1].begin; }
  [[nodiscard]] std::span<const Source> sources_of(std::size_t edge) const {
    return std::span(sources_).subspan(first_source_[edge],
                                       first_source_[edge + 1] - first_source_[edge]);
  }
  [[nodiscard]] std::span<const User> users_of(PairIndex pair) const {
    return std::span(users_).subspan(first_user_[pair], first_user_[pair + 1] - first_user_[pair]);
  }
  [[nodiscard]] bool has_copy(std::uint32_t row, std::uint16_t edge) const;
  [[nodiscard]] float price_of(const Pair& pair) const;

  bool is_of_bytes_;  ///< what a request costs is its content's size times the price
  geo::HugeArray<Pair> pairs_;
  geo::HugeArray<Row> rows_;  ///< by content, in the order of ids; one more at the end
  geo::HugeArray<PairIndex> pair_of_;
  std::vector<std::size_t> first_of_edge_;
  std::vector<Source> sources_;  ///< of one edge after the other, in the order in which it asks
  std::vector<std::uint32_t> first_source_;
  geo::HugeArray<User> users_;  ///< of one pair after the other
  geo::HugeArray<std::uint32_t> first_user_;
  std::vector<float> origin_prices_;
};

}  // namespace edgeward::policy
