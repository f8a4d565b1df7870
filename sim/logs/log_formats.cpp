#include <array>

#include "sim/logs/formats.hpp"

namespace edgeward::sim {

namespace {

constexpr std::string_view kCombinedLine =
    "client ident user [dd/Mon/yyyy:HH:MM:SS ±hhmm] \"METHOD url PROTOCOL\" status bytes "
    "\"referer\" \"agent\"";

constexpr std::array kFormats{
    LogFormat{.name = "combined",
              .summary = "nginx and Apache, with any extra fields behind",
              .expected = kCombinedLine,
              .make = make_combined_parser},
    LogFormat{.name = "common",
              .summary = "Common Log Format",
              .expected = "client ident user [dd/Mon/yyyy:HH:MM:SS ±hhmm] \"METHOD url PROTOCOL\" "
                          "status bytes",
              .make = make_combined_parser},
    LogFormat{.name = "varnish",
              .summary = "varnishncsa, with hit/miss or handling behind",
              .expected = kCombinedLine,
              .make = make_combined_parser},
    LogFormat{.name = "cloudfront",
              .summary = "Amazon CloudFront standard logs, columns by their #Fields header",
              .expected = "#Fields: date time x-edge-location … and columns separated by tabs",
              .make = make_cloudfront_parser},
    LogFormat{.name = "cloudfront_realtime",
              .summary = "Amazon CloudFront real-time logs, columns by header or --fields",
              .expected = "columns separated by tabs, as #Fields or --fields name them: timestamp "
                          "c-ip …",
              .make = make_cloudfront_parser},
    LogFormat{.name = "fastly",
              .summary = "Fastly JSON, with or without a syslog prefix",
              .expected = "a JSON object with timestamp, client_ip, url, status …",
              .make = make_json_parser},
    LogFormat{.name = "cloudflare",
              .summary = "Cloudflare Logpush, HTTP requests",
              .expected = "a JSON object with EdgeStartTimestamp, ClientIP, ClientRequestURI …",
              .make = make_cloudflare_parser},
    LogFormat{.name = "akamai",
              .summary = "Akamai DataStream 2, JSON or structured",
              .expected = "a JSON object with reqTimeSec, cliIP, reqHost, reqPath …, or columns: "
                          "version stream cp request epoch bytes client status protocol host "
                          "method path",
              .make = make_akamai_parser},
    LogFormat{.name = "ats",
              .summary = "Apache Traffic Server: squid columns, or Traffic Control's custom_ats_2",
              .expected = "epoch.millis elapsed client CODE/status bytes METHOD url …, or "
                          "epoch.millis chi=… url=… pssc=… b=… crc=…",
              .make = make_squid_parser},
    LogFormat{.name = "squid",
              .summary = "Squid's native access.log",
              .expected = "epoch.millis elapsed client CODE/status bytes METHOD url user "
                          "hierarchy/peer",
              .make = make_squid_parser},
    LogFormat{.name = "gcp",
              .summary = "Google Cloud CDN and load balancers",
              .expected = "a JSON object with timestamp and httpRequest",
              .make = make_json_parser},
    LogFormat{.name = "azure",
              .summary = "Azure Front Door access logs",
              .expected = "a JSON object with time and properties",
              .make = make_azure_parser},
    LogFormat{.name = "ndjson",
              .summary = "one JSON object a line, fields by name",
              .expected = "a JSON object with a time and a url, path or key",
              .make = make_json_parser},
    LogFormat{.name = "csv",
              .summary = "columns separated by ',', ';' or tabs, by header or number",
              .expected = "a header with a time and a url, path or key, then lines of as many "
                          "columns",
              .make = make_csv_parser},
    LogFormat{.name = "webcachesim",
              .summary = "time id size, three numbers and perhaps more",
              .expected = "time id size, separated by blanks",
              .make = make_webcachesim_parser},
};

}  // namespace

std::span<const LogFormat> log_formats() {
  return kFormats;
}

const LogFormat* find_log_format(std::string_view name) {
  for (const LogFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

}  // namespace edgeward::sim
