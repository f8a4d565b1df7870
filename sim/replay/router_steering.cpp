#include <algorithm>
#include <memory>
#include <vector>

#include "cache/hit_model.hpp"
#include "policy/load_control.hpp"
#include "policy/router.hpp"
#include "policy/snapshot.hpp"
#include "sim/replay/steering.hpp"

namespace edgeward::sim {

namespace {

using cache::EdgeId;

/// As many as the daemon tracks unless told otherwise.
constexpr std::size_t kTrackedMax = 1'000'000;
/// Shards fill unevenly, and one that is full drops contents.
std::size_t tracked_contents(std::size_t objects) {
  return std::min(objects + objects / 4 + 64 * cache::HitModel::kShards, kTrackedMax);
}

/// Publishes a snapshot at every tick and asks the daemon's own router: the replay's side of what
/// the controller does.
class RouterSteering final : public Steering {
 public:
  RouterSteering(const FleetModel& model, const Trace& trace,
                 std::shared_ptr<const policy::FleetPart> fleet)
      : model_(model),
        trace_(trace),
        control_(model.edges()),
        hits_(model.edges(), needs_hits(*fleet) ? tracked_contents(trace.sizes_bytes.size()) : 0) {
    snapshot_.fleet = std::move(fleet);
    // Every content that an edge holds has a row, so one without is nowhere.
    const cache::EdgeHits known{.is_inventory_known = true, .prior = cache::EdgeHits::filled(0)};
    for (std::size_t at = 0; at < model.edges(); ++at) {
      hits_.set_edge(EdgeId(static_cast<std::uint16_t>(at)), known);
    }
  }

  [[nodiscard]] bool needs_holders() const override { return needs_hits(*snapshot_.fleet); }

  void begin(const TickStart& start) override {
    ++snapshot_.version;
    snapshot_.published_at_ms = start.at_ms;
    publish_states(start);
    if (needs_holders()) publish_hits(start);
  }

  void route(std::span<RoutedRequest> requests) const override {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      // Where a client is has to be known before its cell can be fetched.
      if (i + 2 * kAhead < requests.size()) model_.prefetch_client(requests[i + 2 * kAhead].client);
      if (i + kAhead < requests.size()) {
        const RoutedRequest& soon = requests[i + kAhead];
        policy::prefetch(request_of(soon), model_.client(soon.client), snapshot_);
      }
      RoutedRequest& request = requests[i];
      const policy::Decision decision =
          policy::route(request_of(request), model_.client(request.client), snapshot_);
      request.edge = decision.edge;
      request.reason = decision.reason;
    }
  }

  void end(std::span<const RoutedRequest> requests, std::span<const cache::EdgeState> states,
           std::int64_t duration_ms) override {
    const double seconds = static_cast<double>(duration_ms) / 1000;
    rates_.assign(states.size(), 0);
    for (const RoutedRequest& request : requests) {
      if (request.edge != cache::kNoEdge) rates_[cache::index(request.edge)] += 1 / seconds;
    }
    sample_.clear();
    const std::size_t count = std::min(requests.size(), kSampled);
    for (std::size_t i = 0; i < count; ++i) {
      const RoutedRequest& request = requests[i * requests.size() / count];
      sample_.push_back({request_of(request), model_.client(request.client)});
    }
    control_.update({.at_ms = snapshot_.published_at_ms,
                     .states = states,
                     .requests_per_second = rates_,
                     .sample = sample_,
                     .sampled_requests_per_second = static_cast<double>(requests.size()) /
                                                    static_cast<double>(count) / seconds},
                    snapshot_);
  }

 private:
  /// So many requests or contents before it is needed, memory is asked for.
  static constexpr std::size_t kAhead = 8;
  /// Requests of a tick that are asked for their whole order of preference, evenly among all.
  static constexpr std::size_t kSampled = 128;

  /// Whether the scoring reads hits and shares.
  [[nodiscard]] static bool needs_hits(const policy::FleetPart& fleet) {
    const policy::Scoring scoring = fleet.options().scoring;
    return scoring == policy::Scoring::weighted || scoring == policy::Scoring::latency;
  }

  [[nodiscard]] static policy::Request request_of(const RoutedRequest& request) {
    return {.at_ms = request.at_ms, .content = request.content, .size_bytes = request.bytes};
  }

  /// Loads are those that the last tick left; who is down is known at once.
  void publish_states(const TickStart& start) {
    auto live = snapshot_.live == nullptr || start.is_after_gap
                    ? policy::live_edges(*snapshot_.fleet, start.states, start.at_ms)
                    : *snapshot_.live;
    for (std::size_t at = 0; at < live.size(); ++at) {
      policy::Exclusion& exclusion = live[at].exclusion;
      if (start.states[at].mode == cache::EdgeMode::down) {
        exclusion = policy::Exclusion::down;
      } else if (exclusion == policy::Exclusion::down) {
        exclusion = policy::Exclusion::none;
      }
    }
    snapshot_.live = std::make_shared<const std::vector<policy::LiveEdge>>(std::move(live));
  }

  /// Only what the tick asks for need be true. A content in chunks stands for one of those that the
  /// tick asks for.
  void publish_hits(const TickStart& start) {
    snapshot_.hits.reset();  // so that the writer changes its shards in place
    const std::span<const cache::ObjectIndex> objects = start.objects;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (i + 2 * kAhead < objects.size()) {
        __builtin_prefetch(&trace_.contents[objects[i + 2 * kAhead]]);
      }
      if (i + kAhead < objects.size()) hits_.prefetch(trace_.contents[objects[i + kAhead]]);
      hits_.set_holders(trace_.contents[objects[i]], start.holders->row(objects[i]));
    }
    snapshot_.hits = hits_.publish();
  }

  const FleetModel& model_;
  const Trace& trace_;
  policy::Snapshot snapshot_;
  policy::LoadControl control_;
  std::vector<double> rates_;
  std::vector<policy::SampledRequest> sample_;
  cache::HitModelWriter hits_;
};

}  // namespace

std::unique_ptr<Steering> make_steering(Routing routing, const FleetModel& model,
                                        const Trace& trace) {
  if (routing == Routing::recorded) return make_recorded_steering(model);
  return std::make_unique<RouterSteering>(model, trace, model.part(routing));
}

}  // namespace edgeward::sim
