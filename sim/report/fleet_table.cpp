#include "sim/report/fleet_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "sim/printable.hpp"
#include "sim/report/figures.hpp"

namespace edgeward::sim {

namespace {

using Rows = std::vector<const ReportedRun*>;

/// Edges that tables show; the busiest, the rest are in the JSON.
constexpr std::size_t kEdgesShown = 24;
constexpr std::size_t kNameWidth = 28;
constexpr std::size_t kRunWidth = 20;

std::string line(const std::string& first, const std::vector<std::string>& cells,
                 const std::vector<std::size_t>& widths) {
  std::string text = fmt::format("  {:<{}}", first, kNameWidth);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    text += fmt::format("{:>{}}", cells[i], widths[i % widths.size()]);
  }
  while (text.ends_with(' ')) text.pop_back();
  return text + '\n';
}

std::string run_name(const ReportedRun& run, bool with_policy) {
  std::string text(name(*run.routing));
  if (run.planning != Planning::none) text += fmt::format(" {}", name(run.planning));
  if (!with_policy) return text;
  const cache::NamedSettings policy{.name = run.policy, .settings = run.parameters};
  text += ' ' + policy.text();
  return run.admission == "none" ? text : text + " + " + run.admission;
}

/// Whether the rows differ in more than their routing.
bool policies_differ(const Rows& rows) {
  return std::any_of(rows.begin(), rows.end(), [&](const ReportedRun* row) {
    return row->policy != rows.front()->policy || row->parameters != rows.front()->parameters ||
           row->admission != rows.front()->admission;
  });
}

std::string milliseconds(const std::optional<double>& ms) {
  return ms ? fmt::format("{:.1f} ms", *ms) : "-";
}

/// Marks the least of a measure.
std::string marked(const Rows& rows, const ReportedRun& run, bool is_partial, std::string text,
                   const std::function<double(const ReportedRun&)>& cost) {
  const bool is_best = !is_partial && rows.size() > 1 &&
                       std::all_of(rows.begin(), rows.end(), [&](const ReportedRun* other) {
                         return cost(run) <= cost(*other);
                       });
  return text + (is_best ? " *" : "  ");
}

std::string runs_part(const Report& report, const Rows& rows, const TableStyle& style) {
  static const std::vector<std::size_t> widths{12, 12, 14, 13, 12, 12, 11, 11, 34, 9};
  const auto ratio = [](const ReportedRun& run) { return -run.hit_ratio().value_or(0); };
  const auto bytes = [](const ReportedRun& run) { return -run.byte_hit_ratio().value_or(0); };
  const auto origin = [](const ReportedRun& run) {
    return static_cast<double>(run.origin_bytes());
  };
  const auto mean = [](const ReportedRun& run) { return run.fleet->latency.mean_ms().value_or(0); };
  std::string text = line("routing",
                          {"hit ratio  ", "byte hits  ", "origin  ", "edge to edge", "latency  ",
                           "p95", "km", "overload", "change in hit ratio (95%)", "req/s"},
                          widths);
  if (style.colour) text = "\x1B[1m" + text + "\x1B[0m";
  for (const ReportedRun* row : rows) {
    EdgeCounts sum;
    for (const EdgeCounts& edge : row->fleet->edges) sum += edge;
    const double km = static_cast<double>(sum.distance_m) / 1000 /
                      static_cast<double>(std::max<std::uint64_t>(sum.requests, 1));
    const bool is_partial = report.partial;
    text += line(
        run_name(*row, policies_differ(rows)),
        {marked(rows, *row, is_partial, percent(row->hit_ratio()), ratio),
         marked(rows, *row, is_partial, percent(row->byte_hit_ratio()), bytes),
         marked(rows, *row, is_partial, human_bytes(row->origin_bytes()), origin),
         human_bytes(row->counts.peer_bytes),
         marked(rows, *row, is_partial, milliseconds(row->fleet->latency.mean_ms()), mean),
         milliseconds(row->fleet->latency.quantile_ms(0.95)), fmt::format("{:.0f}", km),
         thousands(sum.overload_requests), change_text(*row),
         row->requests_per_second ? fmt::format("{:.1f} M", *row->requests_per_second / 1e6) : "-"},
        widths);
  }
  for (const ReportedRun* row : rows) {
    if (row->fleet->unrouted == 0) continue;
    text += fmt::format("  {}: {} of {} requests got no edge: no hits, no latency\n",
                        run_name(*row, policies_differ(rows)), thousands(row->fleet->unrouted),
                        thousands(row->requests));
  }
  return text;
}

bool differs_in_plans_alone(const ReportedRun& a, const ReportedRun& b) {
  return a.policy == b.policy && a.parameters == b.parameters && a.admission == b.admission &&
         a.routing == b.routing && a.planning != b.planning;
}

/// "5.7 -> 4.7 Mbit/s (-17.9%)".
std::string peak_text(const std::optional<double>& before, const std::optional<double>& after) {
  if (!before || !after || *before <= 0) return bits_per_second(after);
  return fmt::format("{} -> {} ({:+.1f}%)", bits_per_second(before), bits_per_second(after),
                     100 * (*after / *before - 1));
}

/// What plans fetched and what came of it; beside the same run without them, where there is one.
std::string plans_part(const Rows& rows) {
  std::string text;
  for (const ReportedRun* row : rows) {
    if (row->planning == Planning::none) continue;
    const HitCounts& counts = row->counts;
    const std::optional<double> used =
        counts.prefetch_bytes == 0 ? std::nullopt
                                   : std::optional(static_cast<double>(counts.prefetch_used_bytes) /
                                                   static_cast<double>(counts.prefetch_bytes));
    const auto plain = std::find_if(rows.begin(), rows.end(), [&](const ReportedRun* other) {
      return other->planning == Planning::none && differs_in_plans_alone(*other, *row);
    });
    text += fmt::format("  {}: fetched ahead {}, of which {} was asked for", run_name(*row, true),
                        human_bytes(counts.prefetch_bytes), percent(used));
    if (plain != rows.end() && row->origin_peak_bps) {
      text += fmt::format("; origin peak {}, 95th percentile {}",
                          peak_text((*plain)->origin_peak_bps, row->origin_peak_bps),
                          peak_text((*plain)->origin_p95_bps, row->origin_p95_bps));
    }
    text += '\n';
  }
  return text;
}

/// Edges by what they did in all runs, busiest first, and then in the fleet's order.
std::vector<std::size_t> shown_edges(const Report& report, const Rows& rows) {
  std::vector<std::uint64_t> work(report.fleet->edges.size());
  for (const ReportedRun* row : rows) {
    for (std::size_t at = 0; at < work.size(); ++at) {
      work[at] += row->fleet->edges[at].requests + row->fleet->edges[at].fetches;
    }
  }
  std::vector<std::size_t> order(work.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return work[a] > work[b]; });
  while (!order.empty() && work[order.back()] == 0) order.pop_back();
  order.resize(std::min(order.size(), kEdgesShown));
  std::sort(order.begin(), order.end());
  return order;
}

