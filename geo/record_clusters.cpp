#include "geo/record_clusters.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <queue>

namespace edgeward::geo {

namespace {

/// A range of the order of members.
struct Cluster {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint32_t centre = 0;  ///< a member
  double loss = 0;

  bool operator<(const Cluster& other) const {
    return loss != other.loss ? loss < other.loss : begin > other.begin;
  }
};

class Splitter {
 public:
  explicit Splitter(std::span<const WeightedPlace> members) : members_(members) {
    order_.resize(members.size());
    std::iota(order_.begin(), order_.end(), 0U);
    std::stable_sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      return members[a].country < members[b].country;
    });
    vectors_.reserve(members.size());
    for (const WeightedPlace& each : members) vectors_.push_back(unit_vector(each.point));
  }

  RecordClusters split(std::size_t count) {
    std::priority_queue<Cluster> open;
    for (std::size_t begin = 0; begin < order_.size();) {
      std::size_t end = begin + 1;
      while (end < order_.size() && member(end).country == member(begin).country) ++end;
      open.push(made(begin, end));
      begin = end;
    }
    std::vector<Cluster> done;
    while (!open.empty()) {
      const Cluster cluster = open.top();
      open.pop();
      const bool is_full = done.size() + open.size() + 1 >= count;
      const std::size_t middle = is_full || cluster.loss <= 0 ? cluster.end : halve(cluster);
      if (middle == cluster.end) {
        done.push_back(cluster);
      } else {
        open.push(made(cluster.begin, middle));
        open.push(made(middle, cluster.end));
      }
    }
    return result(done);
  }

 private:
  [[nodiscard]] const WeightedPlace& member(std::size_t i) const { return members_[order_[i]]; }

  [[nodiscard]] double loss(std::size_t begin, std::size_t end, std::uint32_t centre) const {
    double sum = 0;
    for (std::size_t i = begin; i < end; ++i) {
      const float chord = chord_squared(vectors_[order_[i]], vectors_[centre]);
      sum += member(i).weight * static_cast<double>(distance_loss(km_of_chord_squared(chord)));
    }
    return sum;
  }

  /// The better of its heaviest member and the one nearest to its weighted mean.
  [[nodiscard]] Cluster made(std::size_t begin, std::size_t end) const {
    double x = 0;
    double y = 0;
    double z = 0;
    std::uint32_t heaviest = order_[begin];
    for (std::size_t i = begin; i < end; ++i) {
      const double weight = member(i).weight;
      x += weight * static_cast<double>(vectors_[order_[i]].x);
      y += weight * static_cast<double>(vectors_[order_[i]].y);
      z += weight * static_cast<double>(vectors_[order_[i]].z);
      if (weight > members_[heaviest].weight) heaviest = order_[i];
    }
    const double length = std::sqrt(x * x + y * y + z * z);
    Cluster cluster{.begin = begin, .end = end, .centre = heaviest};
    cluster.loss = loss(begin, end, heaviest);
    if (length <= 0) return cluster;
    const UnitVector mean{.x = static_cast<float>(x / length),
                          .y = static_cast<float>(y / length),
                          .z = static_cast<float>(z / length)};
    const auto nearest = std::min_element(
        order_.begin() + static_cast<std::ptrdiff_t>(begin),
        order_.begin() + static_cast<std::ptrdiff_t>(end), [&](std::uint32_t a, std::uint32_t b) {
          return chord_squared(vectors_[a], mean) < chord_squared(vectors_[b], mean);
        });
    const double mean_loss = loss(begin, end, *nearest);
    if (mean_loss < cluster.loss) {
      cluster.centre = *nearest;
      cluster.loss = mean_loss;
    }
    return cluster;
  }

  /// Where the cluster is cut, its members ordered; its end where all lie in one point.
  std::size_t halve(const Cluster& cluster) {
    const auto begin = order_.begin() + static_cast<std::ptrdiff_t>(cluster.begin);
    const auto end = order_.begin() + static_cast<std::ptrdiff_t>(cluster.end);
    const auto extent = [&](auto coordinate) {
      const auto [low, high] =
          std::minmax_element(begin, end, [&](std::uint32_t a, std::uint32_t b) {
            return coordinate(vectors_[a]) < coordinate(vectors_[b]);
          });
      return coordinate(vectors_[*high]) - coordinate(vectors_[*low]);
    };
    const auto x = [](const UnitVector& v) { return v.x; };
    const auto y = [](const UnitVector& v) { return v.y; };
    const auto z = [](const UnitVector& v) { return v.z; };
    const float largest = std::max({extent(x), extent(y), extent(z)});
    if (largest <= 0) return cluster.end;
    if (largest == extent(x)) return cut(cluster, x);
    return largest == extent(y) ? cut(cluster, y) : cut(cluster, z);
  }

  template <typename Coordinate>
  std::size_t cut(const Cluster& cluster, Coordinate coordinate) {
    const auto at = [&](std::size_t i) { return coordinate(vectors_[order_[i]]); };
    std::sort(order_.begin() + static_cast<std::ptrdiff_t>(cluster.begin),
              order_.begin() + static_cast<std::ptrdiff_t>(cluster.end),
              [&](std::uint32_t a, std::uint32_t b) {
                const float left = coordinate(vectors_[a]);
                const float right = coordinate(vectors_[b]);
                return left != right ? left < right : a < b;
              });
    double total = 0;
    for (std::size_t i = cluster.begin; i < cluster.end; ++i) total += member(i).weight;
    std::size_t middle = cluster.begin + 1;
    double sum = member(cluster.begin).weight;
    while (middle + 1 < cluster.end && sum + member(middle).weight / 2 < total / 2) {
      sum += member(middle++).weight;
    }
    // One point stays in one cluster.
    std::size_t cut_at = middle;
    while (cut_at < cluster.end && at(cut_at) <= at(cut_at - 1)) ++cut_at;
    if (cut_at < cluster.end) return cut_at;
    while (middle > cluster.begin && at(middle - 1) >= at(cluster.end - 1)) --middle;
    return middle > cluster.begin ? middle : cluster.end;
  }

  [[nodiscard]] RecordClusters result(std::vector<Cluster>& done) const {
    std::sort(done.begin(), done.end(),
              [](const Cluster& a, const Cluster& b) { return a.begin < b.begin; });
    RecordClusters clusters;
    clusters.place_of.resize(members_.size());
    for (const Cluster& each : done) {
      WeightedPlace place = members_[each.centre];
      place.weight = 0;
      for (std::size_t i = each.begin; i < each.end; ++i) {
        place.weight += member(i).weight;
        clusters.place_of[order_[i]] = static_cast<std::uint32_t>(clusters.places.size());
      }
      clusters.places.push_back(place);
    }
    return clusters;
  }

  std::span<const WeightedPlace> members_;
  std::vector<UnitVector> vectors_;
  std::vector<std::uint32_t> order_;
};

}  // namespace

float distance_loss(float km) {
  constexpr float kNearKm = 25;
  return std::log2(1 + km / kNearKm);
}

RecordClusters cluster(std::span<const WeightedPlace> members, std::size_t count) {
  if (members.empty()) return {};
  return Splitter(members).split(count);
}

}  // namespace edgeward::geo
