#include "geo/coarsening.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "geo/prefix_trie.hpp"
#include "geo/record_clusters.hpp"

namespace edgeward::geo {

namespace {

using Child = PrefixTrie::Child;

/// The tree with, for each node, what it would cost to make one network of it.
class Pruning {
 public:
  Pruning(const PrefixTrie& trie, const RecordClusters& clusters, double v6_network_weight)
      : trie_(trie),
        clusters_(clusters),
        v6_network_weight_(v6_network_weight),
        losses_(trie.size(), kNever),
        best_(trie.size()),
        is_pruned_(trie.size()) {
    vectors_.reserve(clusters.places.size());
    for (const WeightedPlace& place : clusters.places) vectors_.push_back(unit_vector(place.point));
    (void)measure(trie.v4_root(), kV4LengthOffset, true);
    items_.clear();
    (void)measure(trie.v6_root(), 0, false);
  }

  /// The networks that cost least if each node costs `price`.
  std::vector<MmdbContents::Network> networks(double price) {
    networks_.clear();
    (void)prune(trie_.v4_root(), price);
    (void)prune(trie_.v6_root(), price);
    emit(trie_.v4_root(), IpPrefix::around(IpAddress::v4(0), kV4LengthOffset));
    emit(trie_.v6_root(), {});
    return std::move(networks_);
  }

 private:
  static constexpr float kNever = std::numeric_limits<float>::infinity();
  /// A subtree with more places than that is too diverse to be one network.
  static constexpr std::size_t kPlacesMax = 256;

  struct Item {
    std::uint32_t place;
    float weight;
  };
  struct Measured {
    bool can_be_one = false;
    std::uint32_t place = 0;
  };

  /// Leaves the places of a subtree on top of items_, in order, if it can be one network.
  Measured measure(Child child, unsigned depth, bool is_v4_tree) {
    if (child.is_empty()) return {};
    if (child.is_value()) {
      const std::uint32_t place = clusters_.place_of[child.value()];
      const double weight = is_v4_tree ? PlaceWeights::v4_weight(depth) : v6_network_weight_;
      items_.push_back({.place = place, .weight = static_cast<float>(weight)});
      return {.can_be_one = true, .place = place};
    }
    const std::size_t begin = items_.size();
    const Measured left = measure(trie_.node(child)[0], depth + 1, is_v4_tree);
    const std::size_t middle = items_.size();
    const Measured right = measure(trie_.node(child)[1], depth + 1, is_v4_tree);
    if (!left.can_be_one || !right.can_be_one) {
      items_.resize(begin);
      return {};
    }
    merge(begin, middle);
    Measured result{.can_be_one = items_.size() - begin <= kPlacesMax, .place = left.place};
    if (!result.can_be_one) {
      items_.resize(begin);
      return result;
    }
    float loss = loss_of(left.place, begin);
    const auto heaviest =
        std::max_element(items_.begin() + static_cast<std::ptrdiff_t>(begin), items_.end(),
                         [](const Item& a, const Item& b) { return a.weight < b.weight; });
    for (const std::uint32_t place : {right.place, heaviest->place}) {
      if (place == result.place) continue;
      const float other = loss_of(place, begin);
      if (other < loss) {
        loss = other;
        result.place = place;
      }
    }
    losses_[child.node()] = loss;
    best_[child.node()] = result.place;
    return result;
  }

  void merge(std::size_t begin, std::size_t middle) {
    merged_.clear();
    std::size_t left = begin;
    std::size_t right = middle;
    while (left < middle || right < items_.size()) {
      const bool takes_left =
          right == items_.size() || (left < middle && items_[left].place <= items_[right].place);
      const Item item = takes_left ? items_[left++] : items_[right++];
      if (!merged_.empty() && merged_.back().place == item.place) {
        merged_.back().weight += item.weight;
      } else {
        merged_.push_back(item);
      }
    }
    items_.resize(begin);
    items_.insert(items_.end(), merged_.begin(), merged_.end());
  }

  [[nodiscard]] float loss_of(std::uint32_t place, std::size_t begin) const {
    float sum = 0;
    for (std::size_t i = begin; i < items_.size(); ++i) {
      const std::uint32_t other = items_[i].place;
      if (other == place) continue;
      const bool is_abroad = clusters_.places[other].country != clusters_.places[place].country;
      const float chord = chord_squared(vectors_[other], vectors_[place]);
      sum += items_[i].weight * (distance_loss(km_of_chord_squared(chord)) +
                                 (is_abroad ? static_cast<float>(kCountryLoss) : 0));
    }
    return sum;
  }

