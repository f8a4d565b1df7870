#include "sim/replay/fleet_replay.hpp"

#include <algorithm>
#include <optional>
#include <span>

#include "sim/replay/edge_delay.hpp"
#include "sim/replay/fleet_caches.hpp"
#include "sim/replay/plan_loop.hpp"
#include "sim/trace/request_walk.hpp"

namespace edgeward::sim {

namespace {

using cache::EdgeId;
using cache::index;

/// A stretch of trace time, in ms since the first request.
struct Tick {
  std::int64_t begin_ms = 0;
  std::int64_t end_ms = 0;

  [[nodiscard]] std::int64_t duration_ms() const {
    // What is left of a tick beside a failure may be too short for a rate.
    constexpr std::int64_t kRateMsMin = 1000;
    return std::max(end_ms - begin_ms, kRateMsMin);
  }
};

class FleetRun {
 public:
  FleetRun(const Trace& trace, const std::vector<Cell>& cells, const RunSpec& spec,
           const ReplayOptions& options, Steering& steering);

  RunResult run(Tally& tally);

 private:
  [[nodiscard]] Tick tick_at(std::int64_t now_ms) const;
  void gather(const Tick& tick);
  void prefetch_ahead();
  void note_objects(const TraceRequest& request);
  void set_modes(const Tick& tick);
  void steer(const Tick& tick);
  void set_states(const Tick& tick);
  void set_delays();
  void settle_all();
  void settle(const RoutedRequest& request, HitCounts& cell);
  void count_failures(const RoutedRequest& request);
  void close(const Tick& tick);
  [[nodiscard]] std::int64_t rel_ms(std::uint32_t time) const { return time * trace_.time_unit_ms; }

  const Trace& trace_;
  const std::vector<Cell>& cells_;
  const RunSpec& spec_;
  const FleetModel& model_;
  const cache::Fleet& fleet_;
  Steering& steering_;
  RequestWalk walk_;

  FleetCaches caches_;
  std::optional<PlanLoop> plans_;
  bool checks_invariants_ = false;
  bool keeps_holders_ = false;
  std::vector<cache::ObjectIndex> asked_for_;  ///< in this tick
  std::uint64_t ticks_ = 0;

  std::vector<RoutedRequest> requests_;
  std::vector<cache::EdgeState> states_;
  std::vector<EdgeDelay> delays_;  ///< at the states of delayed_at_
  std::vector<cache::EdgeState> delayed_at_;
  std::int64_t last_end_ms_ = 0;

