#include "sim/replay/replay.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <mutex>
#include <span>
#include <thread>

#include "cache/admission/registry.hpp"
#include "cache/eviction/registry.hpp"
#include "sim/replay/fleet_replay.hpp"
#include "sim/replay/tally.hpp"

namespace edgeward::sim {

namespace {

/// Accesses replayed between two looks at the flags: their ids and flags stay in the first-level
/// cache.
constexpr std::uint64_t kBatch = 4096;

std::vector<cache::RequestIndex> next_accesses(const Trace& trace) {
  const std::span<const cache::ObjectIndex> stream = trace.stream.view();
  std::vector<cache::RequestIndex> next(stream.size());
  std::vector<cache::RequestIndex> soonest(trace.sizes_bytes.size(), cache::kNever);
  for (std::size_t i = stream.size(); i-- > 0;) {
    next[i] = soonest[stream[i]];
    soonest[stream[i]] = static_cast<cache::RequestIndex>(i);
  }
  return next;
}

/// Replays one cell; its batches are as long as fits, its end ends the last one.
HitCounts replay_cell(const Trace& trace, const Cell& cell, cache::EvictionPolicy& policy,
                      cache::AdmissionPolicy* admission, Accountant& accountant) {
  std::array<std::uint8_t, kBatch> flags;
  HitCounts counts;
  for (std::uint64_t begin = cell.stream_begin; begin < cell.stream_end; begin += kBatch) {
    const std::uint64_t count = std::min(kBatch, cell.stream_end - begin);
    policy.replay(trace.stream.view().subspan(begin, count), admission, flags.data());
    counts += accountant.count(begin, std::span(flags).first(count));
  }
  return counts;
}

struct Job {
  const Trace& trace;
  const std::vector<Cell>& cells;
  const ReplayOptions& options;
  cache::Future future;
  Tally tally;
};

RunResult run_one(Job& job, const RunSpec& spec) {
  const cache::CacheSpec cache_spec{
      .sizes_bytes = job.trace.sizes_bytes,
      .capacity_bytes = spec.capacity_bytes,
      .seed = job.options.seed,
      .future = cache::policy_kind(spec.policy.name).is_ceiling ? job.future : cache::Future{}};
  const double started = job.options.clock ? job.options.clock() : 0;
  const auto policy = cache::make_policy(spec.policy, cache_spec);
  const auto admission = cache::make_admission(spec.admission, cache_spec);
  Accountant accountant(job.trace, job.options.freshness);

  RunResult result{.spec = spec, .cells = {}, .evictions = 0, .seconds = {}};
  result.cells.reserve(job.cells.size());
  std::uint64_t evictions_before = 0;
  std::uint64_t unreported = 0;
  std::uint64_t unreported_hits = 0;
  for (const Cell& cell : job.cells) {
    if (job.tally.should_stop()) break;
    if (!cell.is_counted) evictions_before = policy->evictions();
    result.cells.push_back(replay_cell(job.trace, cell, *policy, admission.get(), accountant));
    if (!cell.is_counted) evictions_before = policy->evictions();
    unreported += cell.requests;
    unreported_hits += result.cells.back().hits;
    if (unreported < Tally::kRequestsPerReport) continue;
    job.tally.add(unreported, unreported_hits);
    unreported = unreported_hits = 0;
  }
  result.evictions = policy->evictions() - evictions_before;
  if (job.options.clock) result.seconds = job.options.clock() - started;
  if (job.options.check_invariants) policy->check_invariants();
  return result;
}

RunResult run_fleet(Job& job, const RunSpec& spec) {
  const auto steering = make_steering(*spec.routing, *job.options.fleet, job.trace);
  return replay_fleet(job.trace, job.cells, spec, job.options, *steering, job.tally);
}

}  // namespace

std::vector<RunResult> replay(const Trace& trace, const std::vector<Cell>& cells,
                              const std::vector<RunSpec>& runs, const ReplayOptions& options,
                              Progress& progress) {
  const bool needs_future = std::any_of(runs.begin(), runs.end(), [](const RunSpec& run) {
    return cache::policy_kind(run.policy.name).is_ceiling;
  });
  const std::vector<cache::RequestIndex> next =
      needs_future ? next_accesses(trace) : std::vector<cache::RequestIndex>{};
  const std::uint64_t total = runs.size() * trace.summary.requests;
  Job job{.trace = trace,
          .cells = cells,
          .options = options,
          .future = {.requests = trace.stream.view(), .next_access = next},
          .tally = Tally(progress, total)};

  std::vector<RunResult> results(runs.size());
  std::atomic<std::size_t> next_run{0};
  std::mutex failure_mutex;  // guards failure
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next_run++; i < runs.size(); i = next_run++) {
      try {
        results[i] = runs[i].routing ? run_fleet(job, runs[i]) : run_one(job, runs[i]);
      } catch (...) {
        const std::lock_guard lock(failure_mutex);
        failure = std::current_exception();
        next_run = runs.size();
      }
    }
  };
  std::vector<std::jthread> threads;
  const std::size_t count = std::min<std::size_t>(options.threads, runs.size());
  for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  if (failure) std::rethrow_exception(failure);
  return results;
}

}  // namespace edgeward::sim
