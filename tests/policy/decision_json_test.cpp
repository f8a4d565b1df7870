#include "policy/decision_json.hpp"

#include <bit>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <map>

#include "policy/json.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::policy {

namespace {

namespace json = boost::json;

/// A client in Frankfurt, an edge there, one in Amsterdam, one beyond the radius and a shield.
World small_world() {
  World world;
  world.add_edge("fra1", {50.0, 8.5});
  world.add_edge("ams1", {52.3, 4.8});
  world.add_edge("nrt1", {35.8, 140.4});
  world.add_edge("shield", {50.0, 8.5});
  world.fleet->edges[3].is_shield = true;
  world.add_place({50.0, 8.5}, "DE");
  world.options.candidates_min = 2;
  world.options.spread_epsilon_score = 0;
  return world;
}

const Request kRequest{.client = World::client(0), .content = cache::ContentId{5}};
const Question kQuestion{.client = "0.0.1.1", .key = "/a"};

/// What is written of a decision or an explanation, read by another library.
template <class Decided>
json::object written(const Decided& decided, const Question& question, const Snapshot& snapshot) {
  std::string text;
  DecisionWriter(snapshot.fleet).append(decided, question, text);
  return json::parse(text).as_object();
}

std::vector<std::string> keys(const json::object& object) {
  std::vector<std::string> names;
  for (const auto& member : object) names.emplace_back(member.key());
  return names;
}

}  // namespace

TEST_CASE("a decision has the members of the interface, in their order") {
  const Snapshot snapshot = small_world().snapshot();
  const json::object answer = written(route(kRequest, snapshot), kQuestion, snapshot);
  CHECK(keys(answer) == std::vector<std::string>{"edge", "url", "reason", "score", "terms",
                                                 "client", "distance_km", "runners_up",
                                                 "snapshot_version", "stale"});
  CHECK(answer.at("edge") == "fra1");
  CHECK(answer.at("url") == "https://fra1/a");
  CHECK(answer.at("reason") == "best_score");
  CHECK(answer.at("client") == json::parse(R"({"ip": "0.0.1.1", "lat": 50, "lon": 8.5,
                                               "country": "DE", "source": "mmdb"})"));
  CHECK(answer.at("snapshot_version") == 7);
  CHECK(answer.at("stale") == false);
  REQUIRE(answer.at("runners_up").as_array().size() == 1);
  CHECK(answer.at("runners_up").at(0).at("edge") == "ams1");
}

TEST_CASE("numbers of an answer are rounded to what they mean") {
  const Snapshot snapshot = small_world().snapshot();
  const json::object answer = written(route(kRequest, snapshot), kQuestion, snapshot);
  // 0.3 · 1 + 0.4 · 0.5 + 0.2 · 0.8 + 0.1 · 1
  CHECK(answer.at("score") == 0.76);
  CHECK(answer.at("terms") ==
        json::parse(R"({"distance": 1, "hit": 0.5, "load": 0.8, "bandwidth": 1})"));
  CHECK(json_text(answer).find("0.76,") != std::string::npos);
}

TEST_CASE("the score of an answer is the weighted sum of its terms, as printed") {
  cache::Random random(5);
  World world = World::random(random, 12, 30);
  const Snapshot snapshot = world.snapshot();
  for (int i = 0; i < 200; ++i) {
    const Explanation explanation = explain(World::request(random, 30), snapshot);
    const json::object answer = written(explanation, kQuestion, snapshot);
    for (const json::value& candidate : answer.at("candidates").as_array()) {
      if (candidate.as_object().contains("excluded")) continue;
      const json::object& terms = candidate.at("terms").as_object();
      const double sum = 0.3 * terms.at("distance").to_number<double>() +
                         0.4 * terms.at("hit").to_number<double>() +
                         0.2 * terms.at("load").to_number<double>() +
                         0.1 * terms.at("bandwidth").to_number<double>();
      REQUIRE(candidate.at("score").to_number<double>() == Approx(sum).margin(3e-6));
    }
  }
}

TEST_CASE("an explanation names every edge once, with its terms or why it is none") {
  World world = small_world();
  world.states[1].mode = cache::EdgeMode::drain;
  world.options.candidates_min = 1;
  const Snapshot snapshot = world.snapshot();
  const json::object answer = written(explain(kRequest, snapshot), kQuestion, snapshot);
  const json::array& candidates = answer.at("candidates").as_array();
  REQUIRE(candidates.size() == 4);
  CHECK(keys(candidates[0].as_object()) ==
        std::vector<std::string>{"edge", "distance_km", "score", "terms", "admit_share"});
  CHECK(answer.at("hit_known") == false);
  std::map<std::string, std::string> excluded;
  for (const json::value& candidate : candidates) {
    const json::object& edge = candidate.as_object();
    if (!edge.contains("excluded")) continue;
    excluded[std::string(edge.at("edge").as_string())] = edge.at("excluded").as_string();
    CHECK_FALSE(edge.contains("score"));
  }
  CHECK(excluded == std::map<std::string, std::string>{
                        {"ams1", "drain"}, {"nrt1", "too_far"}, {"shield", "shield"}});
}

