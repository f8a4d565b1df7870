#include "tests/sim/oracles/fleet_oracle.hpp"

#include <algorithm>
#include <cmath>

namespace edgeward::test {

namespace {

double haversine_km(const geo::GeoPoint& a, const geo::GeoPoint& b) {
  constexpr double kRadians = 3.14159265358979323846 / 180;
  const double lat = std::sin((b.lat_deg - a.lat_deg) * kRadians / 2);
  const double lon = std::sin((b.lon_deg - a.lon_deg) * kRadians / 2);
  const double h =
      lat * lat + std::cos(a.lat_deg * kRadians) * std::cos(b.lat_deg * kRadians) * lon * lon;
  return 2 * 6371.0088 * std::asin(std::sqrt(h));
}

std::int64_t us_of(double ms) {
  return std::llround(ms * 1000);
}

}  // namespace

bool FleetOracle::is_down(std::size_t edge, std::int64_t at_ms) const {
  return std::any_of(failures.begin(), failures.end(), [&](const Failure& failure) {
    return failure.edge == edge && at_ms >= failure.from_ms && at_ms < failure.until_ms;
  });
}

std::int64_t FleetOracle::way_us(const geo::GeoPoint& a, const geo::GeoPoint& b) const {
  return us_of(rtt_ms(std::floor(haversine_km(a, b) + 0.5)));
}

std::optional<std::size_t> FleetOracle::route(const Request& request) const {
  if (is_recorded) {
    const bool is_up = request.recorded && !is_down(*request.recorded, request.at_ms);
    return is_up ? request.recorded : std::nullopt;
  }
  std::optional<std::size_t> best;
  double best_km = 0;
  for (std::size_t edge = 0; edge < fleet.edges.size(); ++edge) {
    if (fleet.edges[edge].is_shield || is_down(edge, request.at_ms)) continue;
    const double km = haversine_km(request.client, fleet.edges[edge].point);
    if (best && km >= best_km) continue;
    best = edge;
    best_km = km;
  }
  return best;
}

/// True if it was there.
bool FleetOracle::touch(std::size_t edge, std::uint32_t chunk) {
  Cache& cache = caches_[edge];
  const auto found = std::find(cache.order.begin(), cache.order.end(), chunk);
  if (found != cache.order.end()) {
    cache.order.erase(found);
    cache.order.insert(cache.order.begin(), chunk);
    return true;
  }
  const std::uint64_t size = sizes_bytes[chunk];
  if (size > capacity_bytes) return false;
  while (cache.used + size > capacity_bytes) {
    cache.used -= sizes_bytes[cache.order.back()];
    cache.order.pop_back();
    ++cache.evictions;
  }
  cache.order.insert(cache.order.begin(), chunk);
  cache.used += size;
  return false;
}

FleetOracle::Answer FleetOracle::access(std::size_t edge, std::uint32_t chunk, std::int64_t at_ms,
                                        std::int64_t& wait_us) {
  const bool was_there = touch(edge, chunk);
  Cache& cache = caches_[edge];
  if (const auto ready = cache.ready_us.find(chunk);
      ready != cache.ready_us.end() && ready->second > at_ms * 1000) {
    wait_us = ready->second - at_ms * 1000;
    return Answer::delayed;
  }
  if (was_there && (!ttl_ms || at_ms - cache.fetched_ms[chunk] < *ttl_ms)) {
    wait_us = 0;
    return Answer::hit;
  }
  wait_us = fetch(edge, chunk, at_ms);
  cache.fetched_ms[chunk] = at_ms;
  cache.ready_us[chunk] = at_ms * 1000 + wait_us;
  return was_there ? Answer::expired : Answer::miss;
}

std::int64_t FleetOracle::fetch(std::size_t edge, std::uint32_t chunk, std::int64_t at_ms) {
  const cache::Edge& here = fleet.edges[edge];
  Counts& counts = (*counts_)[edge];
  const std::uint64_t size = sizes_bytes[chunk];
  if (here.fill == cache::FillSource::parent) {
    const auto parent = static_cast<std::size_t>(here.parent);
    if (!is_down(parent, at_ms)) {
      Counts& of_parent = (*counts_)[parent];
      ++of_parent.fetches;
      std::int64_t wait_us = 0;
      if (access(parent, chunk, at_ms, wait_us) == Answer::hit) ++of_parent.fetch_hits;
      counts.peer_bytes += size;
      return wait_us + way_us(here.point, fleet.edges[parent].point) +
             us_of(fleet.edges[parent].service_ms);
    }
  }
  if (here.fill == cache::FillSource::peer) {
    std::optional<std::size_t> best;
    double best_km = 0;
    for (std::size_t other = 0; other < fleet.edges.size(); ++other) {
      if (other == edge || is_down(other, at_ms) || held_[other].count(chunk) == 0) continue;
      const double km = haversine_km(here.point, fleet.edges[other].point);
      if (best && km >= best_km) continue;
      best = other;
      best_km = km;
    }
    if (best) {
      ++(*counts_)[*best].fetches;
      ++(*counts_)[*best].fetch_hits;
      counts.peer_bytes += size;
      return way_us(here.point, fleet.edges[*best].point) + us_of(fleet.edges[*best].service_ms);
    }
  }
  counts.origin_bytes += size;
  return way_us(here.point, fleet.origin.point) + us_of(fleet.origin.service_ms);
}

std::int64_t FleetOracle::pass(std::size_t edge, std::uint64_t bytes, std::int64_t at_ms) {
  const cache::Edge& here = fleet.edges[edge];
  if (here.fill == cache::FillSource::parent && !is_down(index(here.parent), at_ms)) {
    const cache::Edge& parent = fleet.edges[index(here.parent)];
    ++(*counts_)[index(here.parent)].fetches;
    (*counts_)[edge].peer_bytes += bytes;
    return way_us(here.point, parent.point) + us_of(parent.service_ms) +
           pass(index(here.parent), bytes, at_ms);
  }
  (*counts_)[edge].origin_bytes += bytes;
  return way_us(here.point, fleet.origin.point) + us_of(fleet.origin.service_ms);
}

void FleetOracle::start_tick(std::int64_t) {
  for (std::size_t edge = 0; edge < caches_.size(); ++edge) {
    held_[edge] = {caches_[edge].order.begin(), caches_[edge].order.end()};
  }
}

void FleetOracle::run(const std::vector<Request>& requests) {
  edges.assign(fleet.edges.size(), {});
  ignored_.assign(fleet.edges.size(), {});
  caches_.assign(fleet.edges.size(), {});
  held_.assign(fleet.edges.size(), {});
  std::optional<std::int64_t> before_ms;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Request& request = requests[i];
    bool is_new_tick =
        !before_ms || i == warm_up || request.at_ms / tick_ms != *before_ms / tick_ms;
    for (const Failure& failure : failures) {
      for (const std::int64_t cut_ms : {failure.from_ms, failure.until_ms}) {
        is_new_tick = is_new_tick || (request.at_ms >= cut_ms && *before_ms < cut_ms);
      }
    }
    if (is_new_tick) start_tick(request.at_ms);
    before_ms = request.at_ms;
    counts_ = i < warm_up ? &ignored_ : &edges;
    if (i == warm_up) {
      for (std::size_t edge = 0; edge < caches_.size(); ++edge) caches_[edge].evictions = 0;
    }
    const auto edge = route(request);
    if (!edge) {
      unrouted += i < warm_up ? 0 : 1;
      continue;
    }
    Counts& counts = (*counts_)[*edge];
    ++counts.requests;
    counts.bytes += request.bytes;
    std::int64_t longest_us = 0;
    if (request.chunks.empty()) {
      ++counts.uncacheable;
      longest_us = pass(*edge, request.bytes, request.at_ms);
    }
    std::size_t hit = 0;
    std::size_t delayed = 0;
    for (const std::uint32_t chunk : request.chunks) {
      std::int64_t wait_us = 0;
      const Answer answer = access(*edge, chunk, request.at_ms, wait_us);
      hit += answer == Answer::hit ? 1 : 0;
      delayed += answer == Answer::delayed ? 1 : 0;
      counts.expired += answer == Answer::expired ? 1 : 0;
      counts.hit_bytes += answer == Answer::hit ? sizes_bytes[chunk] : 0;
      longest_us = std::max(longest_us, wait_us);
    }
    if (!request.chunks.empty()) {
      if (hit == request.chunks.size()) {
        ++counts.hits;
      } else if (hit + delayed == request.chunks.size()) {
        ++counts.delayed_hits;
      } else {
        ++counts.misses;
      }
    }
    counts.distance_km += haversine_km(request.client, fleet.edges[*edge].point);
    counts.latency_us +=
        static_cast<std::uint64_t>(way_us(request.client, fleet.edges[*edge].point) + longest_us);
  }
  for (std::size_t edge = 0; edge < caches_.size(); ++edge) {
    edges[edge].evictions = caches_[edge].evictions;
  }
}

}  // namespace edgeward::test
