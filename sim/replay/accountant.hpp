#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// Integer sums over some requests; they add up with +=.
struct HitCounts {
  std::uint64_t hits = 0;
  std::uint64_t hit_bytes = 0;
  std::uint64_t expired = 0;  ///< were cached, but no longer fresh: misses
  std::uint64_t expired_bytes = 0;
  // Of a fleet alone.
  std::uint64_t delayed_hits = 0;  ///< waited for a fetch that was under way: no hits
  std::uint64_t peer_bytes = 0;    ///< passed from edge to edge, to parents' children or peers
  std::uint64_t spared_bytes = 0;  ///< of no hit, and yet not from the origin
  // Of plans: what was fetched before anybody asked for it.
  std::uint64_t prefetch_bytes = 0;
  std::uint64_t prefetch_origin_bytes = 0;  ///< of these, what came from the origin
  std::uint64_t prefetch_used_bytes = 0;    ///< of these, what was asked for later, each once

  HitCounts& operator+=(const HitCounts& other) {
    hits += other.hits;
    hit_bytes += other.hit_bytes;
    expired += other.expired;
    expired_bytes += other.expired_bytes;
    delayed_hits += other.delayed_hits;
    peer_bytes += other.peer_bytes;
    spared_bytes += other.spared_bytes;
    prefetch_bytes += other.prefetch_bytes;
    prefetch_origin_bytes += other.prefetch_origin_bytes;
    prefetch_used_bytes += other.prefetch_used_bytes;
    return *this;
  }
  /// Of requests of that many bytes, what came from the origin, and what plans had it send.
  [[nodiscard]] std::uint64_t origin_bytes(std::uint64_t bytes) const {
    return bytes - hit_bytes - spared_bytes + prefetch_origin_bytes;
  }
  bool operator==(const HitCounts&) const = default;
};

/// How long a fetched object stays fresh.
struct Freshness {
  enum class Source : std::uint8_t { none, log, fixed };
  Source source = Source::none;
  std::int64_t ttl_ms = 0;  ///< for fixed
};

/// Turns a policy's hit flags into counts for one run. What is fresh and what makes a request of
/// several chunks a hit is decided here, so that policies know nothing of either: an expired object
/// stays where it is (it is revalidated in place) and a request for chunks is a hit if all its
/// chunks are. Calls must cover the stream in order.
class Accountant {
 public:
  Accountant(const Trace& trace, const Freshness& freshness);

  /// Counts the accesses [begin, begin + flags.size()); may clear flags of expired ones.
  [[nodiscard]] HitCounts count(std::uint64_t begin, std::span<std::uint8_t> flags);

 private:
  void expire(std::uint64_t begin, std::span<std::uint8_t> flags, HitCounts& counts);
  void count_chunked(std::uint64_t begin, std::span<const std::uint8_t> flags, HitCounts& counts);

  const Trace& trace_;
  Freshness freshness_;
  std::optional<std::uint64_t> equal_size_;
  std::vector<std::int64_t> fresh_until_;  ///< by object, in the trace's time units
  TimeSteps::Cursor times_;
  std::size_t next_request_ = 0;  ///< whose start comes next (with chunks)
  bool is_hit_so_far_ = false;
};

}  // namespace edgeward::sim
