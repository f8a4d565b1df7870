#include "cache/stack_distances.hpp"

#include <algorithm>

namespace edgeward::cache {

namespace {

constexpr std::size_t kPlacesMin = 4096;
/// How far ahead of the access in hand memory is asked for.
constexpr std::size_t kPlacesAhead = 24;
constexpr std::size_t kSumsAhead = 12;

}  // namespace

StackDistances::StackDistances(std::span<const std::uint64_t> sizes_bytes)
    : sizes_bytes_(sizes_bytes), places_(sizes_bytes.size(), kNowhere) {
  // Twice as many as there are objects: they are closed up when the last is taken.
  std::size_t count = std::max(kPlacesMin, 2 * sizes_bytes.size());
  objects_.assign(count, kNoObject);
  while (count > 1) {
    count = (count + kFanOut - 1) / kFanOut * kFanOut;
    sums_.emplace_back(count, 0);
    count /= kFanOut;
  }
}

void StackDistances::measure(std::span<const ObjectIndex> accesses, std::uint64_t* distances) {
  for (std::size_t i = 0; i < accesses.size(); ++i) {
    prefetch(accesses, i);
    if (next_ == objects_.size()) close_up();
    const ObjectIndex object = accesses[i];
    const std::uint64_t size_bytes = sizes_bytes_[object];
    Place& place = places_[object];
    distances[i] = place == kNowhere ? kFirst : take(place, size_bytes);
    place = static_cast<Place>(next_++);
    put(place, size_bytes);
    objects_[place] = object;
  }
}

void StackDistances::prefetch(std::span<const ObjectIndex> accesses, std::size_t next) const {
  if (next + kPlacesAhead < accesses.size()) {
    __builtin_prefetch(&places_[accesses[next + kPlacesAhead]], 1);
    __builtin_prefetch(&sizes_bytes_[accesses[next + kPlacesAhead]]);
  }
  if (next + kSumsAhead >= accesses.size()) return;
  const Place place = places_[accesses[next + kSumsAhead]];
  if (place == kNowhere) return;
  const std::uint64_t* const group = &sums_[0][place / kFanOut * kFanOut];
  __builtin_prefetch(group, 1);
  __builtin_prefetch(group + kFanOut / 2, 1);
  __builtin_prefetch(&objects_[place], 1);
}

/// Takes a weight away; what is behind it, and it.
std::uint64_t StackDistances::take(Place place, std::uint64_t size_bytes) {
  objects_[place] = kNoObject;
  std::uint64_t sum = size_bytes;
  std::size_t at = place;
  for (geo::HugeArray<std::uint64_t>& level : sums_) {
    std::uint64_t* const group = &level[at / kFanOut * kFanOut];
    const std::size_t own = at % kFanOut;
    group[own] -= size_bytes;
    for (std::size_t i = 0; i < kFanOut; ++i) sum += i > own ? group[i] : 0;
    at /= kFanOut;
  }
  return sum;
}

void StackDistances::put(Place place, std::uint64_t size_bytes) {
  std::size_t at = place;
  for (geo::HugeArray<std::uint64_t>& level : sums_) {
    level[at] += size_bytes;
    at /= kFanOut;
  }
}

/// Moves all objects to the first places, in their order.
void StackDistances::close_up() {
  std::size_t count = 0;
  for (const ObjectIndex object : objects_) {
    if (object == kNoObject) continue;
    places_[object] = static_cast<Place>(count);
    objects_[count++] = object;
  }
  std::fill(objects_.begin() + static_cast<std::ptrdiff_t>(count), objects_.end(), kNoObject);
  for (geo::HugeArray<std::uint64_t>& level : sums_) std::fill(level.begin(), level.end(), 0);
  for (std::size_t i = 0; i < count; ++i) sums_[0][i] = sizes_bytes_[objects_[i]];
  for (std::size_t level = 1; level < sums_.size(); ++level) {
    const geo::HugeArray<std::uint64_t>& below = sums_[level - 1];
    for (std::size_t i = 0; i < below.size(); ++i) sums_[level][i / kFanOut] += below[i];
  }
  next_ = count;
}

}  // namespace edgeward::cache
