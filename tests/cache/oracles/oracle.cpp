#include "tests/cache/oracles/oracle.hpp"

namespace edgeward::cache::oracle {

std::unique_ptr<Cache> make_cache(const NamedSettings& settings, const World& world) {
  for (const auto make : {make_queue_cache, make_ghost_cache}) {
    if (auto cache = make(settings, world)) return cache;
  }
  return nullptr;
}

std::vector<std::uint8_t> replay(Cache& cache, Admission* admission, const World& world) {
  std::vector<std::uint8_t> hits;
  for (std::size_t at = 0; at < world.requests.size(); ++at) {
    const ObjectIndex object = world.requests[at];
    cache.on_request(object, at);
    const bool hit = cache.contains(object);
    if (hit) cache.on_hit(object);
    if (admission != nullptr) admission->observe(object, hit);
    const bool fits = world.sizes_bytes[object] <= world.capacity_bytes;
    if (!hit && fits && (admission == nullptr || admission->admits(object, cache))) {
      cache.on_miss(object);
    }
    hits.push_back(hit ? 1 : 0);
  }
  return hits;
}

}  // namespace edgeward::cache::oracle
