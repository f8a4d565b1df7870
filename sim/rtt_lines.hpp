#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "geo/ip_prefix.hpp"
#include "geo/point.hpp"
#include "geo/rtt_observations.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::sim {

/// A measured round trip as it is told: one line of `POST /v1/rtt`, or one row of a file.
struct RttLine {
  std::int64_t at_ms = 0;
  geo::IpPrefix client;
  std::string edge;  ///< its name, not yet looked up
  double rtt_ms = 0;
};

/// Why a line told nothing. What the values are worth is geo::RttObservations' to say.
enum class RttLineFault : std::uint8_t {
  bad_line,      ///< no JSON object, not the header's cells, a field absent or there twice
  bad_time,      ///< `at` is no time
  bad_client,    ///< neither address nor prefix
  bad_rtt,       ///< `rtt_ms` is no number
  unknown_edge,  ///< no edge of that name
  no_location,   ///< nobody knows where the client is
};
inline constexpr std::size_t kRttLineFaults = 6;
[[nodiscard]] std::string_view name(RttLineFault fault);

struct BadRttLine {
  RttLineFault fault = RttLineFault::bad_line;
  std::string message;  ///< may quote the line: escape it before it is shown
};

/// Reads lines of either form, without looking anything up. Keeps a buffer between lines.
class RttLineParser {
 public:
  RttLineParser();
  ~RttLineParser();
  RttLineParser(RttLineParser&&) noexcept;
  RttLineParser& operator=(RttLineParser&&) noexcept;

  /// {"at":S,"client":"192.0.2.0/24","edge":"fra1","rtt_ms":X}; other fields are passed over.
  [[nodiscard]] tl::expected<RttLine, BadRttLine> parse_json(std::string_view line);

  /// The header of a table separated by commas, columns in any order; false if one of at, client,
  /// edge, rtt_ms is absent or there twice.
  [[nodiscard]] bool set_header(std::string_view line);
  /// A row under that header; `at` in any form that logs have (sim/logs/timestamp.hpp).
  [[nodiscard]] tl::expected<RttLine, BadRttLine> parse_row(std::string_view line) const;

 private:
  struct Json;
  std::unique_ptr<Json> json_;
  std::vector<std::size_t> columns_;  ///< of each column, its field
};

/// How names become what geo knows.
struct RttLookUp {
  std::function<std::optional<std::uint16_t>(std::string_view edge)> site;
  std::function<std::optional<geo::GeoPoint>(const geo::IpPrefix& client)> location;
};

/// What became of a file's lines: lines = accepted + all faults + all rejections.
struct RttReading {
  static constexpr std::size_t kBadLinesShown = 5;
  struct Shown {
    std::size_t line = 0;  ///< from 1
    std::string message;
  };

  std::uint64_t lines = 0;  ///< without the header and blank ones
  std::uint64_t accepted = 0;
  std::array<std::uint64_t, kRttLineFaults> faults{};
  std::array<std::uint64_t, geo::kRttRejections> rejected{};
  std::vector<Shown> first_bad;
};

/// Reads NDJSON or a table with a header, whichever the first line is, and adds what it tells.
/// Throws InputError, with `name`, where the first line is neither.
[[nodiscard]] RttReading read_rtt_observations(ByteSource& source, std::string_view name,
                                               const RttLookUp& look_up,
                                               geo::RttObservations& observations);

}  // namespace edgeward::sim
