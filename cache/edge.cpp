#include "cache/edge.hpp"

#include <array>

namespace edgeward::cache {

namespace {

constexpr std::array<std::string_view, 3> kFillSources{"origin", "parent", "peer"};
constexpr std::array<std::string_view, 4> kModes{"ready", "drain", "down", "unknown"};

}  // namespace

std::string_view name(FillSource source) {
  return kFillSources[static_cast<std::size_t>(source)];
}

std::string_view name(EdgeMode mode) {
  return kModes[static_cast<std::size_t>(mode)];
}

std::optional<EdgeId> Fleet::find(std::string_view name) const {
  for (std::size_t i = 0; i < edges.size(); ++i) {
    if (edges[i].name == name) return EdgeId{static_cast<std::uint16_t>(i)};
  }
  return std::nullopt;
}

std::vector<geo::GeoPoint> Fleet::points() const {
  std::vector<geo::GeoPoint> points;
  points.reserve(edges.size());
  for (const Edge& edge : edges) points.push_back(edge.point);
  return points;
}

}  // namespace edgeward::cache
