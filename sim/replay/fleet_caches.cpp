#include "sim/replay/fleet_caches.hpp"

#include <algorithm>

namespace edgeward::sim {

using cache::EdgeId;
using cache::index;
using Kind = EdgeCache::Outcome::Kind;

FleetCaches::FleetCaches(const Trace& trace, const RunSpec& spec, const ReplayOptions& options,
                         bool keeps_holders)
    : trace_(trace),
      model_(*options.fleet),
      fleet_(model_.fleet()),
      asked_(model_.edges()),
      fetch_hits_(model_.edges()),
      keeps_holders_(keeps_holders),
      has_plans_(spec.planning != Planning::none),
      holders_(keeps_holders ? trace.sizes_bytes.size() : 0, model_.edges()) {
  caches_.reserve(model_.edges());
  for (std::size_t at = 0; at < model_.edges(); ++at) {
    const std::uint64_t own_bytes = fleet_.edges[at].capacity_bytes;
    caches_.emplace_back(trace, spec, spec.is_fleet_capacity ? own_bytes : spec.capacity_bytes,
                         options.freshness, options.seed + at);
  }
}

void FleetCaches::refresh_holders(std::span<const cache::ObjectIndex> objects) {
  constexpr std::size_t kAhead = 4;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (i + kAhead < objects.size()) {
      const cache::ObjectIndex soon = objects[i + kAhead];
      holders_.visit(soon, [&](EdgeId edge) { caches_[index(edge)].prefetch({&soon, 1}); });
    }
    const cache::ObjectIndex object = objects[i];
    holders_.refresh(object, [&](EdgeId edge) { return caches_[index(edge)].contains(object); });
  }
}

void FleetCaches::replay(std::span<const RoutedRequest> requests,
                         std::span<const cache::EdgeState> states) {
  states_ = states;
  for (Asked& asked : asked_) {
    asked.accesses.clear();
    asked.parent_flags.clear();
    asked.next = asked.requests = asked.served = asked.served_bytes = 0;
    asked.fetches = asked.fetch_hits = 0;
  }
  const std::span<const cache::ObjectIndex> stream = trace_.stream.view();
  for (const RoutedRequest& request : requests) {
    if (request.edge == cache::kNoEdge) continue;
    Asked& asked = asked_[index(request.edge)];
    ++asked.requests;
    ++asked.served;
    asked.served_bytes += request.bytes;
    if (model_.is_parent(request.edge)) continue;
    const auto accesses = stream.subspan(request.begin, request.accesses);
    asked.accesses.insert(asked.accesses.end(), accesses.begin(), accesses.end());
  }
  // An edge gets few of a tick's requests: they wait for memory together with those of others.
  for (std::size_t at = 0; at < asked_.size(); ++at) caches_[at].prefetch(asked_[at].accesses);
  for (std::size_t at = 0; at < asked_.size(); ++at) {
    Asked& asked = asked_[at];
    if (asked.accesses.empty()) continue;
    asked.flags.resize(std::max(asked.flags.size(), asked.accesses.size()));
    caches_[at].replay(asked.accesses, asked.flags.data());
  }
}

std::int64_t FleetCaches::settle(const RoutedRequest& request, HitCounts& cell,
                                 std::vector<EdgeCounts>& edges) {
  EdgeCounts& edge = edges[index(request.edge)];
  EdgeCache& at = caches_[index(request.edge)];
  Asked& asked = asked_[index(request.edge)];
  const bool is_parent = model_.is_parent(request.edge);
  EdgeCache::Access access{.object = 0,
                           .position = request.begin,
                           .time = request.time,
                           .now_us = request.time * trace_.time_unit_ms * 1000};
  std::int64_t wait_us = 0;
  bool has_miss = false;
  bool has_delay = false;
  for (const std::uint64_t end = request.begin + request.accesses; access.position < end;
       ++access.position) {
    access.object = trace_.stream.view()[access.position];
    const bool flag = is_parent ? at.replay_one(access.object) : asked.flags[asked.next++] != 0;
    if (is_parent && has_plans_) asked.note(access.object, flag);
    const std::uint64_t bytes = trace_.sizes_bytes[access.object];
    if (keeps_holders_ && !flag) inserted_.emplace_back(access.object, request.edge);
    const EdgeCache::Outcome outcome = at.settle(access, flag);
    if (outcome.kind == Kind::hit) {
      cell.hit_bytes += bytes;
      edge.hit_bytes += bytes;
      continue;
    }
    if (outcome.kind == Kind::delayed) {
      has_delay = true;
      cell.spared_bytes += bytes;
      wait_us = std::max(wait_us, outcome.wait_us);
      continue;
    }
    if (outcome.kind == Kind::expired) {
      ++cell.expired;
      ++edge.expired;
      cell.expired_bytes += bytes;
    }
    has_miss = true;
    const Fill filled = fill(request.edge, access, edges);
    at.fetch(access, filled.us);
    wait_us = std::max(wait_us, filled.us);
    cell.peer_bytes += filled.peer_bytes;
    cell.spared_bytes += bytes - filled.origin_bytes;
  }
  const std::uint64_t hit = has_miss || has_delay ? 0 : 1;
  const std::uint64_t delayed = !has_miss && has_delay ? 1 : 0;
  hits_ += hit;
  cell.hits += hit;
  edge.hits += hit;
  cell.delayed_hits += delayed;
  edge.delayed_hits += delayed;
  return wait_us;
}

