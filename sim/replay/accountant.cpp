#include "sim/replay/accountant.hpp"

#include <algorithm>
#include <limits>

namespace edgeward::sim {

namespace {

/// Fresh for ever: an object whose lifetime the log has not stated so far.
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

}  // namespace

Accountant::Accountant(const Trace& trace, const Freshness& freshness)
    : trace_(trace), freshness_(freshness), times_(trace.times) {
  const std::vector<std::uint64_t>& sizes = trace.sizes_bytes;
  if (!sizes.empty() && std::all_of(sizes.begin(), sizes.end(),
                                    [&](std::uint64_t size) { return size == sizes.front(); })) {
    equal_size_ = sizes.front();
  }
  if (freshness_.source != Freshness::Source::none) fresh_until_.resize(sizes.size());
}

HitCounts Accountant::count(std::uint64_t begin, std::span<std::uint8_t> flags) {
  HitCounts counts;
  if (!fresh_until_.empty()) expire(begin, flags, counts);
  if (equal_size_ && trace_.request_starts.size() == 0) {
    for (const std::uint8_t flag : flags) counts.hits += flag;
    counts.hit_bytes = counts.hits * *equal_size_;
    return counts;
  }
  const std::span<const cache::ObjectIndex> objects =
      trace_.stream.view().subspan(begin, flags.size());
  for (std::size_t i = 0; i < flags.size(); ++i) {
    counts.hits += flags[i];
    counts.hit_bytes += flags[i] != 0 ? trace_.sizes_bytes[objects[i]] : 0;
  }
  if (trace_.request_starts.size() != 0) count_chunked(begin, flags, counts);
  return counts;
}

void Accountant::expire(std::uint64_t begin, std::span<std::uint8_t> flags, HitCounts& counts) {
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const cache::ObjectIndex object = trace_.stream.view()[begin + i];
    const std::int64_t now = times_.at(begin + i);
    if (flags[i] != 0 && now < fresh_until_[object]) continue;
    if (flags[i] != 0) {
      flags[i] = 0;
      ++counts.expired;
      counts.expired_bytes += trace_.sizes_bytes[object];
    }
    std::int64_t ttl_ms = freshness_.ttl_ms;
    if (freshness_.source == Freshness::Source::log) {
      const std::uint32_t ttl_s = trace_.ttl_s.view()[begin + i];
      if (ttl_s == Trace::kNoTtl) {
        fresh_until_[object] = kForever;
        continue;
      }
      ttl_ms = std::int64_t{ttl_s} * 1000;
    }
    fresh_until_[object] = now + ttl_ms / trace_.time_unit_ms;
  }
}

/// Replaces counts.hits, which counted chunks, by requests all of whose chunks were hits. A request
/// is settled when the next one starts; the last one of the stream at its end.
void Accountant::count_chunked(std::uint64_t begin, std::span<const std::uint8_t> flags,
                               HitCounts& counts) {
  const std::span<const std::uint64_t> starts = trace_.request_starts.view();
  counts.hits = 0;
  for (std::size_t i = 0; i < flags.size(); ++i) {
    const std::uint64_t position = begin + i;
    if (next_request_ < starts.size() && starts[next_request_] == position) {
      is_hit_so_far_ = true;
      ++next_request_;
    }
    is_hit_so_far_ = is_hit_so_far_ && flags[i] != 0;
    const std::uint64_t end =
        next_request_ < starts.size() ? starts[next_request_] : trace_.stream.size();
    if (position + 1 == end && is_hit_so_far_) ++counts.hits;
  }
}

}  // namespace edgeward::sim
