#pragma once

#include <string>

#include "sim/report/report.hpp"

namespace edgeward::sim {

/// The replay's JSON, as documented in the sim README: names are stable, more may be added.
[[nodiscard]] std::string report_json(const Report& report);

/// One row a run, RFC 4180, header first; absent values are empty fields. A field that a
/// spreadsheet would take for a formula gets an apostrophe before it.
[[nodiscard]] std::string report_csv(const Report& report);

struct TableStyle {
  bool colour = false;
};

/// For people: what the input was, a row a run, the best by each measure marked, ceilings apart.
[[nodiscard]] std::string report_table(const Report& report, const TableStyle& style = {});

}  // namespace edgeward::sim
