#include "sim/rtt_pairs.hpp"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <set>
#include <tl/expected.hpp>
#include <unordered_map>
#include <utility>

#include "geo/rtt_model.hpp"
#include "sim/input/line_splitter.hpp"
#include "sim/logs/delimited_cells.hpp"
#include "sim/logs/field_text.hpp"

namespace edgeward::sim {

namespace {

struct PairField {
  enum : std::size_t { a, b, lat_a, lon_a, lat_b, lon_b, distance, rtt, suspect };
};
constexpr std::array<std::string_view, 9> kPairFields{
    "a", "b", "lat_a", "lon_a", "lat_b", "lon_b", "distance_km", "rtt_avg_ms", "suspect"};
constexpr std::size_t kPairColumnsMax = 256;
constexpr std::size_t kNoPairField = kPairFields.size();

/// Coordinates in such files are rounded.
constexpr double kSamePointKm = 1;
constexpr double kDistanceSlackRatio = 0.02;
constexpr double kDistanceSlackKm = 2;

struct Fault {
  PairFault fault = PairFault::bad_row;
  std::string message;
};

tl::unexpected<Fault> fail(PairFault fault, std::string message) {
  return tl::unexpected(Fault{.fault = fault, .message = std::move(message)});
}

/// The cells of a line; nothing where a quote does not close or there are too many.
std::optional<std::vector<std::string>> split(std::string_view line) {
  std::vector<std::string> cells;
  DelimitedCells rest(line, ',');
  std::string_view cell;
  while (rest.next(cell)) {
    if (cells.size() == kPairColumnsMax) return std::nullopt;
    std::string text(cell);
    if (rest.has_doubled_quotes()) {
      std::string arena;
      arena.reserve(cell.size());
      text = std::string(undo_doubled_quotes(cell, arena));
    }
    cells.push_back(std::move(text));
  }
  if (rest.is_broken()) return std::nullopt;
  return cells;
}

class PairReader {
 public:
  explicit PairReader(std::string_view file) : file_(file) {}

  void header(std::string_view line) {
    const auto names = split(without_byte_order_mark(line));
    if (!names) throw InputError(fmt::format("{}:1: {}: not a header", file_, sim::quoted(line)));
    std::array<bool, kPairFields.size()> is_there{};
    for (const std::string& column : *names) {
      std::size_t field = 0;
      while (field < kPairFields.size() && kPairFields[field] != column) ++field;
      if (field < kPairFields.size() && std::exchange(is_there[field], true)) {
        throw InputError(fmt::format("{}:1: column {} is there twice", file_, column));
      }
      columns_.push_back(field);
    }
    for (std::size_t field = 0; field < kPairFields.size(); ++field) {
      if (is_there[field]) continue;
      throw InputError(fmt::format("{}:1: no column '{}' in {}: expected {}", file_,
                                   kPairFields[field], sim::quoted(line),
                                   fmt::join(kPairFields, ",")));
    }
  }

  void row(std::string_view line, bool is_cut, std::size_t number) {
    const auto pair =
        is_cut ? tl::expected<RttPair, Fault>(fail(PairFault::bad_row, "too long")) : parse(line);
    if (pair) {
      result_.pairs.push_back(*pair);
      return;
    }
    ++result_.faults[static_cast<std::size_t>(pair.error().fault)];
    if (result_.first_bad.size() < RttPairs::kBadRowsShown) {
      result_.first_bad.push_back({.line = number, .message = pair.error().message});
    }
  }

  RttPairs finished() && {
    if (result_.pairs.empty()) {
      const std::string why =
          result_.first_bad.empty()
              ? std::string("no rows")
              : fmt::format("line {}: {}", result_.first_bad[0].line, result_.first_bad[0].message);
      throw InputError(fmt::format("{}: no usable pair ({})", file_, why));
    }
    return std::move(result_);
  }

