// A whole input file, as a user would name it: decompression, format detection, text or binary
// loading, then one small replay. The first byte picks options, the rest is the file.

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string>

#include "sim/input/byte_source.hpp"
#include "sim/printable.hpp"
#include "sim/replay/replay.hpp"
#include "sim/report/report.hpp"
#include "sim/report/writers.hpp"
#include "sim/trace/load.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using fuzz::require;

/// Stops a job that goes on for too long: a few bytes of zstd can hold hundreds of megabytes.
class Patience final : public sim::Progress {
 public:
  void report(const sim::ProgressReport&) override { ++reports_; }
  [[nodiscard]] bool should_stop() const override { return reports_ > 50; }
  void note(std::string_view message) override { (void)sim::printable(message); }

 private:
  int reports_ = 0;
};

void check_trace(const sim::Trace& trace) {
  const sim::TraceSummary& summary = trace.summary;
  std::uint64_t lines = summary.requests;
  lines = std::accumulate(summary.skipped.begin(), summary.skipped.end(), lines);
  require(!summary.lines || *summary.lines == lines, "lines = requests + skipped");
  require(trace.times.size() == (trace.has_times() ? trace.stream.size() : 0), "a time each");
  for (const cache::ObjectIndex object : trace.stream.view()) {
    require(object < trace.sizes_bytes.size(), "every access has a size");
  }
}

void replay_and_report(const sim::Trace& trace, const sim::Freshness& freshness) {
  const auto cells = sim::make_cells(trace, {.requests_ratio = 0.1});
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  for (const sim::Cell& cell : cells) {
    requests += cell.requests;
    bytes += cell.bytes;
  }
  require(requests == trace.summary.requests, "cells hold all requests");
  require(bytes == trace.summary.bytes, "cells hold all bytes");
  const sim::ReplayOptions options{.freshness = trace.has_times() ? freshness : sim::Freshness{},
                                   .check_invariants = true};
  Patience progress;
  const sim::RunSpec run{.policy = {.name = "lru"}, .capacity_bytes = 10'000};
  const auto results = sim::replay(trace, cells, {run}, options, progress);
  sim::ReportOptions report_options;
  report_options.capacity_texts = {"10000"};
  const sim::Report report = sim::make_report(trace, cells, results, report_options);
  require(!sim::report_json(report).empty(), "JSON");
  for (const char c : sim::report_table(report)) {
    require(c == '\n' || static_cast<unsigned char>(c) >= 0x20, "no control characters");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const unsigned variant = data[0];
  const int file = memfd_create("input", MFD_CLOEXEC);
  require(file >= 0, "memfd_create");
  require(write(file, data + 1, size - 1) == static_cast<ssize_t>(size - 1), "write");

  sim::LoadOptions options;
  options.inputs = {"/proc/self/fd/" + std::to_string(file)};
  if ((variant & 1U) != 0) options.format = "oracle_general";
  if ((variant & 2U) != 0) options.inputs.push_back(options.inputs.front());
  if ((variant & 4U) != 0) options.chunk_bytes = 1U << 16;
  if ((variant & 8U) != 0) options.object_size = sim::LoadOptions::ObjectSize::first;
  options.unit_size = (variant & 16U) != 0 && options.chunk_bytes == 0;
  options.ttl_from_log = (variant & 32U) != 0;
  sim::MemoryBudget budget{.limit_bytes = (variant & 64U) != 0 ? 1U << 20 : 1U << 30};
  sim::Freshness freshness;
  if ((variant & 128U) != 0) {
    freshness = {.source = sim::Freshness::Source::fixed, .ttl_ms = 60'000};
  } else if (options.ttl_from_log) {
    freshness.source = sim::Freshness::Source::log;
  }
  Patience progress;
  try {
    const sim::Trace trace = sim::load_trace(options, budget, progress);
    check_trace(trace);
    replay_and_report(trace, freshness);
  } catch (const sim::InputError&) {
  }
  close(file);
  return 0;
}
