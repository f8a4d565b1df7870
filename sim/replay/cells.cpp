#include "sim/replay/cells.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstddef>
#include <limits>
#include <span>

namespace edgeward::sim {

namespace {

/// So many cells give the interval's block bootstrap enough to draw from.
constexpr std::int64_t kCellsWanted = 512;
/// Lengths that divide five minutes, in seconds.
constexpr std::array<std::int64_t, 12> kCellSeconds{300, 150, 100, 60, 50, 30, 20, 10, 5, 3, 2, 1};

/// Walks all requests of a trace in order, cacheable and uncacheable ones merged, and closes a cell
/// at each boundary.
class CellMaker {
 public:
  CellMaker(const Trace& trace, const WarmUp& warm_up) : trace_(trace), times_(trace.times) {
    const std::vector<std::uint64_t>& sizes = trace.sizes_bytes;
    const bool equal = !sizes.empty() && std::all_of(sizes.begin(), sizes.end(), [&](auto size) {
      return size == sizes.front();
    });
    if (equal) equal_size_ = sizes.front();
    choose_lengths();
    warm_up_requests_ = static_cast<std::uint64_t>(warm_up.requests_ratio *
                                                   static_cast<double>(trace.summary.requests));
    if (warm_up.duration_ms > 0 && trace.has_times()) {
      warm_up_end_ms_ = *trace.summary.first_at_ms + warm_up.duration_ms;
    }
  }

  std::vector<Cell> make() {
    while (position_ < trace_.stream.size() || next_uncacheable_ < trace_.uncacheable.size()) {
      open();
      take();
      close();
    }
    return std::move(cells_);
  }

 private:
  void choose_lengths() {
    requests_per_cell_ = std::max<std::uint64_t>(trace_.summary.requests / kCellsWanted, 1);
    if (!has_windows(trace_)) return;
    const std::int64_t span_s = (*trace_.summary.last_at_ms - *trace_.summary.first_at_ms) / 1000;
    for (const std::int64_t length_s : kCellSeconds) {
      if (span_s / length_s < kCellsWanted) continue;
      cell_ms_ = length_s * 1000;
      return;
    }
  }

  [[nodiscard]] bool is_next_uncacheable() const {
    return next_uncacheable_ < trace_.uncacheable.size() &&
           trace_.uncacheable[next_uncacheable_].stream_position <= position_;
  }

  [[nodiscard]] std::int64_t next_at_ms() {
    return trace_.at_ms(is_next_uncacheable() ? trace_.uncacheable[next_uncacheable_].time
                                              : times_.at(position_));
  }

  void open() {
    cell_ = {.stream_begin = position_};
    end_ms_ = std::numeric_limits<std::int64_t>::max();
    end_request_ = cell_ms_ > 0 ? trace_.summary.requests : request_ + requests_per_cell_;
    if (request_ < warm_up_requests_) end_request_ = std::min(end_request_, warm_up_requests_);
    cell_.is_counted = request_ >= warm_up_requests_;
    if (!trace_.has_times()) return;
    const std::int64_t at_ms = next_at_ms();
    if (has_windows(trace_)) {
      cell_.window = floor_divide(at_ms, kWindowMs);
      // Cells by count end at a window's end too.
      const std::int64_t length_ms = cell_ms_ > 0 ? cell_ms_ : kWindowMs;
      end_ms_ = (floor_divide(at_ms, length_ms) + 1) * length_ms;
    }
    if (at_ms < warm_up_end_ms_) {
      end_ms_ = std::min(end_ms_, warm_up_end_ms_);
      cell_.is_counted = false;
    }
  }

  void take() {
    const bool is_simple = trace_.uncacheable.empty() && trace_.request_starts.size() == 0 &&
                           trace_.recorded.size() == 0;
    if (is_simple) {
      take_plain();
      return;
    }
    while (request_ < end_request_ && (!trace_.has_times() || next_at_ms() < end_ms_)) {
      take_recorded();
      if (is_next_uncacheable()) {
        cell_.bytes += trace_.uncacheable[next_uncacheable_].bytes;
        ++cell_.uncacheable;
        ++next_uncacheable_;
      } else {
        position_ = end_of_request();
        ++cacheable_;
      }
      ++request_;
      ++cell_.requests;
      if (position_ == trace_.stream.size() && next_uncacheable_ == trace_.uncacheable.size())
        break;
    }
  }

