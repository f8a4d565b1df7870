#include "cache/hit_learner.hpp"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cmath>
#include <utility>

#include "cache/bytes.hpp"

namespace edgeward::cache {

namespace {

constexpr double kLn2 = 0.69314718055994530942;
/// The latest requests of an edge that its characteristic time is found from.
constexpr std::size_t kOutcomesMax = 1024;
/// With fewer the edges' common time stands in.
constexpr std::size_t kOutcomesMin = 32;
/// With fewer requests, as they count by now, an edge is one of which nothing is known.
constexpr double kRequestsMin = 1;
/// A ratio of few requests is filled up with so many of what is expected anyway.
constexpr double kFillUp = 8;
/// Counts below this tell nothing any more: one request, six half-lives ago.
constexpr float kForgottenBelow = 1.0F / 64;
/// When the table is full, so much of it makes room, the contents least asked for.
constexpr std::size_t kPrunedPart = 8;
constexpr double kTimeMinS = 1e-3;
constexpr double kTimeMaxS = 1e9;
constexpr std::string_view kMagic = "edgeward hits 1\n";

/// Requests and hits, weighted by age.
struct Count {
  double requests = 0;
  double hits = 0;

  void add(double weight, bool is_hit) {
    requests += weight;
    hits += is_hit ? weight : 0;
  }
  void halve() {
    requests /= 2;
    hits /= 2;
  }
  /// As a ratio, filled up with what is expected.
  [[nodiscard]] double ratio(double expected) const {
    return (hits + kFillUp * expected) / (requests + kFillUp);
  }
};

/// A request for a tracked content: the rate that was expected of it before it came.
struct Outcome {
  float requests_per_second = 0;
  std::uint8_t is_hit = 0;
};

struct EdgeLearning {
  Count all;
  std::array<Count, EdgeHits::kSizeClasses> untracked;  ///< by class of size
  std::vector<Outcome> outcomes;                        ///< a ring once it is full
  std::size_t next = 0;

  void add(Outcome outcome) {
    if (outcomes.size() < kOutcomesMax) {
      outcomes.push_back(outcome);
    } else {
      outcomes[next] = outcome;
      next = (next + 1) % kOutcomesMax;
    }
  }
};

struct Demand {
  std::array<float, HitModel::kRegionsMax> requests{};  ///< by region, weighted by age
  bool is_touched = false;                              ///< since the last model

  [[nodiscard]] float total() const {
    float sum = 0;
    for (const float count : requests) sum += count;
    return sum;
  }
};

/// The time at which as many hits are expected of these requests as there were; 0 for none.
double time_of(std::span<const Outcome> outcomes) {
  double hits = 0;
  for (const Outcome& outcome : outcomes) hits += outcome.is_hit;
  if (hits == 0) return 0;
  double low = std::log(kTimeMinS);
  double high = std::log(kTimeMaxS);
  for (int step = 0; step < 40; ++step) {
    const double middle = (low + high) / 2;
    const double time_s = std::exp(middle);
    double expected = 0;
    for (const Outcome& outcome : outcomes) {
      expected -= std::expm1(-static_cast<double>(outcome.requests_per_second) * time_s);
    }
    (expected < hits ? low : high) = middle;
  }
  return std::exp((low + high) / 2);
}

/// Plain values as their bytes, one after the other.
}  // namespace

struct HitLearner::State {
  HitLearnerOptions options;
  std::vector<std::uint8_t> region;  ///< by edge
  std::vector<EdgeLearning> edges;
  std::array<double, HitModel::kRegionsMax> region_requests{};
  boost::unordered_flat_map<std::uint64_t, Demand> contents;
  std::vector<std::uint64_t> touched;
  HitModelWriter writer;
  /// Counts are in units of a request at this time: one after it counts more, none is ever decayed.
  std::int64_t landmark_ms = 0;
  bool has_events = false;