  std::size_t cell_ = 0;             ///< of the next request to be settled
  std::uint64_t cell_requests_ = 0;  ///< of it settled so far
  std::size_t gathered_cell_ = 0;    ///< of the next request to be gathered
  std::uint64_t gathered_end_ = 0;   ///< the request number at which it ends
  bool is_counted_ = true;
  bool is_stopping_ = false;
  FleetCounts counted_;
  FleetCounts ignored_;  ///< what the warm-up would have counted
  FleetCounts* counts_ = &counted_;
  std::vector<HitCounts> results_;
};

FleetRun::FleetRun(const Trace& trace, const std::vector<Cell>& cells, const RunSpec& spec,
                   const ReplayOptions& options, Steering& steering)
    : trace_(trace),
      cells_(cells),
      spec_(spec),
      model_(*options.fleet),
      fleet_(model_.fleet()),
      steering_(steering),
      walk_(trace),
      caches_(trace, spec, options, steering.needs_holders() || model_.has_peers()),
      checks_invariants_(options.check_invariants),
      keeps_holders_(steering.needs_holders() || model_.has_peers()),
      states_(model_.edges()),
      delayed_at_(model_.edges()),
      results_(cells.size()) {
  if (spec.planning != Planning::none) plans_.emplace(trace, spec, options, caches_);
  for (const cache::Edge& edge : fleet_.edges) delays_.push_back(edge_delay(edge, {}));
  for (FleetCounts* counts : {&counted_, &ignored_}) counts->edges.resize(model_.edges());
  for (const EdgeFailure& failure : model_.setup().failures) {
    counted_.failures.push_back({.failure = failure,
                                 .before = std::vector<std::uint64_t>(model_.edges() + 1),
                                 .during = std::vector<std::uint64_t>(model_.edges() + 1)});
  }
}

RunResult FleetRun::run(Tally& tally) {
  std::uint64_t unreported = 0;
  std::uint64_t hits_reported = 0;
  while (!walk_.is_at_end()) {
    if (!is_stopping_ && tally.should_stop()) {
      is_stopping_ = true;
      if (cell_requests_ == 0) break;
    }
    const Tick tick = tick_at(rel_ms(walk_.time()));
    gather(tick);
    set_modes(tick);
    if (plans_) {
      plans_->begin(tick.begin_ms, tick.end_ms, {.cell = results_[cell_], .edges = counts_->edges});
    }
    steer(tick);
    caches_.replay(requests_, states_);
    set_states(tick);
    set_delays();
    settle_all();
    if (plans_) plans_->observe(tick.begin_ms);
    close(tick);
    unreported += requests_.size();
    if (unreported >= Tally::kRequestsPerReport || walk_.is_at_end()) {
      tally.add(unreported, caches_.hits() - hits_reported);
      hits_reported = caches_.hits();
      unreported = 0;
    }
    if (is_stopping_ && cell_requests_ == 0) break;
  }
  if (checks_invariants_) caches_.check_invariants();
  RunResult result{.spec = spec_, .cells = std::move(results_), .evictions = 0, .seconds = {}};
  result.cells.resize(cell_);
  for (std::size_t at = 0; at < model_.edges(); ++at) {
    EdgeCounts& edge = counted_.edges[at];
    edge.evictions = caches_.evictions(at) - ignored_.edges[at].evictions;
    result.evictions += edge.evictions;
  }
  result.fleet = std::move(counted_);
  return result;
}

/// The tick of that time: on the grid, cut where an edge fails or comes back.
Tick FleetRun::tick_at(std::int64_t now_ms) const {
  const std::int64_t length_ms = model_.setup().tick_ms;
  Tick tick{.begin_ms = now_ms / length_ms * length_ms, .end_ms = 0};
  tick.end_ms = tick.begin_ms + length_ms;
  for (const EdgeFailure& failure : model_.setup().failures) {
    for (const std::int64_t cut_ms : {failure.from_ms, failure.until_ms}) {
      if (cut_ms <= now_ms) tick.begin_ms = std::max(tick.begin_ms, cut_ms);
      if (cut_ms > now_ms) tick.end_ms = std::min(tick.end_ms, cut_ms);
    }
  }
  return tick;
}

/// The requests of the tick, all on one side of the warm-up's end; when stopping, those of the cell
/// that has begun.
void FleetRun::gather(const Tick& tick) {
  const std::span<const std::uint32_t> clients = trace_.requesters.client.view();
  const std::span<const std::uint16_t> names = trace_.requesters.edge.view();
  requests_.clear();
  asked_for_.clear();
  ++ticks_;
  while (!walk_.is_at_end() && rel_ms(walk_.time()) < tick.end_ms) {
    prefetch_ahead();
    if (walk_.number() == gathered_end_) {
      if (is_stopping_ && cell_requests_ + requests_.size() > 0) break;
      const bool is_counted = cells_[gathered_cell_].is_counted;
      if (!requests_.empty() && is_counted != is_counted_) break;
      is_counted_ = is_counted;
      gathered_end_ += cells_[gathered_cell_++].requests;
    }
    const TraceRequest request = walk_.next();
    requests_.push_back({.at_ms = trace_.at_ms(request.time),
                         .begin = request.begin,
                         .bytes = request.bytes,
                         .content = request.content,
                         .accesses = request.accesses,
                         .time = request.time,
                         .client = clients[request.number],
                         .recorded = names[request.number]});
    if (keeps_holders_) note_objects(request);
  }
  counts_ = is_counted_ ? &counted_ : &ignored_;
}

/// What is read by object and by client lies all over memory: the next requests' is fetched early.
void FleetRun::prefetch_ahead() {
  constexpr std::uint64_t kAhead = 32;
  const std::span<const std::uint32_t> clients = trace_.requesters.client.view();
  if (walk_.number() + kAhead < clients.size()) {
    model_.prefetch_client(clients[walk_.number() + kAhead]);
  }
  const cache::ObjectIndex object = walk_.prefetch(kAhead);
  if (keeps_holders_ && object != cache::kNoObject) caches_.holders().prefetch(object);
}

/// Steering looks at a request's first object, peers are asked for each.
void FleetRun::note_objects(const TraceRequest& request) {
  const std::uint32_t count =
      model_.has_peers() ? request.accesses : std::min(request.accesses, 1U);
  for (const cache::ObjectIndex object : trace_.stream.view().subspan(request.begin, count)) {
    if (caches_.mark(object, ticks_)) asked_for_.push_back(object);
  }
}

void FleetRun::set_modes(const Tick& tick) {
  const std::int64_t now_ms = *trace_.summary.first_at_ms + tick.begin_ms;
  for (cache::EdgeState& state : states_) {
    // After a stretch without requests nothing is loaded any more.
    if (tick.begin_ms > last_end_ms_) state.load_ratio = 0;
    if (tick.begin_ms > last_end_ms_) state.bandwidth_used_bps = 0;
    state.mode = cache::EdgeMode::ready;
    state.seen_at_ms = now_ms;
  }
  for (const EdgeFailure& failure : model_.setup().failures) {
    const bool is_now = failure.from_ms <= tick.begin_ms && tick.begin_ms < failure.until_ms;
    if (is_now) states_[index(failure.edge)].mode = cache::EdgeMode::down;
  }
}

void FleetRun::steer(const Tick& tick) {
  caches_.refresh_holders(asked_for_);
  steering_.begin({.at_ms = *trace_.summary.first_at_ms + tick.begin_ms,
                   .states = states_,
                   .is_after_gap = tick.begin_ms > last_end_ms_,
                   .objects = asked_for_,
                   .holders = &caches_.holders()});
  steering_.route(requests_);
}

/// States as the tick's requests so far make them.
void FleetRun::set_states(const Tick& tick) {
  const double seconds = static_cast<double>(tick.duration_ms()) / 1000;
  for (std::size_t at = 0; at < states_.size(); ++at) {
    const cache::Edge& edge = fleet_.edges[at];
    const double bps = static_cast<double>(caches_.asked(at).served_bytes) * 8 / seconds;
    const double requests = static_cast<double>(caches_.asked(at).served) / seconds;
    states_[at].bandwidth_used_bps = static_cast<std::uint64_t>(bps);
    states_[at].load_ratio = std::max(requests / edge.requests_per_second_max,
                                      bps / static_cast<double>(edge.bandwidth_bps));
  }
}

/// Erlang's formula is dear; most ticks of a log find most edges as they were.
void FleetRun::set_delays() {
  for (std::size_t at = 0; at < states_.size(); ++at) {
    const cache::EdgeState& state = states_[at];
    cache::EdgeState& known = delayed_at_[at];
    if (state.load_ratio == known.load_ratio &&
        state.bandwidth_used_bps == known.bandwidth_used_bps) {
      continue;
    }
    delays_[at] = edge_delay(fleet_.edges[at], state);
    known = state;
  }
}

void FleetRun::settle_all() {
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (i + kAhead < requests_.size()) model_.prefetch_client(requests_[i + kAhead].client);
    settle(requests_[i], results_[cell_]);
    if (++cell_requests_ < cells_[cell_].requests) continue;
    ++cell_;
    cell_requests_ = 0;
  }
}

void FleetRun::settle(const RoutedRequest& request, HitCounts& cell) {
  if (!counted_.failures.empty()) count_failures(request);
  counts_->reasons[static_cast<std::size_t>(request.reason)] += 1;
  if (request.edge == cache::kNoEdge) {
    ++counts_->unrouted;
    counts_->unrouted_bytes += request.bytes;
    cell.spared_bytes += request.bytes;
    return;
  }
  EdgeCounts& edge = counts_->edges[index(request.edge)];
  ++edge.requests;
  edge.bytes += request.bytes;
  const std::int64_t wait_us = request.accesses == 0
                                   ? caches_.pass(request, cell, counts_->edges)
                                   : caches_.settle(request, cell, counts_->edges);
  const EdgeDelay& delay = delays_[index(request.edge)];
  const double km = model_.client_km(request.client, request.edge);
  const auto latency_us = static_cast<std::uint64_t>(
      model_.rtt_us(km) + delay.queue_us + wait_us +
      static_cast<std::int64_t>(delay.us_per_byte * static_cast<double>(request.bytes) + 0.5));
  counts_->latency.add(latency_us);
  edge.latency_us += latency_us;
  edge.distance_m += static_cast<std::uint64_t>(km * 1000 + 0.5);
}

void FleetRun::count_failures(const RoutedRequest& request) {
  const std::int64_t now_ms = rel_ms(request.time);
  const std::size_t at = request.edge == cache::kNoEdge ? model_.edges() : index(request.edge);
  for (FailureCounts& counts : counted_.failures) {
    const EdgeFailure& failure = counts.failure;
    if (now_ms >= failure.until_ms) continue;
    if (now_ms >= failure.from_ms) {
      ++counts.during[at];
    } else if (now_ms >= 2 * failure.from_ms - failure.until_ms) {
      ++counts.before[at];
    }
  }
}

void FleetRun::close(const Tick& tick) {
  set_states(tick);
  caches_.close();
  for (std::size_t at = 0; at < states_.size(); ++at) {
    states_[at].fetch_hit_ratio = caches_.fetch_hit_ratio(at);
  }
  steering_.end(requests_, states_, tick.duration_ms());
  for (std::size_t at = 0; at < states_.size(); ++at) {
    EdgeCounts& edge = counts_->edges[at];
    const double load = states_[at].load_ratio;
    edge.load_ratio_max = std::max(edge.load_ratio_max, load);
    if (load >= fleet_.edges[at].max_load) {
      edge.overload_requests += caches_.asked(at).requests;
    }
    if (!is_counted_) edge.evictions = caches_.evictions(at);
  }
  last_end_ms_ = tick.end_ms;
}

}  // namespace

RunResult replay_fleet(const Trace& trace, const std::vector<Cell>& cells, const RunSpec& spec,
                       const ReplayOptions& options, Steering& steering, Tally& tally) {
  const double started = options.clock ? options.clock() : 0;
  FleetRun run(trace, cells, spec, options, steering);
  RunResult result = run.run(tally);
  if (options.clock) result.seconds = options.clock() - started;
  return result;
}

}  // namespace edgeward::sim
