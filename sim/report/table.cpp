#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <optional>
#include <vector>

#include "cache/parameters.hpp"
#include "sim/report/figures.hpp"
#include "sim/report/fleet_table.hpp"
#include "sim/report/writers.hpp"

namespace edgeward::sim {

namespace {

constexpr std::string_view kBold = "\x1B[1m";
constexpr std::string_view kDim = "\x1B[2m";
constexpr std::string_view kReset = "\x1B[0m";

std::string at_text(std::int64_t at_ms) {
  const auto seconds = static_cast<std::time_t>(at_ms / 1000);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr) return fmt::format("{} s", seconds);
  return fmt::format("{:%Y-%m-%d %H:%M}", parts);
}

/// Rows of one capacity, in which the best are marked.
using Rows = std::vector<const ReportedRun*>;

/// Ceilings and the log's own cache do not compete; nor does what counted nothing.
bool is_rival(const ReportedRun& run) {
  return !run.is_ceiling && run.policy != "recorded" && run.requests > 0;
}

/// The best value of a measure among the real policies of some rows.
std::optional<double> best_of(const Rows& rows,
                              const std::function<std::optional<double>(const ReportedRun&)>& of) {
  std::optional<double> best;
  for (const ReportedRun* row : rows) {
    if (!is_rival(*row)) continue;
    const auto value = of(*row);
    if (value && (!best || *value > *best)) best = value;
  }
  return best;
}

class Table {
 public:
  explicit Table(const TableStyle& style) : style_(style) {}

  void header() {
    row({"policy", "hit ratio  ", "byte hits  ", "origin  ", "origin peak  ",
         "change in hit ratio (95%)", "req/s"},
        style_.colour ? kBold : "");
  }

  void run(const ReportedRun& run, const Rows& rivals) {
    const bool may_win = rivals.size() > 1 && is_rival(run);
    const auto mark = [&](const auto& of) {
      const auto value = of(run);
      return may_win && value && value == best_of(rivals, of) ? " *" : "  ";
    };
    const auto hit_ratio = [](const ReportedRun& r) { return r.hit_ratio(); };
    const auto byte_hit_ratio = [](const ReportedRun& r) { return r.byte_hit_ratio(); };
    const auto origin = [](const ReportedRun& r) {
      return std::optional<double>(-static_cast<double>(r.origin_bytes()));
    };
    const auto peak = [](const ReportedRun& r) -> std::optional<double> {
      if (!r.origin_peak_bps) return std::nullopt;
      return -*r.origin_peak_bps;
    };
    const cache::NamedSettings policy{.name = run.policy, .settings = run.parameters};
    row({policy.text() + (run.admission == "none" ? "" : " + " + run.admission),
         percent(run.hit_ratio()) + mark(hit_ratio),
         percent(run.byte_hit_ratio()) + mark(byte_hit_ratio),
         human_bytes(run.origin_bytes()) + mark(origin),
         bits_per_second(run.origin_peak_bps) + mark(peak), change_text(run),
         run.requests_per_second ? fmt::format("{:.1f} M", *run.requests_per_second / 1e6) : "-"},
        run.is_ceiling && style_.colour ? kDim : "");
  }

  void heading(std::string_view text) { out_ += fmt::format("\n{}\n", text); }
  void lines(std::string_view text) { out_ += text; }
  void line(std::string_view text) { out_ += fmt::format("{}\n", text); }

  [[nodiscard]] std::string text() && { return std::move(out_); }

 private:
  static constexpr std::array<int, 7> kWidths{30, 12, 12, 14, 16, 34, 10};

  void row(const std::array<std::string, 7>& cells, std::string_view style) {
    std::string line = fmt::format("  {:<{}}", cells[0], kWidths[0]);
    for (std::size_t i = 1; i < cells.size(); ++i) {
      line += fmt::format("{:>{}}", cells[i], kWidths[i]);
    }
    while (line.ends_with(' ')) line.pop_back();
    out_ += fmt::format("{}{}{}\n", style, line, style.empty() ? "" : kReset);
  }

  TableStyle style_;
  std::string out_;
};

void write_trace(const TraceSummary& trace, Table& table) {
  std::string line =
      fmt::format("{} requests for {} objects, footprint {}", thousands(trace.requests),
                  thousands(trace.unique_objects), human_bytes(trace.footprint_bytes));
  if (trace.first_at_ms) {
    line += fmt::format(", {} to {} UTC", at_text(*trace.first_at_ms), at_text(*trace.last_at_ms));
  }
  table.line(line);
  std::string skipped;
  for (std::size_t i = 0; i < kSkipReasons; ++i) {
    if (trace.skipped[i] == 0) continue;
    skipped += fmt::format("{}{} {}", skipped.empty() ? "" : ", ", thousands(trace.skipped[i]),
                           name(static_cast<SkipReason>(i)));
  }
  if (!skipped.empty()) table.line(fmt::format("skipped: {}", skipped));
  if (trace.went_back > 0) {
    table.line(fmt::format("{} requests went back in time and were put in order",
                           thousands(trace.went_back)));
  }
}

/// In an interrupted replay runs went unequally far: none is best.
void write_group(const Rows& rows, std::string_view title, const Report& report,
                 const TableStyle& style, Table& table) {
  const Rows rivals = report.partial ? Rows{} : rows;
  table.heading(title);
  if (rows.front()->routing) {
    table.lines(fleet_table(report, rows, style));
    return;
  }
  table.header();
  for (const ReportedRun* row : rows) {
    if (!row->is_ceiling) table.run(*row, rivals);
  }
  if (std::none_of(rows.begin(), rows.end(), [](const auto* row) { return row->is_ceiling; }))
    return;
  table.line("  -- ceilings: they see the future --");
  for (const ReportedRun* row : rows) {
    if (row->is_ceiling) table.run(*row, rivals);
  }
}

std::string capacity_title(const ReportedRun& run) {
  if (run.policy == "recorded") return "recorded in the log";
  if (!run.capacity_bytes) return run.routing ? "capacity of each edge's own" : "no limit";
  const std::string bytes = human_bytes(*run.capacity_bytes);
  return fmt::format("capacity {}{}{}",
                     run.capacity_text.ends_with('%') ? run.capacity_text + " = " : "", bytes,
                     run.routing ? " at each edge" : "");
}

}  // namespace

std::string report_table(const Report& report, const TableStyle& style) {
  Table table(style);
  write_trace(report.trace, table);
  std::vector<std::pair<std::string, Rows>> groups;
  for (const ReportedRun& run : report.runs) {
    const std::string title = capacity_title(run);
    auto group = std::find_if(groups.begin(), groups.end(),
                              [&](const auto& candidate) { return candidate.first == title; });
    if (group == groups.end()) group = groups.insert(groups.end(), {title, {}});
    group->second.push_back(&run);
  }
  for (const auto& [title, rows] : groups) write_group(rows, title, report, style, table);
  if (report.trace.requests == 0) {
    table.line("\nNo countable request: nothing to replay.");
  } else if (!report.partial) {
    table.line("\n* best at that capacity");
  }
  if (report.partial) table.line("Interrupted: the figures cover only what was replayed.");
  return std::move(table).text();
}

}  // namespace edgeward::sim
