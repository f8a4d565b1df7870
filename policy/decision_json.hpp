#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/decimal.hpp"
#include "policy/router.hpp"

namespace edgeward::policy {

/// What an answer tells beside the decision.
struct Question {
  std::string_view client;  ///< the address, as it was asked about
  std::string_view key;     ///< the content's canonical key: `/path` or `host/path`
  bool is_stale = false;    ///< the snapshot is older than it should be
};

/// Writes decisions as `edgeward route --json` and `/v1/route` give them, on one line (see
/// indented_json). Ratios and scores have six digits, degrees four (11 m), km and ms three.
///
///     {"edge":"fra1","url":"https://…","reason":"best_score","score":0.87,
///      "terms":{"distance":0.8,"hit":0.5,"load":1,"bandwidth":1},
///      "client":{"ip":"192.0.2.1","lat":50.1,"lon":8.7,"country":"DE","source":"mmdb"},
///      "distance_km":12.5,"runners_up":[{"edge":"ams1","score":0.7}],
///      "snapshot_version":7,"stale":false}
///
/// What there is not is null: edge, url, score, terms and distance_km without an edge; country, and
/// lat and lon, where they are not known.
///
/// Made for a fleet, whose names it keeps as JSON spells them: writing a decision is copying, and
/// allocates nothing once the text has room.
class DecisionWriter {
 public:
  explicit DecisionWriter(std::shared_ptr<const FleetPart> fleet);

  /// Appends a decision by a snapshot with that fleet.
  void append(const Decision& decision, const Question& question, std::string& out) const;
  /// The same, with `hit_known` and `candidates`: every edge considered, as
  /// {"edge","distance_km","score","terms","admit_share"} or {"edge","distance_km","excluded"}.
  void append(const Explanation& explanation, const Question& question, std::string& out) const;

 private:
  class Text;

  /// An edge's name and the beginning of its addresses, as JSON strings; the latter's is open.
  struct Names {
    std::string edge;
    std::string url;
  };

  [[nodiscard]] std::size_t bytes_max(const Question& question) const;
  void write_terms(const Terms& terms, Text& text) const;
  void write_client(const geo::Cell& cell, std::string_view address, Text& text) const;
  void write(const Decision& decision, const Question& question, Text& text) const;
  void write(const Considered& considered, Text& text) const;

  std::shared_ptr<const FleetPart> fleet_;
  std::vector<Names> names_;  ///< by edge
  std::vector<std::string> term_starts_;
  Decimals score_decimals_ = Decimals::six;
  std::size_t names_bytes_max_ = 0;  ///< of all that one decision names
};

/// A score, or one of its terms, with as many digits as it has in JSON: those that are km or ms
/// have three, as these have.
[[nodiscard]] double rounded_score(float score, Scoring scoring);

/// What the terms of a score are called; as many as the scoring has.
[[nodiscard]] std::span<const std::string_view> term_names(Scoring scoring);

/// https://HOST/PATH: HOST is the edge's endpoint or else its name, PATH the key's. Bytes that no
/// URL may hold are percent-encoded, so it is safe in a header line.
[[nodiscard]] std::string content_url(const cache::Edge& edge, std::string_view key);

}  // namespace edgeward::policy
