#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cache/random.hpp"
#include "controller/log/log_record.hpp"
#include "controller/service/watch.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string utf8(unsigned code) {
  if (code < 0x80) return {static_cast<char>(code)};
  if (code < 0x800) {
    return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 0x3F))};
  }
  return {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
          static_cast<char>(0x80 | (code & 0x3F))};
}

/// The value in quotes that begins at `at`, which is moved behind it.
std::string quoted(const std::string& line, std::size_t& at) {
  std::string value;
  for (++at; line.at(at) != '"'; ++at) {
    if (line[at] != '\\') {
      value += line[at];
      continue;
    }
    const char escaped = line.at(++at);
    if (escaped == 'n') {
      value += '\n';
    } else if (escaped == 'u') {
      value += utf8(static_cast<unsigned>(std::stoul(line.substr(at + 1, 4), nullptr, 16)));
      at += 4;
    } else if (escaped == '"' || escaped == '\\') {
      value += escaped;
    } else {
      throw std::runtime_error("no escape of logfmt: " + line);
    }
  }
  ++at;
  return value;
}

/// Reads a line as readers of logfmt do: `name=value` or `name="value"`, a blank between.
Pairs parse_logfmt(const std::string& line) {
  Pairs pairs;
  std::size_t at = 0;
  while (at < line.size()) {
    const std::size_t equals = line.find('=', at);
    if (equals == std::string::npos) throw std::runtime_error("no '=': " + line);
    std::string name = line.substr(at, equals - at);
    at = equals + 1;
    std::string value;
    if (at < line.size() && line[at] == '"') {
      value = quoted(line, at);
    } else {
      const std::size_t end = std::min(line.find(' ', at), line.size());
      value = line.substr(at, end - at);
      at = end;
    }
    pairs.emplace_back(std::move(name), std::move(value));
    if (at < line.size() && line[at++] != ' ') throw std::runtime_error("no blank: " + line);
  }
  return pairs;
}

Pairs parse_json(const std::string& line) {
  const json::value whole = json::parse(line);
  Pairs pairs;
  for (const auto& member : whole.as_object()) {
    const json::value& value = member.value();
    pairs.emplace_back(std::string(member.key()), value.is_string()
                                                      ? std::string(value.get_string())
                                                      : json::serialize(value));
  }
  return pairs;
}

Pairs parse(LogFormat format, const std::string& line) {
  return format == LogFormat::json ? parse_json(line) : parse_logfmt(line);
}

/// Bytes, and what a reader is to make of them.
struct Piece {
  std::string bytes;
  std::string read;
};

const std::string kReplaced = utf8(0xFFFD);

/// Whatever may come in a name, a path or an error. An 'x' keeps broken pieces apart.
const std::vector<Piece> kPieces{
    {"a", "a"},
    {" ", " "},
    {"=", "="},
    {"\"", "\""},
    {"\\", "\\"},
    {"\n", "\n"},
    {"\r\n", "\r\n"},
    {"\t", "\t"},
    {"\x1B[31m", "\x1B[31m"},
    {std::string(1, '\0'), std::string(1, '\0')},
    {"\x7F", "\x7F"},
    {"}{,:", "}{,:"},
    {"level=error", "level=error"},
    {"\\u0041", "\\u0041"},
    {"é", "é"},
    {"日本", "日本"},
    {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
    {utf8(0x9B), utf8(0x9B)},
    {utf8(0x85), utf8(0x85)},
    {utf8(0x202E), utf8(0x202E)},
    {utf8(0x2028), utf8(0x2028)},
    {"\x80x", kReplaced + "x"},
    {"\xFFx", kReplaced + "x"},
    {"\xC0\xAFx", kReplaced + kReplaced + "x"},
    {"\xE2\x80x", kReplaced + kReplaced + "x"},
    {"\xED\xA0\x80x", kReplaced + kReplaced + kReplaced + "x"},
    {"\xF5x", kReplaced + "x"},
};

/// No byte of a line ends it, moves a terminal's cursor, or turns the text round.
bool is_tame(const std::string& line) {
  for (const char c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return false;
  }
  for (const unsigned code : {0x85U, 0x9BU, 0x2028U, 0x202EU}) {
    if (line.find(utf8(code)) != std::string::npos) return false;
  }
  return true;
}

constexpr std::int64_t kNowMs = 1'795'677'224'005;

}  // namespace

TEST_CASE("a record is a line of fields in their order") {
  const LogRecord record{.level = LogLevel::warning,
                         .message = "an edge",
                         .fields = {{"edge", "fra1"},
                                    {"empty", ""},
                                    {"count", std::uint64_t{18'446'744'073'709'551'615U}},
                                    {"change", std::int64_t{-5}},
                                    {"ratio", 0.25},
                                    {"unknown", std::nan("")},
                                    {"drained", true}}};
  CHECK(log_line(record, LogFormat::logfmt, kNowMs) ==
        "time=2026-11-26T07:13:44.005Z level=warning message=\"an edge\" edge=fra1 empty=\"\" "
        "count=18446744073709551615 change=-5 ratio=0.25 unknown=null drained=true");
  CHECK(log_line(record, LogFormat::json, kNowMs) ==
        R"({"time":"2026-11-26T07:13:44.005Z","level":"warning","message":"an edge",)"
        R"("edge":"fra1","empty":"","count":18446744073709551615,"change":-5,"ratio":0.25,)"
        R"("unknown":null,"drained":true})");
}

