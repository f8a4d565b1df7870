#include "sim/trace/binary_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

namespace edgeward::sim {

namespace {

/// Records handled at a time: small enough for the first-level cache, long enough to prefetch.
constexpr std::size_t kRecordsAtOnce = 1024;
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

static_assert(std::endian::native == std::endian::little, "records are read as they lie in memory");

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace

bool BinaryLoader::recognises(std::string_view first_bytes) {
  const std::size_t records = std::min<std::size_t>(first_bytes.size() / kRecordBytes, 1000);
  if (records == 0 || first_bytes.find('\0') == std::string_view::npos) return false;
  for (std::size_t i = 0; i < records; ++i) {
    const auto next = load<std::int64_t>(first_bytes.data() + i * kRecordBytes + 16);
    // A hole in a sparse file.
    if (first_bytes.substr(i * kRecordBytes, kRecordBytes).find_first_not_of('\0') ==
        std::string_view::npos) {
      return false;
    }
    // -1, a large sentinel, or the position of a later request.
    constexpr std::int64_t kPositionMax = std::int64_t{1} << 40;
    if (next < -1 || (next > kPositionMax && next != INT64_MAX)) return false;
  }
  return true;
}

void BinaryLoader::append(ByteSource& source, const std::string& path) {
  std::vector<char> buffer(kReadBytes);
  std::size_t held = 0;
  while (!progress_.should_stop()) {
    const std::size_t count = source.read(std::span(buffer).subspan(held));
    held += count;
    const std::size_t records = held / kRecordBytes;
    append_records(buffer.data(), records);
    const std::size_t used = records * kRecordBytes;
    std::memmove(buffer.data(), buffer.data() + used, held - used);
    held -= used;
    if (count == 0) break;
    progress_.report({.loading = true,
                      .done_ratio = source.fraction_read(),
                      .requests = trace_.stream.size(),
                      .hit_ratio = 0});
  }
  trace_.summary.partial = progress_.should_stop();
  if (held == 0 || trace_.summary.partial) return;
  ++trace_.summary.skipped[static_cast<std::size_t>(SkipReason::bad_line)];
  trace_.summary.first_bad.push_back(
      {.file = path,
       .line = trace_.stream.size() + 1,
       .message = fmt::format("the last record has {} bytes, expected {}: the file is cut off",
                              held, kRecordBytes)});
}

void BinaryLoader::append_records(const char* bytes, std::size_t records) {
  std::array<std::uint64_t, kRecordsAtOnce> ids;
  std::array<std::uint32_t, kRecordsAtOnce> sizes_bytes;
  std::array<ObjectTable::Known, kRecordsAtOnce> known;
  if (trace_.stream.size() + records >= cache::kNever) {
    throw InputError(
        fmt::format("more than {} requests: replay the trace in parts", cache::kNever - 1));
  }
  for (std::size_t done = 0; done < records; done += kRecordsAtOnce) {
    const std::size_t count = std::min(kRecordsAtOnce, records - done);
    const char* const batch = bytes + done * kRecordBytes;
    for (std::size_t i = 0; i < count; ++i) {
      ids[i] = load<std::uint64_t>(batch + i * kRecordBytes + 4);
      sizes_bytes[i] = load<std::uint32_t>(batch + i * kRecordBytes + 12);
    }
    objects_.index_all({ids.data(), count}, sizes_bytes.data(), known.data());
    cache::ObjectIndex* const objects = trace_.stream.extend(count);
    if (trace_.stream.size() == count) first_time_s_ = latest_time_s_ = load<std::uint32_t>(batch);
    for (std::size_t i = 0; i < count; ++i) {
      objects[i] = known[i].index;
      trace_.summary.bytes += known[i].first_size_bytes;
      if (known[i].index == trace_.sizes_bytes.size()) {
        trace_.sizes_bytes.push_back(known[i].first_size_bytes);
        if (with_clients_) trace_.contents.push_back(cache::ContentId{ids[i]});
        trace_.summary.footprint_bytes += known[i].first_size_bytes;
      }
      const auto time_s = load<std::uint32_t>(batch + i * kRecordBytes);
      times_.see(std::int64_t{time_s} * 1000);
      latest_time_s_ = std::max(latest_time_s_, time_s);
      trace_.times.push_back(latest_time_s_ - first_time_s_);
      if (!with_clients_) continue;
      trace_.requesters.client.push_back(0);
      trace_.requesters.edge.push_back(0);
    }
  }
}

void BinaryLoader::finish() {
  if (with_clients_) {
    trace_.requesters.clients.emplace_back();
    trace_.requesters.edge_names.emplace_back();
  }
  trace_.time_unit_ms = 1000;
  trace_.summary.requests = trace_.stream.size();
  trace_.summary.unique_objects = trace_.sizes_bytes.size();
  trace_.summary.went_back = times_.went_back();
  const bool is_time =
      !times_.is_numbering() && !times_.is_disordered() && latest_time_s_ > first_time_s_;
  if (is_time) {
    trace_.summary.first_at_ms = std::int64_t{first_time_s_} * 1000;
    trace_.summary.last_at_ms = std::int64_t{latest_time_s_} * 1000;
  } else {
    trace_.times.release();
    trace_.summary.went_back = 0;
  }
}

}  // namespace edgeward::sim
