#include "sim/trace/text_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <queue>
#include <span>

#include "sim/input/line_splitter.hpp"
#include "sim/logs/field_text.hpp"

namespace edgeward::sim {

namespace {

/// Lines between two looks at the clock and the stop flag.
constexpr std::uint64_t kLinesPerReport = 4096;

/// A log that spans more milliseconds than 32 bits hold is kept in coarser units.
std::int64_t time_unit(std::int64_t span_ms) {
  std::int64_t unit = 1;
  while (span_ms / unit >= std::numeric_limits<std::uint32_t>::max()) unit *= 10;
  return unit;
}

bool says_something(const Skipped& skipped) {
  return skipped.reason == SkipReason::bad_line || skipped.reason == SkipReason::no_time ||
         skipped.reason == SkipReason::no_key;
}

}  // namespace

TextLoader::TextLoader(Trace& trace, const LoadOptions& options, MemoryBudget& budget,
                       Progress& progress)
    : trace_(trace),
      options_(options),
      budget_(budget),
      progress_(progress),
      rows_(budget),
      extras_(budget),
      key_writer_(options.key) {
  trace_.summary.lines = 0;
}

void TextLoader::append(ByteSource& source, const std::string& path, const LogFormat& format) {
  const auto parser = format.make(options_.columns);
  LineSplitter splitter(source);
  LineSplitter::Line line;
  std::uint64_t number = 0;
  std::uint64_t readable = 0;
  std::optional<BadLine> first_bad;
  const auto skip = [&](const Skipped& skipped) {
    if (says_something(skipped) && !first_bad) first_bad = {path, number, skipped.message};
    count_skipped(skipped, path, number);
  };
  // What came before an interrupt still counts.
  const auto next = [&] {
    try {
      return splitter.next(line);
    } catch (const InputInterrupted&) {
      trace_.summary.partial = true;
      return false;
    }
  };
  while (!trace_.summary.partial && next()) {
    if (++number % kLinesPerReport == 0) {
      trace_.summary.partial = progress_.should_stop();
      progress_.report(
          {.done_ratio = source.fraction_read(), .requests = rows_.size(), .hit_ratio = 0});
    }
    if (line.cut) {
      skip({SkipReason::bad_line,
            fmt::format("the line is longer than {} bytes", LineSplitter::kLineBytesMax)});
      continue;
    }
    const auto record = parser->parse(line.text);
    if (!record) {
      skip(record.error());
      continue;
    }
    ++readable;
    if (const auto added = add(*record); !added) skip(added.error());
  }
  *trace_.summary.lines += number;
  if (readable == 0 && first_bad && !trace_.summary.partial) {
    throw InputError(fmt::format("{}: no line reads as {}; line {}: {}; expected {}", path,
                                 format.name, first_bad->line, first_bad->message,
                                 format.expected));
  }
}

void TextLoader::count_skipped(const Skipped& skipped, const std::string& path,
                               std::uint64_t line) {
  ++trace_.summary.skipped[static_cast<std::size_t>(skipped.reason)];
  if (!says_something(skipped) || trace_.summary.first_bad.size() >= kBadLinesShown) return;
  trace_.summary.first_bad.push_back({.file = path, .line = line, .message = skipped.message});
}

tl::expected<void, Skipped> TextLoader::add(const LogRecord& record) {
  const auto skip = [](SkipReason reason, std::string message = {}) {
    return tl::unexpected(Skipped{reason, std::move(message)});
  };
  if (!record.method.empty() && std::find(options_.methods.begin(), options_.methods.end(),
                                          record.method) == options_.methods.end()) {
    return skip(SkipReason::method);
  }
  if (record.status != 0 && std::find(options_.statuses.begin(), options_.statuses.end(),
                                      record.status) == options_.statuses.end()) {
    return skip(SkipReason::status);
  }
  if (!record.at_ms) return skip(SkipReason::no_time, "the line has no time");
  if (!record.id && record.url.empty())
    return skip(SkipReason::no_key, "the line names no content");
  std::uint64_t id = record.id.value_or(0);
  if (!record.id) {
    key_writer_.write(record, key_);
    id = static_cast<std::uint64_t>(cache::content_id(key_));
  }
  const cache::ObjectIndex object = objects_.index(id);
  if (object == sizes_seen_.size()) {
    sizes_seen_.emplace_back();
    if (options_.with_clients) contents_.push_back(cache::ContentId{id});
  }
  note_size(record, object);
  constexpr std::uint64_t kSentMax = (std::uint64_t{1} << 62) - 1;
  const RecordedResponse recorded{.sent_bytes = std::min(record.bytes.value_or(0), kSentMax),
                                  .cache = record.cache};
  has_recorded_ = has_recorded_ || record.cache != CacheStatus::unknown;
  times_.see(*record.at_ms);
  rows_.push_back({.at_ms = *record.at_ms,
                   .recorded = recorded.packed(),
                   .object = object,
                   .extra = note_extra(record)});
  return {};
}

void TextLoader::note_size(const LogRecord& record, cache::ObjectIndex object) {
  // 304 Not Modified has no body (RFC 9110 §15.4.5), so its bytes are no size.
  if (!record.bytes || record.status == 304) return;
  SizeSeen& seen = sizes_seen_[object];
  const auto larger = [&](std::uint64_t before) {
    return before == kUnseen ? *record.bytes : std::max(before, *record.bytes);
  };
  seen.any = larger(seen.any);
  if (record.status == 200 || record.status == 0) seen.full = larger(seen.full);
  if (seen.first == kUnseen) seen.first = *record.bytes;
  if (record.status == 206 && record.range_last && *record.range_last < kObjectBytesMax) {
    seen.extent = std::max(seen.extent, *record.range_last + 1);
  }
}

std::uint32_t TextLoader::note_extra(const LogRecord& record) {
  Extra extra;
  if (options_.chunk_bytes != 0 && record.status == 206) {
    if (record.range_first && record.range_last && *record.range_first <= *record.range_last) {
      extra.first = *record.range_first;
      extra.last = *record.range_last;
    } else if (record.bytes && *record.bytes > 0) {
      extra.last = *record.bytes - 1;  // most ranges start at the beginning
    }
  }
  if (options_.ttl_from_log && record.ttl_s) {
    constexpr std::int64_t kTtlMax = Trace::kNoTtl - 1;
    extra.ttl_s = static_cast<std::uint32_t>(std::clamp<std::int64_t>(*record.ttl_s, 0, kTtlMax));
  }
  if (options_.with_clients) {
    TraceClient client = parse_client(record.client);
    const auto country = geo::parse_country(record.country);
    if (country) client.country = *country;
    extra.client = clients_.index(client);
    extra.edge = edge_names_.index(record.edge);
  } else if (extra.last == kUnseen && extra.ttl_s == Trace::kNoTtl) {
    return kNoExtra;
  }
  extras_.push_back(extra);
  return static_cast<std::uint32_t>(extras_.size() - 1);
}

std::uint64_t TextLoader::final_size(const SizeSeen& seen) const {
  if (options_.object_size == LoadOptions::ObjectSize::first) return seen.first;
  const std::uint64_t largest = seen.full != kUnseen ? seen.full : seen.any;
  if (options_.chunk_bytes == 0 || largest == kUnseen) return largest;
  // Cut into chunks, an object reaches at least to the end of every range served of it.
  return std::max(largest, seen.extent);
}

void TextLoader::settle_objects() {
  // A log that knows no sizes at all can still be replayed with every object counting 1.
  const bool has_no_sizes = std::all_of(sizes_seen_.begin(), sizes_seen_.end(),
                                        [](const SizeSeen& seen) { return seen.any == kUnseen; });
  if (has_no_sizes && !options_.columns.size.empty() && !sizes_seen_.empty()) {
    throw InputError(fmt::format("--size {}: no line has such a column with a size in it",
                                 fmt::join(options_.columns.size, "+")));
  }
  if (has_no_sizes && options_.unit_size) {
    for (SizeSeen& seen : sizes_seen_) seen = {.full = 1, .any = 1, .first = 1};
  }
  std::uint64_t next = 0;
  renumbered_.reserve(sizes_seen_.size());
  object_sizes_.reserve(sizes_seen_.size());
  for (std::size_t object = 0; object < sizes_seen_.size(); ++object) {
    const std::uint64_t seen = final_size(sizes_seen_[object]);
    renumbered_.push_back(seen == kUnseen ? cache::kNoObject
                                          : static_cast<cache::ObjectIndex>(next));
    object_sizes_.push_back(seen == kUnseen ? 0 : seen);
    if (seen == kUnseen) continue;
    trace_.summary.unique_objects += 1;
    trace_.summary.footprint_bytes += seen;
    const std::uint64_t chunk = options_.chunk_bytes == 0 ? seen : options_.chunk_bytes;
    const std::uint64_t chunks = seen == 0 ? 1 : (seen - 1) / chunk + 1;
    next += chunks;
    if (next >= cache::kNoObject) {
      throw InputError(fmt::format("--chunk {}: the objects make over {} chunks; take larger ones",
                                   options_.chunk_bytes, cache::kNoObject - 1));
    }
    for (std::uint64_t i = 0; i + 1 < chunks; ++i) trace_.sizes_bytes.push_back(chunk);
    if (options_.with_clients) trace_.contents.resize(next, contents_[object]);
    trace_.sizes_bytes.push_back(seen - (chunks - 1) * chunk);
  }
  sizes_seen_ = {};
}

/// Calls visit(row) for every row by time, equal times in input order. In memory that is one stable
/// sort; spooled rows are sorted in runs of the memory budget and merged.
template <class Visit>
void TextLoader::visit_in_order(Visit visit) {
  const std::span<Row> rows = rows_.mutable_view();
  const auto earlier = [](const Row& a, const Row& b) { return a.at_ms < b.at_ms; };
  if (times_.went_back() == 0) {
    for (const Row& row : rows) visit(row);
    return;
  }
  const std::size_t run_rows =
      budget_.spilled ? std::max<std::size_t>(budget_.limit_bytes / 4 / sizeof(Row), 1 << 16)
                      : rows.size();
  // Where each run's next row is, earliest first; equal times by run, which is input order.
  using Head = std::pair<std::int64_t, std::size_t>;
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  for (std::size_t begin = 0; begin < rows.size(); begin += run_rows) {
    const std::span<Row> run = rows.subspan(begin, std::min(run_rows, rows.size() - begin));
    std::stable_sort(run.begin(), run.end(), earlier);
    heads.emplace(run.front().at_ms, begin);
  }
  while (!heads.empty()) {
    std::size_t at = heads.top().second;
    heads.pop();
    const std::size_t end = std::min((at / run_rows + 1) * run_rows, rows.size());
    const Head limit =
        heads.empty() ? Head{std::numeric_limits<std::int64_t>::max(), rows.size()} : heads.top();
    while (at < end && Head{rows[at].at_ms, at} <= limit) visit(rows[at++]);
    if (at < end) heads.emplace(rows[at].at_ms, at);
  }
}

void TextLoader::finish() {
  settle_objects();
  if (options_.ttl_from_log) ttl_s_stated_.resize(renumbered_.size(), Trace::kNoTtl);
  trace_.summary.went_back = times_.went_back();
  write_rows();
  rows_.release();
  extras_.release();
  if (!options_.with_clients) return;
  trace_.requesters.clients = clients_.take();
  trace_.requesters.edge_names = edge_names_.take();
}

void TextLoader::write_rows() {
  const auto no_size = static_cast<std::size_t>(SkipReason::no_size);
  std::int64_t first_ms = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_ms = std::numeric_limits<std::int64_t>::min();
  for (const Row& row : rows_.view()) {
    if (renumbered_[row.object] == cache::kNoObject) continue;
    first_ms = std::min(first_ms, row.at_ms);
    last_ms = std::max(last_ms, row.at_ms);
  }
  const bool is_time = first_ms <= last_ms && !times_.is_numbering();
  if (is_time) {
    trace_.summary.first_at_ms = first_ms;
    trace_.summary.last_at_ms = last_ms;
    trace_.time_unit_ms = time_unit(last_ms - first_ms);
  }
  visit_in_order([&](const Row& row) {
    if (renumbered_[row.object] == cache::kNoObject) {
      ++trace_.summary.skipped[no_size];
      return;
    }
    write_row(row);
  });
  if (!is_time) {
    trace_.times.release();
    trace_.summary.went_back = 0;
  }
}

void TextLoader::write_row(const Row& row) {
  const std::int64_t offset =
      trace_.has_times() ? (row.at_ms - *trace_.summary.first_at_ms) / trace_.time_unit_ms : 0;
  const auto time = static_cast<std::uint32_t>(offset);
  ++trace_.summary.requests;
  if (has_recorded_) trace_.recorded.push_back(row.recorded);
  if (options_.with_clients) {
    const Extra& extra = extras_.view()[row.extra];
    trace_.requesters.client.push_back(extra.client);
    trace_.requesters.edge.push_back(extra.edge);
  }
  if (RecordedResponse::unpacked(row.recorded).cache == CacheStatus::uncacheable) {
    trace_.summary.bytes += object_sizes_[row.object];
    trace_.uncacheable.push_back(
        {.stream_position = trace_.stream.size(),
         .bytes = object_sizes_[row.object],
         .time = time,
         .content = options_.with_clients ? contents_[row.object] : cache::ContentId{}});
    return;
  }
  if (options_.chunk_bytes != 0) trace_.request_starts.push_back(trace_.stream.size());
  write_accesses(row, time);
}

void TextLoader::write_accesses(const Row& row, std::uint32_t time) {
  const Extra extra = row.extra == kNoExtra ? Extra{} : extras_.view()[row.extra];
  const std::uint64_t size = object_sizes_[row.object];
  std::uint64_t first_chunk = 0;
  std::uint64_t last_chunk = 0;
  if (options_.chunk_bytes != 0 && size > 0) {
    first_chunk = std::min(extra.first, size - 1) / options_.chunk_bytes;
    last_chunk = std::min(extra.last, size - 1) / options_.chunk_bytes;
  }
  if (trace_.stream.size() + (last_chunk - first_chunk) >= cache::kNever - 1) {
    throw InputError(fmt::format("more than {} accesses: replay the log in parts{}",
                                 cache::kNever - 1,
                                 options_.chunk_bytes == 0 ? "" : " or with larger chunks"));
  }
  if (options_.ttl_from_log && extra.ttl_s != Trace::kNoTtl) {
    ttl_s_stated_[row.object] = extra.ttl_s;
  }
  for (std::uint64_t chunk = first_chunk; chunk <= last_chunk; ++chunk) {
    const auto access = static_cast<cache::ObjectIndex>(renumbered_[row.object] + chunk);
    trace_.stream.push_back(access);
    trace_.times.push_back(time);
    if (options_.ttl_from_log) trace_.ttl_s.push_back(ttl_s_stated_[row.object]);
    trace_.summary.bytes += trace_.sizes_bytes[access];
  }
}

}  // namespace edgeward::sim
