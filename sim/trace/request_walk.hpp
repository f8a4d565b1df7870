#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/trace/trace.hpp"

namespace edgeward::sim {

/// One request of a trace: its accesses to the stream, or none if it was uncacheable.
struct TraceRequest {
  std::uint64_t number = 0;    ///< over all requests, uncacheable ones too
  std::uint64_t begin = 0;     ///< position of its first access in Trace::stream
  std::uint32_t accesses = 0;  ///< chunks it touches; 0: uncacheable
  std::uint32_t time = 0;      ///< as in Trace::times
  std::uint64_t bytes = 0;
  cache::ContentId content{};  ///< 0 in a trace without contents
};

/// Visits all requests of a trace with times in replay order, cacheable and uncacheable ones
/// merged. Constant time each.
class RequestWalk {
 public:
  explicit RequestWalk(const Trace& trace)
      : trace_(trace),
        stream_(trace.stream.view()),
        starts_(trace.request_starts.view()),
        times_(trace.times) {}

  [[nodiscard]] bool is_at_end() const {
    return position_ == stream_.size() && uncacheable_ == trace_.uncacheable.size();
  }
  /// How many requests were visited.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// Time of the next request; there is one.
  [[nodiscard]] std::uint32_t time() {
    return is_next_uncacheable() ? trace_.uncacheable[uncacheable_].time : times_.at(position_);
  }

  [[nodiscard]] TraceRequest next() {
    TraceRequest request{.number = number_++, .begin = position_, .time = time()};
    if (is_next_uncacheable()) {
      const UncacheableRequest& passed = trace_.uncacheable[uncacheable_++];
      request.bytes = passed.bytes;
      request.content = passed.content;
      return request;
    }
    const std::uint64_t end = end_of_request();
    request.accesses = static_cast<std::uint32_t>(end - position_);
    if (!trace_.contents.empty()) request.content = trace_.contents[stream_[position_]];
    for (; position_ < end; ++position_) request.bytes += trace_.sizes_bytes[stream_[position_]];
    ++cacheable_;
    return request;
  }

  /// Starts to fetch what next() will read so many accesses later into the processor's cache.
  /// Returns the object of that access; kNoObject at the end.
  cache::ObjectIndex prefetch(std::uint64_t ahead) const {
    if (position_ + ahead >= stream_.size()) return cache::kNoObject;
    const cache::ObjectIndex object = stream_[position_ + ahead];
    __builtin_prefetch(&trace_.sizes_bytes[object]);
    if (!trace_.contents.empty()) __builtin_prefetch(&trace_.contents[object]);
    return object;
  }

 private:
  [[nodiscard]] bool is_next_uncacheable() const {
    return uncacheable_ < trace_.uncacheable.size() &&
           trace_.uncacheable[uncacheable_].stream_position <= position_;
  }
  [[nodiscard]] std::uint64_t end_of_request() const {
    if (starts_.empty()) return position_ + 1;
    return cacheable_ + 1 < starts_.size() ? starts_[cacheable_ + 1] : stream_.size();
  }

  const Trace& trace_;
  std::span<const cache::ObjectIndex> stream_;
  std::span<const std::uint64_t> starts_;
  TimeSteps::Cursor times_;
  std::uint64_t position_ = 0;
  std::uint64_t number_ = 0;
  std::size_t cacheable_ = 0;
  std::size_t uncacheable_ = 0;
};

}  // namespace edgeward::sim
