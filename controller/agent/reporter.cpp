#include "controller/agent/reporter.hpp"

#include <algorithm>
#include <vector>

#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// A report is forgotten when so many that should have followed did not come.
constexpr std::int64_t kReportsMissedMax = 15;

}  // namespace

Reporter::Reporter(Tasks& tasks, Holdings& holdings, const cache::Edge& edge,
                   const AgentOptions& options, const Log& log)
    : tasks_(tasks),
      holdings_(holdings),
      edge_(edge),
      options_(options),
      log_(log),
      // Larger than those of a run before.
      seq_(static_cast<std::uint64_t>(std::max<std::int64_t>(wall_ms(), 0))),
      told_(tasks.context()) {}

void Reporter::note(cache::EdgeRequest request) {
  ++requests_;
  hits_ += request.is_hit ? 1 : 0;
  if (waiting_.size() == kWaitingMax) {
    waiting_.pop_front();
    ++lost_;
  }
  waiting_.push_back(std::move(request));
}

void Reporter::run(Tasks::Yield yield) {
  double last_s = steady_seconds();
  do {
    const double now_s = steady_seconds();
    is_telling_ = true;
    tell_state(cache::EdgeMode::ready, now_s - last_s, yield);
    last_s = now_s;
    tell_requests(yield);
    is_telling_ = false;
    told_.notify();
  } while (!is_finishing_ && tasks_.sleep(options_.report_interval_ms, yield) && !is_finishing_);
}

void Reporter::finish(Tasks::Yield yield) {
  is_finishing_ = true;
  while (is_telling_) told_.wait(yield);
  tell_requests(yield);
  tell_state(cache::EdgeMode::drain, 1, yield);
}

void Reporter::tell_state(cache::EdgeMode mode, double seconds, Tasks::Yield yield) {
  const double span_s = std::max(seconds, 1e-3);
  const auto requests = static_cast<double>(requests_ - told_requests_);
  const auto bits = 8 * static_cast<double>(sent_bytes_ - told_bytes_);
  told_requests_ = requests_;
  told_bytes_ = sent_bytes_;
  const cache::EdgeReport report{.seq = ++seq_,
                                 .at_ms = wall_ms(),
                                 .load_ratio = requests / span_s / edge_.requests_per_second_max,
                                 .bandwidth_used_bps = static_cast<std::uint64_t>(bits / span_s),
                                 .capacity_bytes = holdings_.capacity_bytes(),
                                 .used_bytes = holdings_.index().used_bytes(),
                                 .mode = mode};
  const std::int64_t ttl_ms = kReportsMissedMax * options_.report_interval_ms;
  const auto told = holdings_.store().run(
      [report, ttl_ms](cache::AgentStore& store) { return store.report(report, ttl_ms); }, yield);
  if (!told && !is_away_) {
    log_.write({.level = LogLevel::warning,
                .message = "the store does not take reports: clients are served from the origin",
                .fields = {{"fault", std::string(name(told.error().fault))},
                           {"error", told.error().message}}});
  }
  if (told && is_away_) log_.write({.message = "the store takes reports again"});
  is_away_ = !told;
}

void Reporter::tell_requests(Tasks::Yield yield) {
  while (!waiting_.empty()) {
    const std::size_t count = std::min(waiting_.size(), cache::kRequestsAnEntryMax);
    const std::uint64_t lost_before = lost_;
    std::vector<cache::EdgeRequest> entry(waiting_.begin(),
                                          waiting_.begin() + static_cast<std::ptrdiff_t>(count));
    const auto told = holdings_.store().run(
        [entry = std::move(entry)](cache::AgentStore& store) {
          return store.append_requests(entry);
        },
        yield);
    if (!told) return;
    // Those that were forgotten meanwhile were told all the same.
    const std::uint64_t forgotten = std::min<std::uint64_t>(lost_ - lost_before, count);
    lost_ -= forgotten;
    waiting_.erase(waiting_.begin(),
                   waiting_.begin() + static_cast<std::ptrdiff_t>(count - forgotten));
  }
}

}  // namespace edgeward::controller