  double prune(Child child, double price) {
    if (!child.is_node()) return 0;
    const std::uint32_t node = child.node();
    const auto as_one = static_cast<double>(losses_[node]);
    if (as_one == 0) {
      is_pruned_[node] = true;
      return 0;
    }
    const double apart =
        prune(trie_.node(child)[0], price) + prune(trie_.node(child)[1], price) + price;
    is_pruned_[node] = as_one <= apart;
    return std::min(as_one, apart);
  }

  void emit(Child child, const IpPrefix& prefix) {
    if (child.is_empty()) return;
    if (child.is_value() || is_pruned_[child.node()]) {
      const std::uint32_t place =
          child.is_value() ? clusters_.place_of[child.value()] : best_[child.node()];
      networks_.push_back({.prefix = prefix, .record = place});
      return;
    }
    IpPrefix half{.address = prefix.address, .length = prefix.length + 1};
    emit(trie_.node(child)[0], half);
    half.address.bytes[prefix.length / 8] |=
        static_cast<std::uint8_t>(0x80U >> (prefix.length % 8));
    emit(trie_.node(child)[1], half);
  }

  const PrefixTrie& trie_;
  const RecordClusters& clusters_;
  double v6_network_weight_;
  std::vector<UnitVector> vectors_;
  std::vector<float> losses_;
  std::vector<std::uint32_t> best_;
  std::vector<bool> is_pruned_;
  std::vector<Item> items_;
  std::vector<Item> merged_;
  std::vector<MmdbContents::Network> networks_;
};

/// Searches the price for which the file just fits, over its logarithm: lowered until it does not
/// fit, since a low price makes a large tree, then bisected. `fits` fills the contents.
template <typename Fits>
tl::expected<MmdbContents, std::string> fit(Fits fits, MmdbContents& contents) {
  constexpr double kExponentMax = 2;
  constexpr double kExponentMin = -40;
  constexpr int kBisections = 12;
  std::optional<std::vector<MmdbContents::Network>> best;
  double high = kExponentMax;
  double low = kExponentMin;
  const auto attempt = [&](double exponent) -> tl::expected<bool, std::string> {
    const auto is_fitting = fits(exponent);
    if (!is_fitting) return is_fitting;
    (*is_fitting ? high : low) = exponent;
    if (*is_fitting) best = std::move(contents.networks);
    return is_fitting;
  };
  for (double exponent = kExponentMax; exponent > kExponentMin; exponent -= 1) {
    const auto is_fitting = attempt(exponent);
    if (!is_fitting) return tl::unexpected(is_fitting.error());
    if (!*is_fitting) break;
  }
  if (!best) return tl::unexpected(std::string("not even the coarsest map fits in so few bytes"));
  for (int step = 0; step < kBisections && low > kExponentMin; ++step) {
    const auto is_fitting = attempt((low + high) / 2);
    if (!is_fitting) return tl::unexpected(is_fitting.error());
  }
  contents.networks = std::move(*best);
  return std::move(contents);
}

}  // namespace

tl::expected<MmdbContents, std::string> coarsen(const std::vector<Mmdb>& databases,
                                                const CoarseningOptions& options) {
  PrefixTrie trie;
  const auto weights = weigh_places(
      databases, options.v6_weight, [&trie](const IpPrefix& prefix, std::uint32_t place) {
        trie.set(prefix, place == PlaceWeights::kNoPlace ? Child{} : Child::of_value(place));
      });
  if (!weights) return tl::unexpected(weights.error());
  const RecordClusters clusters = cluster(weights->places, options.places);
  MmdbContents contents;
  for (const Mmdb& database : databases) {
    contents.build_time_s = std::max(contents.build_time_s, database.build_time_s());
  }
  for (const WeightedPlace& place : clusters.places) {
    // To a hundredth of a degree, a kilometre: fewer different numbers to store.
    const auto rounded = [](double degrees) { return std::round(degrees * 100) / 100; };
    const GeoPoint point{.lat_deg = rounded(place.point.lat_deg),
                         .lon_deg = rounded(place.point.lon_deg)};
    contents.records.push_back({.point = point, .country = place.country});
  }

  Pruning pruning(trie, clusters, weights->v6_network_weight);
  const auto fits = [&](double exponent) -> tl::expected<bool, std::string> {
    contents.networks = pruning.networks(std::exp2(exponent));
    const auto bytes = write_mmdb(contents);
    if (!bytes) return tl::unexpected(bytes.error());
    return bytes->size() <= options.bytes_max;
  };
  return fit(fits, contents);
}

}  // namespace edgeward::geo
