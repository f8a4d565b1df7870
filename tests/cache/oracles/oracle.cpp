#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

std::unique_ptr<Cache> make_cache(const NamedSettings& settings, const World& world) {
  for (const auto make : {make_queue_cache, make_ghost_cache, make_priority_cache,
                          make_sampling_cache, make_wtinylfu_cache, make_ceiling}) {
    if (auto cache = make(settings, world)) return cache;
  }
  return nullptr;
}

std::optional<std::size_t> next_request(const World& world, ObjectIndex object,
                                        std::size_t request) {
  for (std::size_t later = request + 1; later < world.requests.size(); ++later) {
    if (world.requests[later] == object) return later;
  }
  return std::nullopt;
}

std::vector<std::uint8_t> replay(Cache& cache, Admission* admission, const World& world) {
  std::vector<std::uint8_t> hits;
  for (std::size_t at = 0; at < world.requests.size(); ++at) {
    const ObjectIndex object = world.requests[at];
    cache.advance(at);
    cache.on_request(object);
    const bool hit = cache.contains(object);
    if (hit) cache.on_hit(object);
    cache.after_lookup(hit);
    if (admission != nullptr) admission->observe(object, hit);
    const bool fits = world.sizes_bytes[object] <= cache.capacity();
    if (!hit && fits && (admission == nullptr || admission->admits(object, cache))) {
      cache.on_miss(object);
    }
    hits.push_back(hit ? 1 : 0);
  }
  cache.advance(world.requests.size());
  return hits;
}

}  // namespace edgeward::cache::oracle