TEST_CASE("terms have the names of their scoring") {
  World world = small_world();
  const auto terms = [&](Scoring scoring) {
    world.options.scoring = scoring;
    const Snapshot snapshot = world.snapshot();
    return keys(written(route(kRequest, snapshot), kQuestion, snapshot).at("terms").as_object());
  };
  CHECK(terms(Scoring::latency) ==
        std::vector<std::string>{"network_ms", "queue_ms", "miss_ms", "transfer_ms"});
  CHECK(terms(Scoring::nearest) == std::vector<std::string>{"distance_km"});
  CHECK(terms(Scoring::random).empty());
}

TEST_CASE("without an edge, what there is not is null") {
  World world = small_world();
  for (cache::EdgeState& state : world.states) state.mode = cache::EdgeMode::down;
  const Snapshot snapshot = world.snapshot();
  const json::object answer = written(route(kRequest, snapshot), kQuestion, snapshot);
  for (const char* const key : {"edge", "url", "score", "terms", "distance_km"}) {
    CHECK(answer.at(key).is_null());
  }
  CHECK(answer.at("reason") == "no_edge");
  CHECK(answer.at("runners_up").as_array().empty());
}

TEST_CASE("a client of whom nothing is known has no place and no country") {
  const World world = small_world();
  const Snapshot snapshot = world.snapshot();
  const Request request{.client = *geo::IpAddress::parse("203.0.113.1")};
  const json::object answer = written(route(request, snapshot), kQuestion, snapshot);
  CHECK(answer.at("client") == json::parse(R"({"ip": "0.0.1.1", "lat": null, "lon": null,
                                               "country": null, "source": "none"})"));
}

TEST_CASE("an address of the content goes to the endpoint, and holds no byte that ends a header") {
  cache::Edge edge{.name = "fra1"};
  CHECK(content_url(edge, "/a/b?c=d&e=%20") == "https://fra1/a/b?c=d&e=%20");
  edge.endpoint = "fra1.cdn.example:8443";
  CHECK(content_url(edge, "/a") == "https://fra1.cdn.example:8443/a");
  CHECK(content_url(edge, "www.example/a") == "https://fra1.cdn.example:8443/a");
  CHECK(content_url(edge, "") == "https://fra1.cdn.example:8443/");
  CHECK(content_url(edge, "/a\r\nX: y\"<\xC3\xA9>#f") ==
        "https://fra1.cdn.example:8443/a%0D%0AX:%20y%22%3C%C3%A9%3E%23f");
}

TEST_CASE("hostile names come out as JSON strings") {
  World world = small_world();
  world.fleet->edges[0].name = "a\"b\\\n";
  const Snapshot snapshot = world.snapshot();
  const Question question{.client = "\"\x01</script>", .key = "/\"}"};
  const json::object answer = written(route(kRequest, snapshot), question, snapshot);
  CHECK(answer.at("edge") == "a\"b\\\n");
  CHECK(answer.at("client").at("ip") == "\"\x01</script>");
}

