#include "sim/rtt_lines.hpp"

#include <fmt/format.h>
#include <simdjson.h>

#include <utility>

#include "sim/input/line_splitter.hpp"
#include "sim/logs/delimited_cells.hpp"
#include "sim/logs/field_text.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

namespace {

struct LineField {
  enum : std::size_t { at, client, edge, rtt };
};
constexpr std::array<std::string_view, 4> kLineFields{"at", "client", "edge", "rtt_ms"};
constexpr std::size_t kNoLineField = kLineFields.size();
constexpr std::size_t kLineColumnsMax = 256;
constexpr std::size_t kEdgeNameMax = 255;
/// Greater numbers are times in finer units, which stand as they are.
constexpr double kSecondsEnd = 1e11;

/// The fields as texts, whichever form they came in.
using Texts = std::array<std::optional<std::string>, kLineFields.size()>;

std::size_t field_of(std::string_view name) {
  std::size_t field = 0;
  while (field < kLineFields.size() && kLineFields[field] != name) ++field;
  return field;
}

tl::unexpected<BadRttLine> fail(RttLineFault fault, std::string message) {
  return tl::unexpected(BadRttLine{.fault = fault, .message = std::move(message)});
}

tl::expected<RttLine, BadRttLine> line_of(const Texts& texts) {
  for (std::size_t field = 0; field < kLineFields.size(); ++field) {
    if (!texts[field])
      return fail(RttLineFault::bad_line, fmt::format("no {}", kLineFields[field]));
  }
  RttLine line{.edge = *texts[LineField::edge]};
  const auto at_ms = parse_time(*texts[LineField::at]);
  if (!at_ms) {
    return fail(RttLineFault::bad_time, fmt::format("at {}: expected seconds since 1970",
                                                    sim::quoted(*texts[LineField::at])));
  }
  line.at_ms = *at_ms;
  const auto prefix = geo::IpPrefix::parse(*texts[LineField::client]);
  if (!prefix) {
    return fail(RttLineFault::bad_client, fmt::format("client {}: expected an address or a prefix",
                                                      sim::quoted(*texts[LineField::client])));
  }
  line.client = *prefix;
  if (line.edge.empty() || line.edge.size() > kEdgeNameMax) {
    return fail(RttLineFault::unknown_edge,
                fmt::format("edge {}: expected a name", sim::quoted(line.edge)));
  }
  const auto rtt_ms = parse_finite(*texts[LineField::rtt]);
  if (!rtt_ms) {
    return fail(RttLineFault::bad_rtt,
                fmt::format("rtt_ms {}: expected a number", sim::quoted(*texts[LineField::rtt])));
  }
  line.rtt_ms = *rtt_ms;
  return line;
}

}  // namespace

struct RttLineParser::Json {
  simdjson::dom::parser parser;

  simdjson::error_code read(std::string_view text, Texts& texts, bool& is_twice) {
    simdjson::dom::object object;
    if (const auto error = parser.parse(text.data(), text.size(), true).get_object().get(object)) {
      return error;
    }
    for (const auto& [key, value] : object) {
      const std::size_t field = field_of(key);
      if (field == kNoLineField) continue;
      if (texts[field]) is_twice = true;
      if (const auto error = read_value(value, field, texts)) return error;
    }
    return simdjson::SUCCESS;
  }

 private:
  /// Strings for names, numbers for numbers: "12" is no round trip.
  static simdjson::error_code read_value(simdjson::dom::element value, std::size_t field,
                                         Texts& texts) {
    if (field == LineField::client || field == LineField::edge) {
      std::string_view text;
      if (const auto error = value.get_string().get(text)) return error;
      texts[field] = std::string(text);
      return simdjson::SUCCESS;
    }
    double number = 0;
    if (const auto error = value.get_double().get(number)) return error;
    const bool is_seconds = field == LineField::at && number >= 0 && number < kSecondsEnd;
    texts[field] = is_seconds ? fmt::format("{:.3f}", number) : fmt::format("{}", number);
    return simdjson::SUCCESS;
  }
};

std::string_view name(RttLineFault fault) {
  switch (fault) {
    case RttLineFault::bad_line:
      return "bad_line";
    case RttLineFault::bad_time:
      return "bad_time";
    case RttLineFault::bad_client:
      return "bad_client";
    case RttLineFault::bad_rtt:
      return "bad_rtt";
    case RttLineFault::unknown_edge:
      return "unknown_edge";
    case RttLineFault::no_location:
      return "no_location";
  }
  return "";
}

RttLineParser::RttLineParser() : json_(std::make_unique<Json>()) {}
RttLineParser::~RttLineParser() = default;
RttLineParser::RttLineParser(RttLineParser&&) noexcept = default;
RttLineParser& RttLineParser::operator=(RttLineParser&&) noexcept = default;

