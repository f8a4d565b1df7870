#include "sim/report/strategy_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <variant>

#include "cache/ids.hpp"
#include "sim/printable.hpp"
#include "sim/report/figures.hpp"

namespace edgeward::sim {

namespace {

using policy::HitRatioEstimate;
using policy::Strategy;
using policy::StrategyContent;
using policy::StrategyContents;
using policy::StrategyVerdict;

/// A count in front of what is counted.
std::string counted(std::uint64_t number, std::string_view noun) {
  return fmt::format("{} {}{}", thousands(number), noun, number == 1 ? "" : "s");
}

std::uint64_t whole(double number) {
  return static_cast<std::uint64_t>(std::llround(std::max(number, 0.0)));
}

std::string bytes_or_unknown(const std::optional<std::uint64_t>& bytes) {
  return bytes ? human_bytes(*bytes) : "not known";
}

/// "76.00% [75.10%, 77.00%]".
std::string estimate_text(const std::optional<HitRatioEstimate>& estimate) {
  if (!estimate) return "not known";
  if (!estimate->low || !estimate->high) return percent(estimate->expected);
  return fmt::format("{} [{}, {}]", percent(estimate->expected), percent(estimate->low),
                     percent(estimate->high));
}

/// The verdict in words: what was below which threshold.
std::string why(const Strategy& strategy) {
  const policy::StrategyOptions& limits = strategy.options;
  const std::string hits = fmt::format("{} of {} hit", percent(strategy.counts.hit_ratio()),
                                       counted(strategy.counts.requests, "request"));
  const std::string disk = strategy.free_bytes ? fmt::format("{} of the disk are free",
                                                             human_bytes(*strategy.free_bytes))
                                               : "how full the disk is, is not known";
  switch (strategy.verdict) {
    case StrategyVerdict::insufficient_data:
      return fmt::format("{} in the last 24 h, fewer than {}",
                         counted(strategy.counts.requests, "request"),
                         thousands(limits.requests_min));
    case StrategyVerdict::aggressive_prefetch:
      return fmt::format("{} in the last 24 h, below {}", hits, percent(limits.hit_ratio_min));
    case StrategyVerdict::intelligent_eviction:
      return fmt::format("{} in the last 24 h, but {}, less than {}", hits, disk,
                         human_bytes(limits.free_bytes_min));
    default:
      return fmt::format("{} in the last 24 h, and {}", hits, disk);
  }
}

/// The sentences of one action, and the contents that it names.
class ActionText {
 public:
  ActionText(const Strategy& strategy, const StrategyTextOptions& options, std::string& out)
      : strategy_(strategy), options_(options), out_(out) {}

  void operator()(const policy::PrecacheMissed& action) const {
    const StrategyContents& contents = action.contents;
    add("Cache ahead {} that were missed {} times or more: {} to fetch, {} less from the origin.\n",
        counted(contents.list.size(), "content"), strategy_.options.misses_min,
        human_bytes(contents.fetch_bytes()), human_bytes(whole(contents.saved_bytes)));
    add_left_out(contents);
    add("     Had all of them been there, the hit ratio would have been {} at most.\n",
        percent(action.hit_ratio_most));
    add_expected(action.hit_ratio);
    add_list(contents, "missed {} times");
  }
  void operator()(const policy::GrowCapacity& action) const {
    if (!action.bytes) {
      add("Let the cache use more of the disk: how much is free is not known.\n");
    } else if (*action.bytes == 0) {
      add("Let the cache use more disk: this one has none left, the cache stays at {}.\n",
          human_bytes(action.capacity_bytes));
    } else {
      add("Let the cache use {} more of the disk, {} in all.\n", human_bytes(*action.bytes),
          human_bytes(action.capacity_bytes));
    }
    add_expected(action.hit_ratio);
  }
  void operator()(const policy::PrefetchExpected& action) const {
    const StrategyContents& contents = action.contents;
    add("Fetch ahead what the forecast expects: {}, {}, for {}, {} less from the origin.\n",
        counted(contents.list.size(), "content"), human_bytes(contents.bytes),
        counted(whole(contents.requests), "request"), human_bytes(whole(contents.saved_bytes)));
    add_left_out(contents);
    add_expected(action.hit_ratio);
    add_list(contents, "{} requests expected");
  }
  void operator()(const policy::WeightEviction& action) const {
    add("Evict by how recent and how popular a content is: policy {}.\n", action.kPolicy);
    add_expected(action.hit_ratio);
  }
  void operator()(const policy::EvictUnlikely& action) const {
    const StrategyContents& contents = action.contents;
    add("Drop {} that {} asked for with a probability below {}: frees {}, may cost {:.3g} hits.\n",
        counted(contents.list.size(), "content"), contents.list.size() == 1 ? "is" : "are",
        percent(strategy_.options.probability_min), human_bytes(contents.bytes), contents.requests);
    add_expected(action.hit_ratio);
    add_list(contents, "");
  }
  void operator()(const policy::PackOld& action) const {
    if (!action.packing_frees_bytes) {
      add("Pack or compress what is old: how old contents are is not known.\n");
      return;
    }
    add("Pack or compress {} of {} not asked for in {:.0f} days: packing frees {}, compressing "
        "{}.\n",
        counted(action.contents.list.size(), "content"), human_bytes(action.contents.bytes),
        strategy_.options.idle_s_min / 86'400, bytes_or_unknown(action.packing_frees_bytes),
        bytes_or_unknown(action.compressing_frees_bytes));
    add_list(action.contents, "");
  }
  void operator()(const policy::ContinueAsIs& action) const {
    add("Go on as it is.\n");
    add_expected(action.hit_ratio);
  }
  void operator()(const policy::WatchSeason& action) const {
    if (!action.expected) {
      add("Watch whether demand changes with the season: there is no forecast yet.\n");
      return;
    }
    add("Watch whether demand changes with the season: {}, {} expected next [{}, {}].\n",
        counted(action.requests, "request"), thousands(whole(action.expected->expected)),
        thousands(whole(action.expected->low)), thousands(whole(action.expected->high)));
  }
  void operator()(const policy::TunePrefetch& action) const {
    if (!action.prefetch_bytes || !action.used_bytes) {
      add("Tune what is fetched ahead: nobody told how much of it was asked for.\n");
      return;
    }
    add("Tune what is fetched ahead: of {}, {} were asked for.\n",
        human_bytes(*action.prefetch_bytes), human_bytes(*action.used_bytes));
  }