  State(std::span<const geo::GeoPoint> points, const HitLearnerOptions& chosen)
      : options(chosen),
        region(regions_of(points)),
        edges(points.size()),
        // Its shards fill unevenly; which contents are tracked is decided here.
        writer(points.size(),
               chosen.tracked_contents + chosen.tracked_contents / 4 + 64 * HitModel::kShards) {}

  [[nodiscard]] double weight(std::int64_t at_ms) const {
    const double age_s = static_cast<double>(at_ms - landmark_ms) / 1000;
    return std::exp2(std::clamp(age_s / options.half_life_s, -60.0, 1.0));
  }
  /// Requests a second that a count stands for, at the landmark.
  [[nodiscard]] double rate(double count) const { return count * kLn2 / options.half_life_s; }
  [[nodiscard]] double share(EdgeId edge) const {
    const double all = region_requests[region[index(edge)]];
    return all > 0 ? edges[index(edge)].all.requests / all : 0;
  }

  void touch(std::uint64_t content, Demand& demand) {
    if (!std::exchange(demand.is_touched, true)) touched.push_back(content);
  }

  void advance(std::int64_t at_ms) {
    const double half_life_ms = options.half_life_s * 1000;
    if (!has_events) {
      has_events = true;
      landmark_ms = at_ms;
    }
    while (static_cast<double>(at_ms - landmark_ms) >= half_life_ms) {
      halve();
      landmark_ms += static_cast<std::int64_t>(half_life_ms);
      if (contents.empty()) landmark_ms = at_ms;  // a long silence is passed at once
    }
  }

  void halve() {
    for (auto& [id, demand] : contents) {
      for (float& count : demand.requests) count /= 2;
      touch(id, demand);
    }
    forget_if([](const Demand& demand) { return demand.total() < kForgottenBelow; });
    for (EdgeLearning& edge : edges) {
      edge.all.halve();
      for (Count& count : edge.untracked) count.halve();
    }
    for (double& requests : region_requests) requests /= 2;
  }

  /// Makes room by what is asked for least.
  void prune() {
    std::vector<float> totals;
    totals.reserve(contents.size());
    for (const auto& content : contents) totals.push_back(content.second.total());
    const auto limit = totals.begin() + static_cast<std::ptrdiff_t>(totals.size() / kPrunedPart);
    std::nth_element(totals.begin(), limit, totals.end());
    std::size_t left = totals.size() / kPrunedPart + 1;
    forget_if([&](const Demand& demand) {
      const bool is_least = left > 0 && demand.total() <= *limit;
      left -= is_least ? 1 : 0;
      return is_least;
    });
  }

  template <class Predicate>
  void forget_if(Predicate is_forgotten) {
    boost::unordered::erase_if(contents, [&](const auto& content) {
      if (!is_forgotten(content.second)) return false;
      writer.forget(ContentId{content.first});
      return true;
    });
  }

