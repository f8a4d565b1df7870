#include "sim/trace/load.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "sim/input/byte_source.hpp"
#include "sim/printable.hpp"
#include "sim/trace/binary_loader.hpp"
#include "sim/trace/text_loader.hpp"

namespace edgeward::sim {

namespace {

constexpr std::string_view kBinaryFormat = "oracle_general";
/// Lines that detection looks at.
constexpr std::size_t kLinesLookedAt = 50;

std::vector<std::string_view> first_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty() && lines.size() < kLinesLookedAt) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string format_names() {
  std::string names;
  for (const LogFormat& format : log_formats()) names += fmt::format("{}, ", format.name);
  names += kBinaryFormat;
  return names;
}

bool is_only_remarks(const std::vector<std::string_view>& lines) {
  return std::all_of(lines.begin(), lines.end(), [](std::string_view line) {
    return line.find_first_not_of(" \t") == std::string_view::npos || line.front() == '#';
  });
}

[[noreturn]] void fail_to_detect(const std::string& path,
                                 const std::vector<std::string_view>& lines) {
  const std::string_view line = lines.front();
  if (line.starts_with("\xFF\xFE") || line.starts_with("\xFE\xFF")) {
    throw InputError(
        fmt::format("{}: is UTF-16; convert it, for example with iconv -f UTF-16 -t "
                    "UTF-8",
                    path));
  }
  constexpr std::size_t kQuoted = 60;
  throw InputError(fmt::format("{}: cannot tell the log format of '{}'; name it with --format: {}",
                               path, printable(line.substr(0, kQuoted)), format_names()));
}

/// The text format of an input, or null for the binary one.
const LogFormat* choose_format(const LoadOptions& options, const std::string& path,
                               std::string_view first, Progress& progress) {
  if (options.format == kBinaryFormat) return nullptr;
  if (options.format != "auto") return find_log_format(options.format);
  if (BinaryLoader::recognises(first)) {
    progress.note(fmt::format("{}: read as {}", path, kBinaryFormat));
    return nullptr;
  }
  const auto lines = first_lines(first);
  // Any format will do to count blank lines and comments.
  if (is_only_remarks(lines)) return find_log_format("combined");
  const LogFormat* const format = detect_log_format(lines, options.columns);
  if (format == nullptr) fail_to_detect(path, lines);
  progress.note(fmt::format("{}: read as {}", path, format->name));
  return format;
}

/// Binary records have no ranges and no lifetimes.
void check_binary(const LoadOptions& options, const std::string& path) {
  if (options.chunk_bytes == 0 && !options.ttl_from_log) return;
  throw InputError(fmt::format("{}: {} needs a text log; this is a binary trace", path,
                               options.chunk_bytes != 0 ? "--chunk" : "--ttl log"));
}

/// Columns can only be chosen where lines have names or numbers for them.
void check_columns(const LoadOptions& options, const std::string& path, const LogFormat* format) {
  const ColumnChoice& columns = options.columns;
  const bool are_chosen = !columns.time.empty() || !columns.client.empty() ||
                          !columns.key.empty() || !columns.size.empty();
  const std::string_view name = format == nullptr ? kBinaryFormat : format->name;
  if (are_chosen && name != "csv" && name != "ndjson" && !name.starts_with("cloudfront")) {
    throw InputError(
        fmt::format("{}: --time, --client, --key-columns and --size choose columns of "
                    "csv, ndjson and cloudfront logs; this one is {}",
                    path, name));
  }
}

void make_unit_sized(Trace& trace) {
  std::fill(trace.sizes_bytes.begin(), trace.sizes_bytes.end(), 1);
  for (UncacheableRequest& request : trace.uncacheable) request.bytes = 1;
  trace.summary.footprint_bytes = trace.sizes_bytes.size();
  trace.summary.bytes = trace.stream.size() + trace.uncacheable.size();
}

}  // namespace

Trace load_trace(const LoadOptions& options, MemoryBudget& budget, Progress& progress) {
  if (options.format != "auto" && options.format != kBinaryFormat &&
      find_log_format(options.format) == nullptr) {
    throw InputError(
        fmt::format("unknown format '{}'; there is: auto, {}", options.format, format_names()));
  }
  Trace trace(budget);
  std::optional<TextLoader> text;
  std::optional<BinaryLoader> binary;
  const auto read = [&](const std::string& path) {
    PeekedSource source(open_input(path));
    if (source.first_bytes().empty()) {
      progress.note(fmt::format("{}: empty", path));
      return;
    }
    const LogFormat* const format = choose_format(options, path, source.first_bytes(), progress);
    if (format == nullptr ? text.has_value() : binary.has_value()) {
      throw InputError(
          fmt::format("{}: text logs and binary traces cannot be replayed together", path));
    }
    check_columns(options, path, format);
    if (format == nullptr) {
      check_binary(options, path);
      if (!binary) binary.emplace(trace, options.with_clients, progress);
      binary->append(source, path);
    } else {
      if (!text) text.emplace(trace, options, budget, progress);
      text->append(source, path, *format);
    }
  };
  try {
    for (const std::string& path : options.inputs) {
      if (trace.summary.partial) break;
      read(path);
    }
  } catch (const InputInterrupted&) {
    trace.summary.partial = true;
  }
  trace.summary.partial = trace.summary.partial || progress.should_stop();
  if (text) text->finish();
  if (binary) binary->finish();
  if (!text && !binary) trace.summary.lines = 0;
  if (options.unit_size) make_unit_sized(trace);
  return trace;
}

}  // namespace edgeward::sim