/// Fetches what an edge does not hold.
FleetCaches::Fill FleetCaches::fill(EdgeId edge, const EdgeCache::Access& access,
                                    std::vector<EdgeCounts>& edges) {
  const std::uint64_t bytes = trace_.sizes_bytes[access.object];
  EdgeCounts& counts = edges[index(edge)];
  const cache::Edge& described = fleet_[edge];
  if (described.fill == cache::FillSource::parent && !is_down(described.parent)) {
    return fill_from_parent(edge, described.parent, access, edges);
  }
  for (const EdgeId peer : model_.peers(edge)) {
    if (!holders_.holds(peer, access.object) || is_down(peer)) continue;
    Asked& asked = asked_[index(peer)];
    ++asked.served;
    asked.served_bytes += bytes;
    ++edges[index(peer)].fetches;
    ++edges[index(peer)].fetch_hits;
    counts.peer_bytes += bytes;
    return {.us = model_.edge_us(edge, peer), .peer_bytes = bytes};
  }
  counts.origin_bytes += bytes;
  return {.us = model_.origin_us(edge), .origin_bytes = bytes};
}

FleetCaches::Fill FleetCaches::fill_from_parent(EdgeId edge, EdgeId parent,
                                                const EdgeCache::Access& access,
                                                std::vector<EdgeCounts>& edges) {
  const std::uint64_t bytes = trace_.sizes_bytes[access.object];
  EdgeCache& at = caches_[index(parent)];
  EdgeCounts& counts = edges[index(parent)];
  Asked& asked = asked_[index(parent)];
  ++asked.served;
  asked.served_bytes += bytes;
  ++asked.fetches;
  ++counts.fetches;
  Fill result{.us = 0};
  const bool flag = at.replay_one(access.object);
  if (has_plans_) asked.note(access.object, flag);
  if (keeps_holders_ && !flag) inserted_.emplace_back(access.object, parent);
  const EdgeCache::Outcome outcome = at.settle(access, flag);
  switch (outcome.kind) {
    case Kind::hit:
      ++counts.fetch_hits;
      ++asked.fetch_hits;
      break;
    case Kind::delayed:
      result.us = outcome.wait_us;
      break;
    case Kind::expired:
    case Kind::miss:
      result = fill(parent, access, edges);
      at.fetch(access, result.us);
      break;
  }
  result.us += model_.edge_us(edge, parent);
  result.peer_bytes += bytes;
  edges[index(edge)].peer_bytes += bytes;
  return result;
}

std::int64_t FleetCaches::pass(const RoutedRequest& request, HitCounts& cell,
                               std::vector<EdgeCounts>& edges) {
  EdgeId edge = request.edge;
  ++edges[index(edge)].uncacheable;
  std::int64_t wait_us = 0;
  while (fleet_[edge].fill == cache::FillSource::parent && !is_down(fleet_[edge].parent)) {
    const EdgeId parent = fleet_[edge].parent;
    ++asked_[index(parent)].served;
    asked_[index(parent)].served_bytes += request.bytes;
    ++edges[index(parent)].fetches;
    edges[index(edge)].peer_bytes += request.bytes;
    cell.peer_bytes += request.bytes;
    wait_us += model_.edge_us(edge, parent);
    edge = parent;
  }
  edges[index(edge)].origin_bytes += request.bytes;
  return wait_us + model_.origin_us(edge);
}

void FleetCaches::close() {
  for (std::size_t at = 0; at < asked_.size(); ++at) {
    if (asked_[at].fetches > 0) fetch_hits_[at].add(asked_[at].fetch_hits, asked_[at].fetches);
  }
  for (const auto& [object, edge] : inserted_) holders_.add(object, edge);
  inserted_.clear();
}

bool FleetCaches::carry_out(EdgeId edge, const cache::Action& action, std::uint32_t time,
                            HitCounts& cell, std::vector<EdgeCounts>& edges) {
  EdgeCache& at = caches_[index(edge)];
  const auto object = static_cast<cache::ObjectIndex>(action.content);
  if (action.kind == cache::ActionKind::evict) return at.evict(object);
  const EdgeCache::Access access{
      .object = object, .position = 0, .time = time, .now_us = time * trace_.time_unit_ms * 1000};
  switch (at.keep(access)) {
    case cache::PlannedCache::Kept::refused:
      return false;
    case cache::PlannedCache::Kept::held:
      return true;
    case cache::PlannedCache::Kept::fetched:
      break;
  }
  if (keeps_holders_) inserted_.emplace_back(object, edge);
  const Fill filled = fill(edge, access, edges);
  at.fetch(access, filled.us);
  cell.peer_bytes += filled.peer_bytes;
  cell.prefetch_bytes += trace_.sizes_bytes[object];
  cell.prefetch_origin_bytes += filled.origin_bytes;
  edges[index(edge)].prefetch_bytes += trace_.sizes_bytes[object];
  return true;
}

void FleetCaches::check_invariants() const {
  for (const EdgeCache& cache : caches_) cache.cache().check_invariants();
}

}  // namespace edgeward::sim