  /// The common case, without a look at anything but times.
  void take_plain() {
    const std::uint64_t limit = std::min<std::uint64_t>(end_request_, trace_.stream.size());
    const std::uint64_t begin = position_;
    position_ = limit;
    const bool ends_by_time = end_ms_ != std::numeric_limits<std::int64_t>::max();
    if (trace_.has_times() && ends_by_time) {
      const std::int64_t units =
          (end_ms_ - *trace_.summary.first_at_ms + trace_.time_unit_ms - 1) / trace_.time_unit_ms;
      // Past the largest time all that is left lies before the end.
      if (units <= std::numeric_limits<std::uint32_t>::max()) {
        const auto end_time = static_cast<std::uint32_t>(units);
        position_ = std::min(limit, trace_.times.first_from(end_time));
      }
    }
    request_ = position_;
    cell_.requests = position_ - begin;
  }

  void take_recorded() {
    if (trace_.recorded.size() == 0) return;
    const auto response = RecordedResponse::unpacked(trace_.recorded.view()[request_]);
    if (response.cache == CacheStatus::unknown) return;
    const bool is_hit = response.cache == CacheStatus::hit;
    ++cell_.recorded_requests;
    cell_.recorded_hits += is_hit ? 1 : 0;
    cell_.recorded_uncacheable += response.cache == CacheStatus::uncacheable ? 1 : 0;
    cell_.recorded_bytes += response.sent_bytes;
    cell_.recorded_hit_bytes += is_hit ? response.sent_bytes : 0;
  }

  [[nodiscard]] std::uint64_t end_of_request() const {
    const std::span<const std::uint64_t> starts = trace_.request_starts.view();
    if (starts.empty()) return position_ + 1;
    return cacheable_ + 1 < starts.size() ? starts[cacheable_ + 1] : trace_.stream.size();
  }

  void close() {
    assert(cell_.requests > 0);
    cell_.stream_end = position_;
    const std::uint64_t accesses = cell_.stream_end - cell_.stream_begin;
    if (equal_size_) {
      cell_.bytes += accesses * *equal_size_;
    } else {
      for (const cache::ObjectIndex object :
           trace_.stream.view().subspan(cell_.stream_begin, accesses)) {
        cell_.bytes += trace_.sizes_bytes[object];
      }
    }
    cells_.push_back(cell_);
  }

  static std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
    return a / b - (a % b < 0 ? 1 : 0);
  }

  const Trace& trace_;
  TimeSteps::Cursor times_;
  std::optional<std::uint64_t> equal_size_;
  std::int64_t cell_ms_ = 0;  ///< 0: cells by count
  std::uint64_t requests_per_cell_ = 1;
  std::uint64_t warm_up_requests_ = 0;
  std::int64_t warm_up_end_ms_ = std::numeric_limits<std::int64_t>::min();

  std::vector<Cell> cells_;
  Cell cell_;
  std::int64_t end_ms_ = 0;
  std::uint64_t end_request_ = 0;
  std::uint64_t position_ = 0;   ///< in the stream
  std::uint64_t request_ = 0;    ///< over all requests
  std::uint64_t cacheable_ = 0;  ///< over the cacheable ones
  std::size_t next_uncacheable_ = 0;
};

}  // namespace

bool has_windows(const Trace& trace) {
  return trace.has_times() &&
         (*trace.summary.last_at_ms - *trace.summary.first_at_ms) / kWindowMs < kWindowsMax;
}

std::vector<Cell> make_cells(const Trace& trace, const WarmUp& warm_up) {
  return CellMaker(trace, warm_up).make();
}

}  // namespace edgeward::sim
