#include "policy/decision_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <iterator>
#include <limits>
#include <utility>

#include "policy/json.hpp"

namespace edgeward::policy {

namespace {

constexpr std::array<std::string_view, 4> kWeightedTerms{"distance", "hit", "load", "bandwidth"};
constexpr std::array<std::string_view, 4> kLatencyTerms{"network_ms", "queue_ms", "miss_ms",
                                                        "transfer_ms"};
constexpr std::array<std::string_view, 1> kNearestTerms{"distance_km"};

/// Bytes that stand in a URL as they are.
constexpr auto kIsUrlByte = [] {
  std::array<bool, 256> is_url_byte{};
  for (std::size_t byte = 0x21; byte < 0x7F; ++byte) is_url_byte[byte] = true;
  for (const char never : std::string_view("\"<>\\^`{|}#")) {
    is_url_byte[static_cast<unsigned char>(never)] = false;
  }
  return is_url_byte;
}();

bool is_url_byte(char c) {
  return kIsUrlByte[static_cast<unsigned char>(c)];
}

std::string url_start(const cache::Edge& edge) {
  return "https://" + (edge.endpoint.empty() ? edge.name : edge.endpoint);
}

/// Canonical keys are, but for a host in front.
bool is_url_path(std::string_view key) {
  bool is_clean = !key.empty() && key.front() == '/';
  for (const char c : key) is_clean &= is_url_byte(c);
  return is_clean;
}

/// Appends the path of a key, of which what no URL may hold is percent-encoded.
void append_path(std::string_view key, std::string& url) {
  if (is_url_path(key)) {
    url += key;
    return;
  }
  const std::size_t path_at = std::min(key.find('/'), key.size());
  if (path_at == key.size()) url += '/';
  for (const char c : key.substr(path_at)) {
    if (is_url_byte(c)) {
      url += c;
    } else {
      fmt::format_to(std::back_inserter(url), "%{:02X}", static_cast<unsigned char>(c));
    }
  }
}

/// Scores that are km or ms have three digits, as these have.
Decimals score_decimals(Scoring scoring) {
  const bool has_unit = scoring == Scoring::latency || scoring == Scoring::nearest;
  return has_unit ? Decimals::three : Decimals::six;
}

/// Room for a decision but its names, its key and its client: every member's name, eleven numbers,
/// the version.
constexpr std::size_t kFixedBytesMax = 512 + 12 * kDecimalBytesMax;

}  // namespace

/// The end of a string that has room for what is written.
class DecisionWriter::Text {
 public:
  /// Room for so many bytes, from the end of `out` on.
  Text(std::string& out, std::size_t bytes_max) : out_(out), begin_(out.size()) {
    out.resize(begin_ + bytes_max);
    at_ = out.data() + begin_;
  }
  ~Text() { out_.resize(static_cast<std::size_t>(at_ - out_.data())); }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;

  Text& operator<<(std::string_view text) {
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    return *this;
  }
  Text& operator<<(std::uint64_t number) {
    at_ = std::to_chars(at_, at_ + std::numeric_limits<std::uint64_t>::digits10 + 1, number).ptr;
    return *this;
  }
  void decimal(double number, Decimals decimals) { at_ = write_decimal(number, decimals, at_); }