  /// Of all edges together, for those of which little is known.
  [[nodiscard]] double common_time_s() const {
    std::vector<Outcome> all;
    for (const EdgeLearning& edge : edges) {
      const std::size_t step = std::max<std::size_t>(edges.size() / 64, 1);
      for (std::size_t i = 0; i < edge.outcomes.size(); i += step) all.push_back(edge.outcomes[i]);
    }
    return time_of(all);
  }
};

HitLearner::HitLearner(std::span<const geo::GeoPoint> edges, const HitLearnerOptions& options)
    : state_(std::make_unique<State>(edges, options)) {}
HitLearner::~HitLearner() = default;
HitLearner::HitLearner(HitLearner&&) noexcept = default;
HitLearner& HitLearner::operator=(HitLearner&&) noexcept = default;

void HitLearner::note(const CacheEvent& event) {
  State& state = *state_;
  state.advance(event.at_ms);
  const double weight = state.weight(event.at_ms);
  const std::size_t region = state.region[index(event.edge)];
  EdgeLearning& edge = state.edges[index(event.edge)];
  const auto id = static_cast<std::uint64_t>(event.content);
  auto found = state.contents.find(id);
  const float before = found == state.contents.end() ? 0 : found->second.requests[region];
  if (before > 0) {
    const double rate = state.rate(static_cast<double>(before) / weight) * state.share(event.edge);
    edge.add({static_cast<float>(rate), event.is_hit ? std::uint8_t{1} : std::uint8_t{0}});
  } else {
    edge.untracked[EdgeHits::size_class(event.size_bytes)].add(weight, event.is_hit);
  }
  edge.all.add(weight, event.is_hit);
  state.region_requests[region] += weight;
  if (found == state.contents.end()) {
    if (state.contents.size() >= state.options.tracked_contents) state.prune();
    found = state.contents.emplace(id, Demand{}).first;
  }
  found->second.requests[region] += static_cast<float>(weight);
  state.touch(id, found->second);
}

std::shared_ptr<const HitModel> HitLearner::publish(std::int64_t now_ms) {
  State& state = *state_;
  if (!state.has_events) return nullptr;
  state.advance(now_ms);
  for (const std::uint64_t content : state.touched) {
    const auto found = state.contents.find(content);
    if (found == state.contents.end()) continue;
    found->second.is_touched = false;
    for (std::size_t region = 0; region < HitModel::kRegionsMax; ++region) {
      state.writer.set_rate(ContentId{content}, region,
                            state.rate(static_cast<double>(found->second.requests[region])));
    }
  }
  state.touched.clear();
  // Rates in rows are those at the landmark: what they lost since then is the same for all.
  const double decayed = 1 / state.weight(now_ms);
  const double common_s = state.common_time_s();
  for (std::size_t at = 0; at < state.edges.size(); ++at) {
    const EdgeId id{static_cast<std::uint16_t>(at)};
    const EdgeLearning& edge = state.edges[at];
    const double own_ratio = edge.all.ratio(state.options.prior);
    EdgeHits hits{.is_rate_known = edge.all.requests >= kRequestsMin,
                  .region = state.region[at],
                  .region_share_ratio = state.share(id) * decayed,
                  .characteristic_time_s =
                      edge.outcomes.size() < kOutcomesMin ? common_s : time_of(edge.outcomes),
                  .predicted_hit_ratio = static_cast<float>(own_ratio)};
    for (std::size_t i = 0; i < hits.prior.size(); ++i) {
      hits.prior[i] = static_cast<float>(edge.untracked[i].ratio(own_ratio));
    }
    state.writer.set_edge(id, hits);
  }
  return state.writer.publish();
}

std::optional<double> HitLearner::hit_ratio(EdgeId edge) const {
  const Count& all = state_->edges[index(edge)].all;
  if (all.requests < kRequestsMin) return std::nullopt;
  return all.hits / all.requests;
}

HitLearner HitLearner::moved_to(std::span<const geo::GeoPoint> edges,
                                std::span<const EdgeId> from) const {
  const State& before = *state_;
  HitLearner result(edges, before.options);
  State& after = *result.state_;
  after.landmark_ms = before.landmark_ms;
  after.has_events = before.has_events;
  // moved[r][s]: the part of the requests of region r that now are of region s.
  std::array<std::array<double, HitModel::kRegionsMax>, HitModel::kRegionsMax> moved{};
  for (std::size_t at = 0; at < edges.size(); ++at) {
    if (from[at] == kNoEdge) continue;
    const EdgeLearning& edge = before.edges[index(from[at])];
    after.edges[at] = edge;
    after.region_requests[after.region[at]] += edge.all.requests;
    moved[before.region[index(from[at])]][after.region[at]] += before.share(from[at]);
  }
  for (const auto& [id, demand] : before.contents) {
    Demand next;
    for (std::size_t r = 0; r < HitModel::kRegionsMax; ++r) {
      for (std::size_t s = 0; s < HitModel::kRegionsMax; ++s) {
        next.requests[s] += demand.requests[r] * static_cast<float>(moved[r][s]);
      }
    }
    if (next.total() >= kForgottenBelow)
      after.touch(id, after.contents.emplace(id, next).first->second);
  }
  return result;
}

std::size_t HitLearner::tracked() const {
  return state_->contents.size();
}

std::string HitLearner::save() const {
  const State& state = *state_;
  ByteWriter bytes;
  bytes.put(state.edges.size());
  bytes.put(state.landmark_ms);
  bytes.put(static_cast<std::uint8_t>(state.has_events));
  bytes.put(state.region_requests);
  for (const EdgeLearning& edge : state.edges) {
    bytes.put(edge.all);
    bytes.put(edge.untracked);
    bytes.put(edge.outcomes.size());
    bytes.put(edge.next);
    for (const Outcome& outcome : edge.outcomes) {
      bytes.put(outcome.requests_per_second);
      bytes.put(outcome.is_hit);
    }
  }
  bytes.put(state.contents.size());
  for (const auto& [id, demand] : state.contents) {
    bytes.put(id);
    bytes.put(demand.requests);
  }
  return sealed(kMagic, std::move(bytes).text());
}

bool HitLearner::restore(std::string_view saved) {
  const auto content = unsealed(kMagic, saved);
  if (!content) return false;
  ByteReader reader(*content);
  std::vector<geo::GeoPoint> nowhere(state_->edges.size());
  auto next = std::make_unique<State>(nowhere, state_->options);
  next->region = state_->region;
  std::size_t edges = 0;
  std::uint8_t has_events = 0;
  if (!reader.get(edges) || edges != next->edges.size()) return false;
  bool is_whole =
      reader.get(next->landmark_ms) && reader.get(has_events) && reader.get(next->region_requests);
  next->has_events = has_events != 0;
  for (EdgeLearning& edge : next->edges) {
    std::size_t outcomes = 0;
    is_whole = is_whole && reader.get(edge.all) && reader.get(edge.untracked) &&
               reader.get(outcomes) && reader.get(edge.next) && outcomes <= kOutcomesMax &&
               edge.next < kOutcomesMax;
    for (std::size_t i = 0; is_whole && i < outcomes; ++i) {
      Outcome outcome;
      is_whole = reader.get(outcome.requests_per_second) && reader.get(outcome.is_hit);
      edge.outcomes.push_back(outcome);
    }
  }
  std::size_t contents = 0;
  is_whole = is_whole && reader.get(contents);
  for (std::size_t i = 0; is_whole && i < contents; ++i) {
    std::uint64_t id = 0;
    Demand demand;
    is_whole = reader.get(id) && reader.get(demand.requests);
    if (next->contents.size() < next->options.tracked_contents) {
      next->touch(id, next->contents.emplace(id, demand).first->second);
    }
  }
  if (!is_whole || !reader.is_at_end()) return false;
  state_ = std::move(next);
  return true;
}

std::vector<std::uint8_t> regions_of(std::span<const geo::GeoPoint> edges) {
  std::vector<std::uint8_t> region(edges.size());
  if (edges.size() <= HitModel::kRegionsMax) {
    for (std::size_t at = 0; at < edges.size(); ++at) region[at] = static_cast<std::uint8_t>(at);
    return region;
  }
  std::vector<double> nearest_km(edges.size(), geo::kDistanceKmMax + 1);
  std::size_t seed = 0;
  for (std::uint8_t number = 0; number < HitModel::kRegionsMax; ++number) {
    for (std::size_t at = 0; at < edges.size(); ++at) {
      const double km = geo::distance_km(edges[seed], edges[at]);
      if (km >= nearest_km[at]) continue;
      nearest_km[at] = km;
      region[at] = number;
    }
    seed = static_cast<std::size_t>(std::max_element(nearest_km.begin(), nearest_km.end()) -
                                    nearest_km.begin());
  }
  return region;
}

}  // namespace edgeward::cache
