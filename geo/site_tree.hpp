#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "geo/point.hpp"

namespace edgeward::geo {

/// Number of a site (an edge's place) in the list that an index or a map was made of.
using SiteIndex = std::uint16_t;

/// Finds sites by distance: an R-tree (Boost.Geometry) over unit vectors, in which the straight
/// line through the Earth orders points as great circles do, poles and date line included.
/// Equal distances are ordered by number. Immutable; O(log n) a step.
class SiteTree {
 public:
  explicit SiteTree(std::span<const GeoPoint> sites);
  ~SiteTree();
  SiteTree(SiteTree&&) noexcept;
  SiteTree& operator=(SiteTree&&) noexcept;

  /// The `count` nearest sites (all, if there are fewer), nearest first.
  [[nodiscard]] std::vector<SiteIndex> nearest(const GeoPoint& point, std::size_t count) const;

  /// A superset of what nearest(p, count) gives for any p within `radius_km` of `point`, nearest to
  /// `point` first: the sites up to 2 · radius_km farther than the count-th. (Triangle inequality.)
  [[nodiscard]] std::vector<SiteIndex> nearest_around(const GeoPoint& point, double radius_km,
                                                      std::size_t count) const;

 private:
  struct Tree;
  std::unique_ptr<const Tree> tree_;
};

}  // namespace edgeward::geo