 private:
  tl::expected<RttPair, Fault> parse(std::string_view line) {
    const auto cells = split(line);
    if (!cells || cells->size() != columns_.size()) {
      return fail(PairFault::bad_row,
                  fmt::format("{}: expected {} cells", sim::quoted(line), columns_.size()));
    }
    std::array<std::string_view, kPairFields.size()> field;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (columns_[i] != kNoPairField) field[columns_[i]] = (*cells)[i];
    }
    if (field[PairField::suspect] != "0" && field[PairField::suspect] != "1") {
      return fail(PairFault::bad_suspect, fmt::format("suspect {}: expected 0 or 1",
                                                      sim::quoted(field[PairField::suspect])));
    }
    const bool is_suspect = field[PairField::suspect] == "1";
    const auto rtt_ms = parse_finite(field[PairField::rtt]);
    const bool is_in_range = rtt_ms && *rtt_ms > 0 && *rtt_ms <= geo::kRttMsMax;
    if (!rtt_ms || !(is_in_range || is_suspect)) {
      return fail(PairFault::bad_rtt,
                  fmt::format("rtt_avg_ms {}: expected 0 < ms <= {}",
                              sim::quoted(field[PairField::rtt]), geo::kRttMsMax));
    }
    const auto from = city(field[PairField::a], field[PairField::lat_a], field[PairField::lon_a]);
    if (!from) return tl::unexpected(from.error());
    const auto to = city(field[PairField::b], field[PairField::lat_b], field[PairField::lon_b]);
    if (!to) return tl::unexpected(to.error());
    return finish({.a = *from, .b = *to, .rtt_ms = *rtt_ms, .is_suspect = is_suspect},
                  field[PairField::distance]);
  }

  tl::expected<RttPair, Fault> finish(RttPair pair, std::string_view distance_text) {
    const City& from = result_.cities[pair.a];
    const City& to = result_.cities[pair.b];
    if (pair.a == pair.b) {
      return fail(PairFault::same_city, fmt::format("{} to itself", sim::quoted(from.name)));
    }
    pair.km = geo::distance_km(from.point, to.point);
    const auto said_km = parse_finite(distance_text);
    if (!said_km ||
        std::abs(*said_km - pair.km) > kDistanceSlackRatio * pair.km + kDistanceSlackKm) {
      return fail(PairFault::bad_distance,
                  fmt::format("distance_km {}: the coordinates are {:.1f} km apart",
                              sim::quoted(distance_text), pair.km));
    }
    if (!seen_.insert(std::minmax(pair.a, pair.b)).second) {
      return fail(PairFault::repeated, fmt::format("{} and {} had a row before",
                                                   sim::quoted(from.name), sim::quoted(to.name)));
    }
    return pair;
  }

  tl::expected<std::size_t, Fault> city(std::string_view name, std::string_view lat,
                                        std::string_view lon) {
    const auto lat_deg = parse_finite(lat);
    const auto lon_deg = parse_finite(lon);
    const geo::GeoPoint point{.lat_deg = lat_deg.value_or(0), .lon_deg = lon_deg.value_or(0)};
    if (name.empty() || !lat_deg || !lon_deg || !geo::is_valid(point)) {
      return fail(PairFault::bad_city,
                  fmt::format("city {} at {}, {}: expected a name, latitude -90..90 and longitude "
                              "-180..180",
                              sim::quoted(name), sim::quoted(lat), sim::quoted(lon)));
    }
    const auto [known, is_new] = numbers_.emplace(std::string(name), result_.cities.size());
    if (is_new) {
      if (result_.cities.size() == kPairCitiesMax) {
        throw InputError(fmt::format("{}: more than {} cities", file_, kPairCitiesMax));
      }
      result_.cities.push_back({.name = std::string(name), .point = point});
    }
    const geo::GeoPoint& before = result_.cities[known->second].point;
    if (!is_new && geo::distance_km(before, point) > kSamePointKm) {
      return fail(PairFault::bad_city,
                  fmt::format("city {} at {}, {}: it was at {}, {} before", sim::quoted(name), lat,
                              lon, before.lat_deg, before.lon_deg));
    }
    return known->second;
  }

  std::string_view file_;
  std::vector<std::size_t> columns_;  ///< of each column, its field or kNoPairField
  RttPairs result_;
  std::unordered_map<std::string, std::size_t> numbers_;
  std::set<std::pair<std::size_t, std::size_t>> seen_;
};

}  // namespace

std::string_view name(PairFault fault) {
  switch (fault) {
    case PairFault::bad_row:
      return "bad_row";
    case PairFault::bad_city:
      return "bad_city";
    case PairFault::bad_rtt:
      return "bad_rtt";
    case PairFault::bad_distance:
      return "bad_distance";
    case PairFault::bad_suspect:
      return "bad_suspect";
    case PairFault::same_city:
      return "same_city";
    case PairFault::repeated:
      return "repeated";
  }
  return "";
}

RttPairs read_rtt_pairs(ByteSource& source, std::string_view name) {
  PairReader reader(name);
  LineSplitter lines(source);
  LineSplitter::Line line;
  if (!lines.next(line)) throw InputError(fmt::format("{}: empty: expected a header", name));
  reader.header(line.text);
  for (std::size_t number = 2; lines.next(line); ++number) {
    if (!line.cut && trimmed(line.text).empty()) continue;
    reader.row(line.text, line.cut, number);
  }
  return std::move(reader).finished();
}

}  // namespace edgeward::sim
