#include "geo/site_tree.hpp"

#include <algorithm>
#include <boost/geometry.hpp>
#include <boost/geometry/geometries/point.hpp>
#include <boost/geometry/index/rtree.hpp>
#include <limits>
#include <utility>

namespace edgeward::geo {

namespace {

namespace bg = boost::geometry;

using Point = bg::model::point<double, 3, bg::cs::cartesian>;
using Entry = std::pair<Point, SiteIndex>;
/// Entries a node of the tree holds.
constexpr std::size_t kNodeEntries = 16;

/// Double precision: the tree's order is what maps in single precision are held to.
Point on_sphere(const GeoPoint& point) {
  constexpr double kRadians = 3.14159265358979323846 / 180;
  const double lat = point.lat_deg * kRadians;
  const double lon = point.lon_deg * kRadians;
  return {std::cos(lat) * std::cos(lon), std::cos(lat) * std::sin(lon), std::sin(lat)};
}

std::vector<Entry> entries_of(std::span<const GeoPoint> sites) {
  std::vector<Entry> entries;
  entries.reserve(sites.size());
  for (std::size_t i = 0; i < sites.size(); ++i) {
    entries.emplace_back(on_sphere(sites[i]), static_cast<SiteIndex>(i));
  }
  return entries;
}

double km_of_chord(double chord) {
  return 2 * kEarthRadiusKm * std::asin(std::min(chord / 2, 1.0));
}

}  // namespace

struct SiteTree::Tree {
  explicit Tree(std::span<const GeoPoint> sites) : rtree(entries_of(sites)) {}

  /// Visits sites from the nearest on until `visit(site, chord)` is false.
  template <class Visit>
  void walk(const GeoPoint& from, Visit visit) const {
    const Point at = on_sphere(from);
    const auto all = bg::index::nearest(at, static_cast<unsigned>(rtree.size()));
    for (auto found = rtree.qbegin(all); found != rtree.qend(); ++found) {
      if (!visit(found->second, bg::distance(at, found->first))) return;
    }
  }

  bg::index::rtree<Entry, bg::index::rstar<kNodeEntries>> rtree;
};

SiteTree::SiteTree(std::span<const GeoPoint> sites) : tree_(std::make_unique<const Tree>(sites)) {}
SiteTree::~SiteTree() = default;
SiteTree::SiteTree(SiteTree&&) noexcept = default;
SiteTree& SiteTree::operator=(SiteTree&&) noexcept = default;

std::vector<SiteIndex> SiteTree::nearest(const GeoPoint& point, std::size_t count) const {
  std::vector<std::pair<double, SiteIndex>> found;
  tree_->walk(point, [&](SiteIndex site, double chord) {
    // Sites as far as the last wanted one are looked at too: the lower number goes first.
    if (found.size() >= count && (count == 0 || chord > found[count - 1].first)) return false;
    found.emplace_back(chord, site);
    return true;
  });
  std::sort(found.begin(), found.end());
  found.resize(std::min(found.size(), count));
  std::vector<SiteIndex> sites;
  sites.reserve(found.size());
  for (const auto& [chord, site] : found) sites.push_back(site);
  return sites;
}

std::vector<SiteIndex> SiteTree::nearest_around(const GeoPoint& point, double radius_km,
                                                std::size_t count) const {
  std::vector<SiteIndex> sites;
  double limit_km = std::numeric_limits<double>::infinity();
  tree_->walk(point, [&](SiteIndex site, double chord) {
    const double km = km_of_chord(chord);
    if (km > limit_km) return false;
    sites.push_back(site);
    if (sites.size() == count) limit_km = km + 2 * radius_km;
    return true;
  });
  return sites;
}

}  // namespace edgeward::geo
