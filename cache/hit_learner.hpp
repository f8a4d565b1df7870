#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/edge.hpp"
#include "cache/hit_model.hpp"
#include "cache/ids.hpp"
#include "geo/point.hpp"

namespace edgeward::cache {

/// One request as the edge tells of it that answered it.
struct CacheEvent {
  std::int64_t at_ms = 0;
  EdgeId edge{};
  ContentId content{};
  std::uint64_t size_bytes = 0;  ///< 0: not told
  bool is_hit = false;
};

struct HitLearnerOptions {
  std::size_t tracked_contents = 1'000'000;
  double half_life_s = 3600;  ///< after so long a request counts half
  double prior = 0.5;         ///< hit ratio of an edge of which nothing is known

  bool operator==(const HitLearnerOptions&) const = default;
};

/// Learns the chance of a hit from what edges report of their requests, for edges whose inventory
/// nobody lists. Publishes HitModels.
///
/// A content's rate in a region is a count that decays by half in a half-life (forward decay:
/// Cormode, Shkapenyuk, Srivastava, Xu, ICDE 2009). An edge's part of it is its part of the
/// region's requests. The edge's characteristic time is the one at which Che's approximation,
/// asked before each of its latest requests, would have expected as many hits as there were:
/// calibrated on outcomes, since what is tracked never is all that the edge is asked for.
///
/// What is untracked has, by class of size, the hit ratio of the edge's requests for contents that
/// were untracked when they came; few such requests are filled up with the edge's own hit ratio. An
/// edge that reports nothing, or not any more, has the prior for every content.
///
/// Memory: about 80 bytes a tracked content and 8 KiB an edge, beside the model. Deterministic in
/// the order of events. Not thread-safe.
class HitLearner {
 public:
  HitLearner(std::span<const geo::GeoPoint> edges, const HitLearnerOptions& options);
  ~HitLearner();
  HitLearner(HitLearner&&) noexcept;
  HitLearner& operator=(HitLearner&&) noexcept;

  /// About 200 ns. Events may come late by some half-lives; their order matters little.
  void note(const CacheEvent& event);

  /// What is known as of `now_ms`; null before the first event.
  [[nodiscard]] std::shared_ptr<const HitModel> publish(std::int64_t now_ms);

  /// The part of an edge's requests that hit; nothing if it reports none.
  [[nodiscard]] std::optional<double> hit_ratio(EdgeId edge) const;
  [[nodiscard]] std::size_t tracked() const;

  /// What is known, for edges that are others: new edge i was edge from[i] before, or kNoEdge.
  /// Of a content's requests in a region, each edge is taken to have had its part.
  [[nodiscard]] HitLearner moved_to(std::span<const geo::GeoPoint> edges,
                                    std::span<const EdgeId> from) const;

  /// All that was learned, to be kept over a restart: a version, the number of edges, a checksum.
  [[nodiscard]] std::string save() const;
  /// Takes over what save() wrote for as many edges; false, without a change, for anything else.
  [[nodiscard]] bool restore(std::string_view saved);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Puts edges into at most HitModel::kRegionsMax regions by distance: each edge alone where there
/// are no more than that; else around seeds each of which is the edge farthest from those before
/// (Gonzalez 1985). By edge.
[[nodiscard]] std::vector<std::uint8_t> regions_of(std::span<const geo::GeoPoint> edges);

}  // namespace edgeward::cache