 private:
  template <class... Values>
  void add(fmt::format_string<Values...> text, Values&&... values) const {
    fmt::format_to(std::back_inserter(out_), text, std::forward<Values>(values)...);
  }
  void add_expected(const std::optional<HitRatioEstimate>& estimate) const {
    add("     Expected hit ratio: {}.\n", estimate_text(estimate));
  }
  void add_left_out(const StrategyContents& contents) const {
    if (contents.left_out == 0) return;
    add("     {} of {} left out: they do not fit the cache, or nobody knows their size.\n",
        counted(contents.left_out, "content"), human_bytes(contents.left_out_bytes));
  }
  /// `count` says what their number of requests is.
  void add_list(const StrategyContents& contents, std::string_view count) const {
    const std::size_t shown = std::min(contents.list.size(), options_.contents_max);
    for (std::size_t i = 0; i < shown; ++i) {
      const StrategyContent& content = contents.list[i];
      std::string key = options_.key_of ? options_.key_of(content.content) : std::string();
      if (key.empty()) key = "id " + cache::to_hex(content.content);
      add("       {:>10}  {}", human_bytes(content.size_bytes), printable(key));
      if (!count.empty()) {
        out_ += "  ";
        out_ += fmt::format(fmt::runtime(count), thousands(whole(content.requests)));
      }
      out_ += '\n';
    }
    if (shown > 0 && shown < contents.list.size()) {
      add("       … and {} more\n", thousands(contents.list.size() - shown));
    }
  }

  const Strategy& strategy_;
  const StrategyTextOptions& options_;
  std::string& out_;
};

std::string points(const std::optional<double>& difference) {
  return difference ? fmt::format("{:+.2f} pp", *difference * 100) : "-";
}

std::string canary_text(const policy::CanaryComparison& canary) {
  std::string text =
      fmt::format("canary: {} against {} others, {} pp beyond what the others changed",
                  counted(canary.edges, "edge"), thousands(canary.rest),
                  fmt::format("{:+.2f}", canary.effect * 100));
  if (canary.low && canary.high) {
    text += fmt::format(" [{:+.2f}, {:+.2f}], by {}", *canary.low * 100, *canary.high * 100,
                        name(canary.basis));
  }
  return text + fmt::format(": {}\n", name(canary.verdict));
}

}  // namespace

std::string strategy_text(std::string_view edge, const Strategy& strategy,
                          const StrategyTextOptions& options) {
  std::string text =
      fmt::format("{}: {}: {}.\n", printable(edge), name(strategy.verdict), why(strategy));
  std::size_t number = 0;
  for (const policy::StrategyAction& action : strategy.actions) {
    text += fmt::format("  {}. ", ++number);
    std::visit(ActionText(strategy, options, text), action);
  }
  if (strategy.changed) {
    text += fmt::format("  All together, expected hit ratio: {}", estimate_text(strategy.changed));
    text += strategy.unchanged
                ? fmt::format("; without any change {}.\n", estimate_text(strategy.unchanged))
                : ".\n";
  }
  return text;
}

std::string optimization_text(const policy::Optimization& optimization) {
  std::size_t width = 4;
  for (const policy::OptimizedEdge& edge : optimization.edges) {
    width = std::max(width, printable(edge.edge).size());
  }
  std::string text = fmt::format("{:{}}  {:20}  {:>8}  {:>8}  {:>11}  {}\n", "edge", width,
                                 "strategy", "before", "after", "improvement", "predicted");
  for (const policy::OptimizedEdge& edge : optimization.edges) {
    text += fmt::format("{:{}}  {:20}  {:>8}  {:>8}  {:>11}  {}\n", printable(edge.edge), width,
                        name(edge.strategy), percent(edge.baseline.hit_ratio()),
                        percent(edge.later.hit_ratio()), points(edge.improvement()),
                        edge.is_applied ? estimate_text(edge.predicted) : "not applied");
  }
  text += fmt::format("{} optimized, on average {}, weighed by requests {}\n",
                      counted(optimization.edges_optimized, "edge"),
                      points(optimization.average_improvement),
                      points(optimization.average_improvement_weighted));
  if (optimization.canary) text += canary_text(*optimization.canary);
  return text;
}

}  // namespace edgeward::sim
