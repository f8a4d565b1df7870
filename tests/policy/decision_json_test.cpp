#include "policy/decision_json.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
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

std::vector<std::string> keys(const json::object& object) {
  std::vector<std::string> names;
  for (const auto& member : object) names.emplace_back(member.key());
  return names;
}

}  // namespace

TEST_CASE("a decision has the members of the interface, in their order") {
  const Snapshot snapshot = small_world().snapshot();
  const json::object answer = decision_json(route(kRequest, snapshot), kQuestion, snapshot);
  CHECK(keys(answer) == std::vector<std::string>{"edge", "url", "reason", "score", "terms",
                                                 "client", "distance_km", "runners_up",
                                                 "snapshot_version", "stale"});
  CHECK(answer.at("edge") == "fra1");
  CHECK(answer.at("url") == "https://fra1/a");
  CHECK(answer.at("reason") == "best_score");
  CHECK(answer.at("client") == json::parse(R"({"ip": "0.0.1.1", "lat": 50.0, "lon": 8.5,
                                               "country": "DE", "source": "mmdb"})"));
  CHECK(answer.at("snapshot_version") == 7);
  CHECK(answer.at("stale") == false);
  REQUIRE(answer.at("runners_up").as_array().size() == 1);
  CHECK(answer.at("runners_up").at(0).at("edge") == "ams1");
}

TEST_CASE("numbers of an answer are rounded to what they mean") {
  const Snapshot snapshot = small_world().snapshot();
  const json::object answer = decision_json(route(kRequest, snapshot), kQuestion, snapshot);
  // 0.3 · 1 + 0.4 · 0.5 + 0.2 · 0.8 + 0.1 · 1
  CHECK(answer.at("score") == 0.76);
  CHECK(answer.at("terms") ==
        json::parse(R"({"distance": 1.0, "hit": 0.5, "load": 0.8, "bandwidth": 1.0})"));
  CHECK(json_text(answer).find("0.76,") != std::string::npos);
}

TEST_CASE("the score of an answer is the weighted sum of its terms, as printed") {
  cache::Random random(5);
  World world = World::random(random, 12, 30);
  const Snapshot snapshot = world.snapshot();
  for (int i = 0; i < 200; ++i) {
    const Explanation explanation = explain(World::request(random, 30), snapshot);
    const json::object answer = explanation_json(explanation, kQuestion, snapshot);
    for (const json::value& candidate : answer.at("candidates").as_array()) {
      if (candidate.as_object().contains("excluded")) continue;
      const json::object& terms = candidate.at("terms").as_object();
      const double sum = 0.3 * terms.at("distance").as_double() +
                         0.4 * terms.at("hit").as_double() + 0.2 * terms.at("load").as_double() +
                         0.1 * terms.at("bandwidth").as_double();
      REQUIRE(candidate.at("score").as_double() == Approx(sum).margin(3e-6));
    }
  }
}

TEST_CASE("an explanation names every edge once, with its terms or why it is none") {
  World world = small_world();
  world.states[1].mode = cache::EdgeMode::drain;
  world.options.candidates_min = 1;
  const Snapshot snapshot = world.snapshot();
  const json::object answer = explanation_json(explain(kRequest, snapshot), kQuestion, snapshot);
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
    return keys(
        decision_json(route(kRequest, snapshot), kQuestion, snapshot).at("terms").as_object());
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
  const json::object answer = decision_json(route(kRequest, snapshot), kQuestion, snapshot);
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
  const json::object answer = decision_json(route(request, snapshot), kQuestion, snapshot);
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
  const std::string text = json_text(decision_json(route(kRequest, snapshot), question, snapshot));
  const json::value answer = json::parse(text);
  CHECK(answer.at("edge") == "a\"b\\\n");
  CHECK(answer.at("client").at("ip") == "\"\x01</script>");
}

}  // namespace edgeward::policy