namespace {

double rounded(double value, double steps) {
  const double result = std::round(value * steps) / steps;
  return result == 0 ? 0 : result;  // no -0
}

json::value number(double value, Scoring scoring) {
  return rounded(value, scoring == Scoring::latency || scoring == Scoring::nearest ? 1e3 : 1e6);
}

json::object terms_oracle(const Terms& terms, Scoring scoring) {
  json::object result;
  const auto names = term_names(scoring);
  for (std::size_t i = 0; i < names.size(); ++i) result[names[i]] = number(terms[i], scoring);
  return result;
}

/// What DecisionWriter writes, as a value of a JSON library: slow, and plainly right.
json::object oracle(const Decision& decision, const Question& question, const Snapshot& snapshot) {
  const FleetPart& fleet = *snapshot.fleet;
  const Scoring scoring = fleet.options().scoring;
  const bool has_edge = decision.edge != cache::kNoEdge;
  json::object result{{"edge", nullptr}, {"url", nullptr}};
  if (has_edge) {
    result["edge"] = fleet.fleet()[decision.edge].name;
    result["url"] = content_url(fleet.fleet()[decision.edge], question.key);
  }
  result["reason"] = name(decision.reason);
  result["score"] = has_edge ? number(decision.score, scoring) : nullptr;
  result["terms"] = has_edge ? json::value(terms_oracle(decision.terms, scoring)) : nullptr;
  const geo::Location location = fleet.map()[decision.cell].location();
  json::object client{
      {"ip", question.client}, {"lat", nullptr}, {"lon", nullptr}, {"country", nullptr}};
  if (location.source != geo::LocationSource::none) {
    client["lat"] = rounded(location.point.lat_deg, 1e4);
    client["lon"] = rounded(location.point.lon_deg, 1e4);
  }
  if (location.country != geo::Country::none) client["country"] = to_text(location.country);
  client["source"] = name(location.source);
  result["client"] = client;
  result["distance_km"] = has_edge ? json::value(rounded(decision.distance_km, 1e3)) : nullptr;
  json::array runners_up;
  for (const Decision::RunnerUp& runner_up : decision.runners_up) {
    if (runner_up.edge == cache::kNoEdge) continue;
    runners_up.push_back({{"edge", fleet.fleet()[runner_up.edge].name},
                          {"score", number(runner_up.score, scoring)}});
  }
  result["runners_up"] = runners_up;
  result["snapshot_version"] = decision.snapshot_version;
  result["stale"] = question.is_stale;
  return result;
}

json::object oracle(const Explanation& explanation, const Question& question,
                    const Snapshot& snapshot) {
  const Scoring scoring = snapshot.fleet->options().scoring;
  json::object result = oracle(explanation.decision, question, snapshot);
  result["hit_known"] = explanation.is_hit_known;
  json::array candidates;
  for (const Considered& considered : explanation.considered) {
    json::object candidate{{"edge", snapshot.fleet->fleet()[considered.edge].name},
                           {"distance_km", rounded(considered.distance_km, 1e3)}};
    if (considered.exclusion != Exclusion::none) {
      candidate["excluded"] = name(considered.exclusion);
    } else {
      candidate["score"] = number(considered.score, scoring);
      candidate["terms"] = terms_oracle(considered.terms, scoring);
      candidate["admit_share"] = rounded(considered.admit_share, 1e6);
    }
    candidates.push_back(candidate);
  }
  result["candidates"] = candidates;
  return result;
}

/// Text of bytes that need some care, now and then.
std::string odd_text(cache::Random& random) {
  constexpr std::string_view kBytes = "/abz09.-~%?#\"\\\n\x01{}[],: \x7F\xC3\xA9";
  std::string text = random.below(2) == 0 ? "/" : "";
  for (std::uint64_t i = random.below(40); i > 0; --i) text += kBytes[random.below(kBytes.size())];
  return text;
}

}  // namespace

TEST_CASE("a decision is written byte for byte as a JSON library writes it") {
  for (const Scoring scoring :
       {Scoring::weighted, Scoring::latency, Scoring::nearest, Scoring::random}) {
    cache::Random random(11);
    World world = World::random(random, 20, 40);
    world.options.scoring = scoring;
    world.fleet->edges[3].name = "e\"3\\";
    world.fleet->edges[4].endpoint = "e4.cdn.example:8443";
    world.places[5].point = {-0.00001, -179.99996};
    const Snapshot snapshot = world.snapshot();
    const DecisionWriter writer(snapshot.fleet);
    std::string all;
    std::string all_expected;
    for (int i = 0; i < 500; ++i) {
      Request request = World::request(random, 50);  // some of them nowhere
      request.content = cache::ContentId{random.below(1000)};
      const std::string client = i % 3 == 0 ? odd_text(random) : request.client.text();
      const std::string key = odd_text(random);
      const Question question{.client = client, .key = key, .is_stale = i % 2 == 0};
      const Explanation explanation = explain(request, snapshot);
      writer.append(explanation.decision, question, all);
      all += '\n';
      all_expected += json_line(oracle(explanation.decision, question, snapshot));
      REQUIRE(all == all_expected);
      std::string explained;
      writer.append(explanation, question, explained);
      REQUIRE(indented_json(explained) == json_text(oracle(explanation, question, snapshot)));
    }
  }
}

TEST_CASE("numbers that are none are null, wherever they stand in a decision") {
  const Snapshot snapshot = small_world().snapshot();
  cache::Random random(2);
  const auto any = [&] { return std::bit_cast<float>(static_cast<std::uint32_t>(random.next())); };
  for (int i = 0; i < 2000; ++i) {
    Decision decision = route(kRequest, snapshot);
    decision.score = any();
    decision.distance_km = any();
    for (float& term : decision.terms) term = any();
    std::string line;
    DecisionWriter(snapshot.fleet).append(decision, kQuestion, line);
    REQUIRE(line + "\n" == json_line(oracle(decision, kQuestion, snapshot)));
  }
}

TEST_CASE("a value is laid out the same, written at once or from its line") {
  const json::value value = json::parse(
      R"({"a":"]},:\"\\","b":[],"c":{},"long":["0123456789012345678901234567890123456789",
          {"deep":["0123456789012345678901234567890123456789","x"]},-1.5,true,null],"d":[[[]]]})");
  std::string line = json_line(value);
  line.pop_back();
  const std::string text = indented_json(line);
  CHECK(text == json_text(value));
  CHECK(json::parse(text) == value);
  CHECK(text.find("\n  \"b\": [],\n") != std::string::npos);
}

}  // namespace edgeward::policy