TEST_CASE("any text comes back as it was, on one line, in its field") {
  const std::uint64_t seed = 3;
  INFO("seed " << seed);
  cache::Random random(seed);
  for (int i = 0; i < 3000; ++i) {
    LogRecord record{.message = {}};
    Pairs wanted{{"time", "2026-11-26T07:13:44.005Z"}, {"level", "info"}, {"message", {}}};
    const auto add = [&](std::string& bytes, std::string& read) {
      for (std::uint64_t left = random.below(8); left > 0; --left) {
        const Piece& piece = kPieces[random.below(kPieces.size())];
        bytes += piece.bytes;
        read += piece.read;
      }
    };
    add(record.message, wanted.back().second);
    for (const char* name : {"edge", "error"}) {
      std::string bytes;
      add(bytes, wanted.emplace_back(name, "").second);
      record.fields.push_back({name, bytes});
    }
    for (const LogFormat format : kLogFormats) {
      const std::string line = log_line(record, format, kNowMs);
      INFO(line);
      REQUIRE(is_tame(line));
      REQUIRE(parse(format, line) == wanted);
    }
  }
}

TEST_CASE("bytes at random make a line that is read") {
  cache::Random random(5);
  for (int i = 0; i < 3000; ++i) {
    std::string bytes(random.below(30), '\0');
    for (char& c : bytes) c = static_cast<char>(random.below(256));
    for (const LogFormat format : kLogFormats) {
      const std::string line =
          log_line({.message = "m", .fields = {{"error", bytes}, {"last", true}}}, format, kNowMs);
      INFO(line);
      const Pairs pairs = parse(format, line);
      REQUIRE(pairs.size() == 5);
      CHECK(pairs.back() == std::pair<std::string, std::string>{"last", "true"});
    }
  }
}

TEST_CASE("long text is cut between characters") {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "é\n";
  for (const LogFormat format : kLogFormats) {
    const std::string line = log_line({.message = text}, format, kNowMs);
    CHECK(line.size() < 4300);
    const std::string read = parse(format, line)[2].second;
    CHECK(read.ends_with(" …"));
    CHECK(text.starts_with(read.substr(0, read.size() - std::string(" …").size())));
  }
}

namespace {

std::string text_of(const LogRecord& record) {
  // Without time and level.
  const std::string line = log_line(record, LogFormat::logfmt, 0);
  return line.substr(line.find("message="));
}

EdgeView edge_of(const std::string& name, cache::EdgeMode mode) {
  return {.name = name, .state = {.mode = mode}};
}

}  // namespace

TEST_CASE("an edge that changes its mode is told once, a new one is not") {
  using enum cache::EdgeMode;
  Watch watch;
  CHECK(watch.update(std::vector{edge_of("a", ready), edge_of("b", ready)}, {}, 0).empty());
  const auto told = watch.update(std::vector{edge_of("a", ready), edge_of("b", down)}, {}, 1000);
  REQUIRE(told.size() == 1);
  CHECK(told[0].level == LogLevel::warning);
  CHECK(text_of(told[0]) ==
        "message=\"an edge changed its mode\" edge=b from=ready to=down drained=false "
        "load_ratio=0");
  CHECK(watch.update(std::vector{edge_of("c", down), edge_of("b", down)}, {}, 2000).empty());
  const auto back = watch.update(std::vector{edge_of("a", ready), edge_of("b", ready)}, {}, 3000);
  REQUIRE(back.size() == 1);
  CHECK(back[0].level == LogLevel::info);
}

TEST_CASE("edges that come and go fill no disk, and what is left out is counted") {
  std::vector<EdgeView> edges;
  for (int i = 0; i < 30; ++i) {
    edges.push_back(edge_of(fmt::format("e{}", i), cache::EdgeMode::ready));
  }
  Watch watch;
  std::size_t lines = watch.update(edges, {}, 0).size();
  for (std::int64_t second = 1; second < 60; ++second) {
    for (EdgeView& edge : edges) {
      edge.state.mode = second % 2 == 0 ? cache::EdgeMode::ready : cache::EdgeMode::down;
    }
    lines += watch.update(edges, {}, second * 1000).size();
  }
  CHECK(lines == Watch::kChangesMax);
  const auto next = watch.update(edges, {}, 60'000);
  REQUIRE(next.size() == 1);
  CHECK(text_of(next[0]) == fmt::format("message=\"more edges changed their mode\" changes={}",
                                        59 * 30 - Watch::kChangesMax));
  edges[0].state.mode = cache::EdgeMode::drain;
  CHECK(watch.update(edges, {}, 61'000).size() == 1);
}

TEST_CASE("refused clients are summed up at most once an interval") {
  TrafficCounts traffic;
  Watch watch;
  CHECK(watch.update({}, traffic, 0).empty());
  traffic.connections_of(ListenerKind::clients).note(TimedOut::idle);
  CHECK(watch.update({}, traffic, 1000).empty());
  traffic.connections_of(ListenerKind::clients).refused_peer += 5;
  const auto first = watch.update({}, traffic, 2000);
  REQUIRE(first.size() == 1);
  CHECK(text_of(first[0]) ==
        "message=\"clients were refused\" connections=0 connections_per_peer=5 timed_out=0");
  traffic.connections_of(ListenerKind::dns).refused += 2;
  traffic.connections_of(ListenerKind::admin).note(TimedOut::request);
  CHECK(watch.update({}, traffic, 2000 + Watch::kIntervalMs - 1).empty());
  const auto second = watch.update({}, traffic, 2000 + Watch::kIntervalMs);
  REQUIRE(second.size() == 1);
  CHECK(text_of(second[0]) ==
        "message=\"clients were refused\" connections=2 connections_per_peer=0 timed_out=1");
  CHECK_FALSE(watch.rest(traffic));
  traffic.connections_of(ListenerKind::clients).note(TimedOut::write);
  const auto rest = watch.rest(traffic);
  REQUIRE(rest);
  CHECK(text_of(*rest).ends_with("timed_out=1"));
}

}  // namespace edgeward::controller
