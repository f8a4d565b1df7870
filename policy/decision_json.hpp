#pragma once

#include <boost/json/fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "policy/router.hpp"

namespace edgeward::policy {

/// What an answer tells beside the decision.
struct Question {
  std::string_view client;  ///< the address, as it was asked about
  std::string_view key;     ///< the content's canonical key: `/path` or `host/path`
  bool is_stale = false;    ///< the snapshot is older than it should be
};

/// A decision as `edgeward route --json` and `GET /v1/route` give it. Ratios and scores have six
/// digits, degrees four (11 m), km and ms three.
///
///     {"edge":"fra1","url":"https://…","reason":"best_score","score":0.87,
///      "terms":{"distance":0.8,"hit":0.5,"load":1,"bandwidth":1},
///      "client":{"ip":"192.0.2.1","lat":50.1,"lon":8.7,"country":"DE","source":"mmdb"},
///      "distance_km":12.5,"runners_up":[{"edge":"ams1","score":0.7}],
///      "snapshot_version":7,"stale":false}
///
/// What there is not is null: edge, url, score, terms and distance_km without an edge; country, and
/// lat and lon, where they are not known.
[[nodiscard]] boost::json::object decision_json(const Decision& decision, const Question& question,
                                                const Snapshot& snapshot);

/// The same, with `hit_known` and `candidates`: every edge considered, as
/// {"edge","distance_km","score","terms","admit_share"} or {"edge","distance_km","excluded"}.
[[nodiscard]] boost::json::object explanation_json(const Explanation& explanation,
                                                   const Question& question,
                                                   const Snapshot& snapshot);

/// A score, or one of its terms, with as many digits as it has in JSON: those that are km or ms
/// have three, as these have.
[[nodiscard]] double rounded_score(float score, Scoring scoring);

/// What the terms of a score are called; as many as the scoring has.
[[nodiscard]] std::span<const std::string_view> term_names(Scoring scoring);

/// https://HOST/PATH: HOST is the edge's endpoint or else its name, PATH the key's. Bytes that no
/// URL may hold are percent-encoded, so it is safe in a header line.
[[nodiscard]] std::string content_url(const cache::Edge& edge, std::string_view key);

}  // namespace edgeward::policy
