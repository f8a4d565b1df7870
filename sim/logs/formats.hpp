#pragma once

#include <memory>
#include <string_view>

#include "sim/logs/line_parser.hpp"

namespace edgeward::sim {

// The parsers behind log_formats(), several formats a file where their lines are alike.

/// combined, common and varnish: one parser, since each may have what the others have.
std::unique_ptr<LineParser> make_combined_parser(const ColumnChoice& columns);

/// cloudfront and cloudfront_realtime: columns named by `#Fields` or by ColumnChoice::fields.
std::unique_ptr<LineParser> make_cloudfront_parser(const ColumnChoice& columns);
std::unique_ptr<LineParser> make_csv_parser(const ColumnChoice& columns);
/// Whether the line names columns that make a time and a key, as chosen or as guessed.
[[nodiscard]] bool is_csv_header(std::string_view line, const ColumnChoice& columns);

/// One JSON object a line, perhaps behind a syslog prefix.
std::unique_ptr<LineParser> make_json_parser(const ColumnChoice& columns);
std::unique_ptr<LineParser> make_cloudflare_parser(const ColumnChoice& columns);
std::unique_ptr<LineParser> make_azure_parser(const ColumnChoice& columns);
/// Akamai DataStream 2: JSON lines and structured ones.
std::unique_ptr<LineParser> make_akamai_parser(const ColumnChoice& columns);

/// squid and ats: the squid columns, or `key=value`.
std::unique_ptr<LineParser> make_squid_parser(const ColumnChoice& columns);
std::unique_ptr<LineParser> make_webcachesim_parser(const ColumnChoice& columns);

}  // namespace edgeward::sim