std::string edge_cell(const EdgeCounts& edge) {
  const bool is_asked_by_edges = edge.fetches > 0 && edge.requests == 0;
  const std::uint64_t count = is_asked_by_edges ? edge.fetches : edge.requests;
  if (count == 0) return "-  ";
  const std::uint64_t hits = is_asked_by_edges ? edge.fetch_hits : edge.hits;
  const double ratio = static_cast<double>(hits) / static_cast<double>(count);
  return fmt::format("{} {:>7}{}", thousands(count), percent(ratio),
                     edge.overload_requests > 0 ? " !" : "  ");
}

std::string edges_part(const Report& report, const Rows& rows) {
  const std::vector<std::size_t> shown = shown_edges(report, rows);
  std::vector<std::string> cells;
  bool has_overload = false;
  for (const ReportedRun* row : rows) cells.push_back(run_name(*row, policies_differ(rows)) + "  ");
  std::string text = '\n' + line("edge: requests, hit ratio", cells, {kRunWidth});
  for (const std::size_t at : shown) {
    cells.clear();
    for (const ReportedRun* row : rows) {
      cells.push_back(edge_cell(row->fleet->edges[at]));
      has_overload = has_overload || row->fleet->edges[at].overload_requests > 0;
    }
    const cache::Edge& edge = report.fleet->edges[at];
    text += line(printable(edge.name) + (edge.is_shield ? " (shield)" : ""), cells, {kRunWidth});
  }
  if (shown.size() == kEdgesShown) text += "  … the busiest; --json has all\n";
  if (has_overload) text += "  ! at or over its max_load at times\n";
  return text;
}

std::string failure_part(const Report& report, const Rows& rows, std::size_t failure) {
  const EdgeFailure& failed = rows.front()->fleet->failures[failure].failure;
  const std::vector<cache::Edge>& edges = report.fleet->edges;
  std::vector<std::string> cells;
  for (const ReportedRun* row : rows) cells.push_back(run_name(*row, policies_differ(rows)) + "  ");
  std::string text = fmt::format("\n  {} down for {} s: requests in as long before, and then\n",
                                 printable(edges[cache::index(failed.edge)].name),
                                 (failed.until_ms - failed.from_ms) / 1000);
  text += line("edge", cells, {kRunWidth});
  for (std::size_t at = 0; at <= edges.size(); ++at) {
    cells.clear();
    bool has_any = false;
    for (const ReportedRun* row : rows) {
      const FailureCounts& counts = row->fleet->failures[failure];
      has_any = has_any || counts.before[at] + counts.during[at] > 0;
      cells.push_back(
          fmt::format("{} > {}  ", thousands(counts.before[at]), thousands(counts.during[at])));
    }
    if (!has_any) continue;
    text += line(at == edges.size() ? "no edge" : printable(edges[at].name), cells, {kRunWidth});
  }
  return text;
}

}  // namespace

std::string fleet_table(const Report& report, const std::vector<const ReportedRun*>& rows,
                        const TableStyle& style) {
  std::string text = runs_part(report, rows, style) + plans_part(rows) + edges_part(report, rows);
  for (std::size_t i = 0; i < rows.front()->fleet->failures.size(); ++i) {
    text += failure_part(report, rows, i);
  }
  return text;
}

}  // namespace edgeward::sim