 private:
  std::string& out_;
  std::size_t begin_ = 0;
  char* at_ = nullptr;
};

DecisionWriter::DecisionWriter(std::shared_ptr<const FleetPart> fleet) : fleet_(std::move(fleet)) {
  const Scoring scoring = fleet_->options().scoring;
  score_decimals_ = score_decimals(scoring);
  for (const std::string_view term : term_names(scoring)) {
    term_starts_.push_back(fmt::format("{}\"{}\":", term_starts_.empty() ? '{' : ',', term));
  }
  std::size_t edge_bytes_max = 0;
  std::size_t url_bytes_max = 0;
  for (const cache::Edge& edge : fleet_->fleet().edges) {
    Names& names = names_.emplace_back();
    append_json_string(edge.name, names.edge);
    append_json_string(url_start(edge), names.url);
    names.url.pop_back();
    edge_bytes_max = std::max(edge_bytes_max, names.edge.size());
    url_bytes_max = std::max(url_bytes_max, names.url.size());
  }
  names_bytes_max_ = edge_bytes_max * (1 + Decision::kRunnersUp) + url_bytes_max;
}

void DecisionWriter::append(const Decision& decision, const Question& question,
                            std::string& out) const {
  Text text(out, bytes_max(question));
  write(decision, question, text);
  text << "}";
}

void DecisionWriter::append(const Explanation& explanation, const Question& question,
                            std::string& out) const {
  {
    Text text(out, bytes_max(question));
    write(explanation.decision, question, text);
    text << (explanation.is_hit_known ? R"(,"hit_known":true)" : R"(,"hit_known":false)");
    text << R"(,"candidates":[)";
  }
  for (const Considered& considered : explanation.considered) {
    Text text(out, bytes_max({}));
    if (&considered != &explanation.considered.front()) text << ",";
    write(considered, text);
  }
  out += "]}";
}

std::size_t DecisionWriter::bytes_max(const Question& question) const {
  constexpr std::size_t kEncodedByte = 3;  // %XX
  constexpr std::size_t kEscapedByte = 6;  // \uXXXX
  return kFixedBytesMax + names_bytes_max_ + kEncodedByte * question.key.size() +
         kEscapedByte * question.client.size();
}

void DecisionWriter::write(const Decision& decision, const Question& question, Text& text) const {
  const bool has_edge = decision.edge != cache::kNoEdge;
  if (has_edge) {
    const Names& names = names_[cache::index(decision.edge)];
    text << R"({"edge":)" << names.edge << R"(,"url":)" << names.url;
    if (is_url_path(question.key)) {
      text << question.key;
    } else {
      std::string path;
      append_path(question.key, path);
      text << path;
    }
    text << R"(","reason":")" << name(decision.reason) << R"(","score":)";
    text.decimal(decision.score, score_decimals_);
    text << R"(,"terms":)";
    write_terms(decision.terms, text);
  } else {
    text << R"({"edge":null,"url":null,"reason":")" << name(decision.reason);
    text << R"(","score":null,"terms":null)";
  }
  write_client(fleet_->map()[decision.cell], question.client, text);
  text << R"(,"distance_km":)";
  if (has_edge) {
    text.decimal(decision.distance_km, Decimals::three);
  } else {
    text << "null";
  }
  text << R"(,"runners_up":[)";
  bool is_first = true;
  for (const Decision::RunnerUp& runner_up : decision.runners_up) {
    if (runner_up.edge == cache::kNoEdge) continue;
    if (!is_first) text << ",";
    is_first = false;
    text << R"({"edge":)" << names_[cache::index(runner_up.edge)].edge << R"(,"score":)";
    text.decimal(runner_up.score, score_decimals_);
    text << "}";
  }
  text << R"(],"snapshot_version":)" << decision.snapshot_version;
  text << (question.is_stale ? R"(,"stale":true)" : R"(,"stale":false)");
}

void DecisionWriter::write(const Considered& considered, Text& text) const {
  text << R"({"edge":)" << names_[cache::index(considered.edge)].edge << R"(,"distance_km":)";
  text.decimal(considered.distance_km, Decimals::three);
  if (considered.exclusion != Exclusion::none) {
    text << R"(,"excluded":")" << name(considered.exclusion) << R"("})";
    return;
  }
  text << R"(,"score":)";
  text.decimal(considered.score, score_decimals_);
  text << R"(,"terms":)";
  write_terms(considered.terms, text);
  text << R"(,"admit_share":)";
  text.decimal(considered.admit_share, Decimals::six);
  text << "}";
}

void DecisionWriter::write_terms(const Terms& terms, Text& text) const {
  if (term_starts_.empty()) text << "{";
  for (std::size_t i = 0; i < term_starts_.size(); ++i) {
    text << term_starts_[i];
    text.decimal(terms[i], score_decimals_);
  }
  text << "}";
}

void DecisionWriter::write_client(const geo::Cell& cell, std::string_view address,
                                  Text& text) const {
  text << R"(,"client":{"ip":)";
  if (is_plain_json(address)) {
    text << "\"" << address << "\"";
  } else {
    std::string escaped;
    append_json_string(address, escaped);
    text << escaped;
  }
  if (cell.source != geo::LocationSource::none) {
    text << R"(,"lat":)";
    text.decimal(cell.lat_deg, Decimals::four);
    text << R"(,"lon":)";
    text.decimal(cell.lon_deg, Decimals::four);
  } else {
    text << R"(,"lat":null,"lon":null)";
  }
  if (cell.country != geo::Country::none) {
    const auto letters = static_cast<std::uint16_t>(cell.country);
    const std::array code{static_cast<char>(letters >> 8), static_cast<char>(letters & 0xFF)};
    text << R"(,"country":")" << std::string_view(code.data(), code.size());
    text << R"(","source":")";
  } else {
    text << R"(,"country":null,"source":")";
  }
  text << geo::name(cell.source) << R"("})";
}

double rounded_score(float score, Scoring scoring) {
  const double steps = score_decimals(scoring) == Decimals::three ? 1e3 : 1e6;
  return std::round(static_cast<double>(score) * steps) / steps;
}

std::span<const std::string_view> term_names(Scoring scoring) {
  switch (scoring) {
    case Scoring::weighted:
      return kWeightedTerms;
    case Scoring::latency:
      return kLatencyTerms;
    case Scoring::nearest:
      return kNearestTerms;
    default:
      return {};  // a hash has no terms
  }
}

std::string content_url(const cache::Edge& edge, std::string_view key) {
  std::string url = url_start(edge);
  append_path(key, url);
  return url;
}

}  // namespace edgeward::policy