tl::expected<RttLine, BadRttLine> RttLineParser::parse_json(std::string_view line) {
  Texts texts;
  bool is_twice = false;
  if (const auto error = json_->read(line, texts, is_twice)) {
    return fail(RttLineFault::bad_line,
                fmt::format("JSON {}: {}", sim::quoted(line), simdjson::error_message(error)));
  }
  if (is_twice) return fail(RttLineFault::bad_line, "a field is there twice");
  return line_of(texts);
}

bool RttLineParser::set_header(std::string_view line) {
  columns_.clear();
  std::array<bool, kLineFields.size()> is_there{};
  DelimitedCells cells(without_byte_order_mark(line), ',');
  std::string_view cell;
  while (cells.next(cell)) {
    const std::size_t field = field_of(cell);
    if (columns_.size() == kLineColumnsMax) return false;
    if (field != kNoLineField && std::exchange(is_there[field], true)) return false;
    columns_.push_back(field);
  }
  for (const bool there : is_there) {
    if (!there) return false;
  }
  return !cells.is_broken();
}

tl::expected<RttLine, BadRttLine> RttLineParser::parse_row(std::string_view line) const {
  Texts texts;
  DelimitedCells cells(line, ',');
  std::string_view cell;
  std::size_t column = 0;
  for (; cells.next(cell); ++column) {
    if (column >= columns_.size() || columns_[column] == kNoLineField) continue;
    std::string arena;
    arena.reserve(cell.size());
    texts[columns_[column]] =
        std::string(cells.has_doubled_quotes() ? undo_doubled_quotes(cell, arena) : cell);
  }
  if (cells.is_broken() || column != columns_.size()) {
    return fail(RttLineFault::bad_line,
                fmt::format("{}: expected {} cells", sim::quoted(line), columns_.size()));
  }
  return line_of(texts);
}

namespace {

/// Adds lines one by one and keeps count.
class Intake {
 public:
  Intake(const RttLookUp& look_up, geo::RttObservations& observations)
      : look_up_(look_up), observations_(observations) {}

  void take(const tl::expected<RttLine, BadRttLine>& line, std::size_t number) {
    ++reading_.lines;
    const auto added = line ? add(*line) : tl::unexpected(line.error());
    if (added) return;
    ++reading_.faults[static_cast<std::size_t>(added.error().fault)];
    show(number, added.error().message);
  }

  [[nodiscard]] const RttReading& reading() const { return reading_; }

 private:
  /// What geo refuses is no fault of the line, and counted under geo's reason.
  tl::expected<void, BadRttLine> add(const RttLine& line) {
    const auto site = look_up_.site(line.edge);
    if (!site) {
      return fail(RttLineFault::unknown_edge, fmt::format("no edge {}", sim::quoted(line.edge)));
    }
    const auto location = look_up_.location(line.client);
    if (!location) {
      return fail(RttLineFault::no_location, fmt::format("no location of {}", line.client.text()));
    }
    const auto rejection = observations_.add(
        {.client = line.client, .client_at = *location, .site = *site, .rtt_ms = line.rtt_ms});
    if (!rejection) {
      ++reading_.accepted;
    } else {
      ++reading_.rejected[static_cast<std::size_t>(*rejection)];
    }
    return {};
  }

  void show(std::size_t number, const std::string& message) {
    if (reading_.first_bad.size() < RttReading::kBadLinesShown) {
      reading_.first_bad.push_back({.line = number, .message = message});
    }
  }

  const RttLookUp& look_up_;
  geo::RttObservations& observations_;
  RttReading reading_;
};

}  // namespace

RttReading read_rtt_observations(ByteSource& source, std::string_view name,
                                 const RttLookUp& look_up, geo::RttObservations& observations) {
  RttLineParser parser;
  LineSplitter lines(source);
  LineSplitter::Line line;
  Intake intake(look_up, observations);
  std::optional<bool> is_json;
  for (std::size_t number = 1; lines.next(line); ++number) {
    if (!line.cut && trimmed(line.text).empty()) continue;
    if (!is_json) {
      is_json = trimmed(without_byte_order_mark(line.text)).starts_with('{');
      if (!*is_json) {
        if (parser.set_header(line.text)) continue;
        throw InputError(fmt::format("{}:{}: {}: expected a JSON object, or a header with {}", name,
                                     number, sim::quoted(line.text), fmt::join(kLineFields, ",")));
      }
    }
    if (line.cut) {
      intake.take(fail(RttLineFault::bad_line, "too long"), number);
    } else {
      const auto text = number == 1 ? without_byte_order_mark(line.text) : line.text;
      intake.take(*is_json ? parser.parse_json(text) : parser.parse_row(text), number);
    }
  }
  return intake.reading();
}

}  // namespace edgeward::sim
