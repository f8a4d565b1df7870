#include "cache/miss_ratio_curve.hpp"

#include <algorithm>
#include <array>

#include "cache/eviction/registry.hpp"
#include "cache/stack_distances.hpp"

namespace edgeward::cache {

namespace {

constexpr std::size_t kBatch = 4096;

/// Calls visit(first, flags or distances) for a batch at a time.
template <class Value, class Fill, class Visit>
void in_batches(std::span<const ObjectIndex> requests, Fill fill, Visit visit) {
  std::array<Value, kBatch> values{};
  for (std::size_t begin = 0; begin < requests.size(); begin += kBatch) {
    const auto batch = requests.subspan(begin, std::min(kBatch, requests.size() - begin));
    fill(batch, values.data());
    for (std::size_t i = 0; i < batch.size(); ++i) visit(batch[i], values[i]);
  }
}

MissRatioCurve::Point replayed(std::span<const ObjectIndex> requests,
                               std::span<const std::uint64_t> sizes_bytes,
                               std::uint64_t capacity_bytes) {
  MissRatioCurve::Point point{.capacity_bytes = capacity_bytes};
  const auto lru =
      make_policy({.name = "lru"}, {.sizes_bytes = sizes_bytes, .capacity_bytes = capacity_bytes});
  in_batches<std::uint8_t>(
      requests, [&](auto batch, std::uint8_t* flags) { lru->replay(batch, nullptr, flags); },
      [&](ObjectIndex object, std::uint8_t flag) {
        point.hits += flag;
        point.hit_bytes += flag != 0 ? sizes_bytes[object] : 0;
      });
  return point;
}

}  // namespace

MissRatioCurve lru_curve(std::span<const ObjectIndex> requests,
                         std::span<const std::uint64_t> sizes_bytes,
                         std::span<const std::uint64_t> capacities_bytes) {
  MissRatioCurve curve{.requests = requests.size()};
  std::uint64_t largest_bytes = 0;
  for (const ObjectIndex object : requests) {
    curve.bytes += sizes_bytes[object];
    largest_bytes = std::max(largest_bytes, sizes_bytes[object]);
  }
  const auto first_whole =
      std::lower_bound(capacities_bytes.begin(), capacities_bytes.end(), largest_bytes);
  for (auto each = capacities_bytes.begin(); each != first_whole; ++each) {
    curve.points.push_back(replayed(requests, sizes_bytes, *each));
  }
  if (first_whole == capacities_bytes.end()) return curve;

  // What is hit from each capacity on, and not before.
  const std::span<const std::uint64_t> whole(first_whole, capacities_bytes.end());
  std::vector<MissRatioCurve::Point> from(whole.size() + 1);
  StackDistances stack(sizes_bytes);
  in_batches<std::uint64_t>(
      requests, [&](auto batch, std::uint64_t* distances) { stack.measure(batch, distances); },
      [&](ObjectIndex object, std::uint64_t distance_bytes) {
        const auto least = std::lower_bound(whole.begin(), whole.end(), distance_bytes);
        MissRatioCurve::Point& point = from[static_cast<std::size_t>(least - whole.begin())];
        ++point.hits;
        point.hit_bytes += sizes_bytes[object];
      });
  MissRatioCurve::Point sum;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    sum.capacity_bytes = whole[i];
    sum.hits += from[i].hits;
    sum.hit_bytes += from[i].hit_bytes;
    curve.points.push_back(sum);
  }
  return curve;
}

}  // namespace edgeward::cache
