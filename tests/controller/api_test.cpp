#include "controller/service/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "controller/config/yaml_map.hpp"
#include "tests/controller/asked_api.hpp"
#include "tests/policy/worlds.hpp"
#include "tests/support.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

}  // namespace

TEST_CASE("a route is answered with its terms") {
  Asked api;
  const HttpResponse& response = api.get("/v1/route?client=0.0.1.9&content=/a%20b");
  CHECK(response.status == 200);
  CHECK(response.content_type == "application/json");
  const json::object answer = body(response);
  CHECK(answer.at("edge") == "fra1");
  CHECK(answer.at("url") == "https://fra1/a%20b");
  CHECK(answer.at("client").as_object().at("ip") == "0.0.1.9");
  CHECK(answer.at("terms").as_object().size() == 4);
  CHECK(answer.at("stale") == false);
  const json::object explained =
      body(api.get("/v1/route?client=0.0.1.9&content=/a%20b&explain=1&service=other.example"));
  CHECK(explained.at("candidates").as_array().size() == 3);
  CHECK(body(api.get("http://any.host/v1/route?client=0.0.1.9&content=/a")).at("edge") == "fra1");
}

TEST_CASE("edges that report hits get the requests for what they hold") {
  Asked api;
  api.caller_.is_admin = true;
  const std::string route = "/v1/route?client=0.0.1.9&content=/film";
  CHECK(body(api.get(route)).at("edge") == "fra1");
  std::string events;
  for (int i = 0; i < 200; ++i) {
    events += fmt::format(R"({{"at":{},"edge":"fra1","key":"/film","size_bytes":9,"hit":false}})"
                          "\n"
                          R"({{"at":{},"edge":"ams1","key":"/film","size_bytes":9,"hit":true}})"
                          "\n",
                          kNowMs / 1000 - i, kNowMs / 1000 - i);
  }
  const HttpResponse& taken = api.post("/v1/events", events + "{}\n[]\n", "application/x-ndjson");
  CHECK(taken.status == 200);
  CHECK(taken.body == R"({"accepted":400,"rejected":{"bad_line":1,"no_edge":1}})"
                      "\n");
  api.tick();
  CHECK(body(api.get(route)).at("edge") == "ams1");
  const json::array edges = body(api.get("/v1/edges")).at("edges").as_array();
  CHECK(edges[0].as_object().at("hit_ratio").to_number<double>() == 0);
  CHECK(edges[1].as_object().at("hit_ratio").to_number<double>() == 1);
  CHECK(edges[2].as_object().at("hit_ratio").is_null());
}

TEST_CASE("demand is forecast of what edges report") {
  Asked api;
  api.caller_.is_admin = true;
  CHECK(body(api.get("/v1/forecast")).at("edges").as_array().empty());
  constexpr std::int64_t kHourMs = 3'600'000;
  const std::int64_t start_ms = kNowMs / kHourMs * kHourMs;
  for (int hour = 0; hour < 5; ++hour) {
    api.caller_.now_ms = start_ms + hour * kHourMs + 60'000;
    std::string events;
    for (int i = 0; i < 30; ++i)
      events += R"({"edge":"fra1","key":"/a","hit":true})"
                "\n";
    CHECK(body(api.post("/v1/events", events, "application/x-ndjson")).at("accepted") == 30);
    api.tick(api.caller_.now_ms);
  }
  api.caller_.now_ms = start_ms + 5 * kHourMs + 1000;
  api.tick(api.caller_.now_ms);
  const json::value one = body(api.get("/v1/forecast?edge=fra1&hours=3"));
  const json::array& edges = one.at("edges").as_array();
  REQUIRE(edges.size() == 1);
  CHECK(edges[0].at("edge") == "fra1");
  CHECK(edges[0].at("hours_seen") == 5);
  const json::array& requests = edges[0].at("requests").as_array();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0].at("at").to_number<std::int64_t>() == (start_ms + 6 * kHourMs) / 1000);
  for (const json::value& hour : requests) {
    const auto expected = hour.at("expected").to_number<double>();
    CHECK(expected == Approx(30).epsilon(0.1));
    CHECK(hour.at("low").to_number<double>() <= expected);
    CHECK(hour.at("high").to_number<double>() >= expected);
  }
  const json::value all = body(api.get("/v1/forecast"));
  REQUIRE(all.at("edges").as_array().size() == 3);
  CHECK(all.at("edges").as_array()[0].at("requests").as_array().size() == 24);
  CHECK(all.at("edges").as_array()[1].at("hours_seen") == 0);
  CHECK(all.at("edges").as_array()[2].at("requests").as_array().empty());
  CHECK(api.get("/v1/forecast?edge=lhr1").status == 404);
  CHECK(api.get("/v1/forecast?hours=0").status == 400);
  CHECK(api.get("/v1/forecast?hours=169").status == 400);
  CHECK(api.get("/v1/forecast?hours=x").status == 400);
  CHECK(api.get("/v1/forecast?day=1").status == 400);
}

TEST_CASE("measured round trips are handed on, and what came of them is said") {
  Asked api;
  api.caller_.is_admin = true;
  const HttpResponse& taken = api.post("/v1/rtt", "lines");
  CHECK(taken.status == 200);
  CHECK(taken.body == R"({"accepted":1,"rejected":{"bad_time":1,"faster_than_light":1}})"
                      "\n");
  CHECK(api.post("/v1/rtt", "neither").status == 400);
}

TEST_CASE("a redirection leads to the edge, and no byte of the request breaks its field") {
  Asked api;
  api.caller_.peer = geo::IpAddress::parse("0.0.1.9").value();
  const HttpResponse& response = api.get("/r/video/1.mp4?t=2");
  CHECK(response.status == 302);
  CHECK(response.location == "https://fra1/video/1.mp4?t=2");
  CHECK(api.get("http://r/r/r/a").location == "https://fra1/r/a");
  CHECK(api.get("/r/a%0d%0aSet-Cookie:%20x").location == "https://fra1/a%0D%0ASet-Cookie:%20x");
  CHECK(api.get("/r//evil.example/").location == "https://fra1//evil.example/");
}

TEST_CASE("only trusted callers ask for others, proxies say whom they ask for") {
  Asked api;
  api.caller_.peer = geo::IpAddress::parse("198.51.100.1").value();
  CHECK(api.get("/v1/route?client=0.0.1.9&content=/a").status == 403);
  CHECK(api.post("/v1/route", "[]").status == 403);
  CHECK(body(api.get("/v1/route?content=/a")).at("client").as_object().at("ip") == "198.51.100.1");
  api.caller_.peer = geo::IpAddress::parse("10.1.2.3").value();
  api.request_.x_forwarded_for = "0.0.1.7";
  CHECK(body(api.get("/v1/route?content=/a")).at("client").as_object().at("ip") == "0.0.1.7");
}

TEST_CASE("what is wrong with a request is said, with its status") {
  Asked api;
  const auto detail = [&](const std::string& target, int status) {
    const HttpResponse& response = api.get(target);
    CHECK(response.status == status);
    CHECK(response.content_type == "application/problem+json");
    const json::object problem = body(response);
    CHECK(problem.at("status") == status);
    return std::string(problem.at("detail").as_string());
  };
  CHECK(detail("/v1/route", 400) == "content: a path such as /a is missing");
  CHECK(detail("/v1/route?clent=1.1.1.1&content=/a", 400) ==
        "unknown parameter 'clent', did you mean 'client'?");
  CHECK(detail("/v1/route?client=x&content=/a", 400) ==
        "client: expected an IPv4 or IPv6 address, found 'x'");
  CHECK(detail("/v1/route?content=/a&content=/b", 400) == "parameter content is given twice");
  CHECK(detail("/v1/route?content=/a&size_bytes=-1", 400) ==
        "size_bytes: expected a whole number, found '-1'");
  CHECK(detail("/v1/route?content=/a&explain=maybe", 400) ==
        "explain: expected 1 or 0, found 'maybe'");
  CHECK(detail("/v1/route?content=/a&service=www.exmple", 400) ==
        "service: no service is named 'www.exmple', did you mean 'www.example'?");
  CHECK(detail("/nothing", 404) == "there is no '/nothing' here");
  CHECK(detail("*", 400) == "the target is no path with a query (RFC 9112, section 3.2)");
  CHECK(api.post("/healthz").status == 405);
  CHECK(api.post("/healthz").allow == "GET, HEAD");
}

TEST_CASE("a batch keeps its order, and a bad item is an error in its place") {
  Asked api;
  const std::string good = R"({"client":"0.0.1.9","content":"/a"})";
  const json::array answers =
      json::parse(api.post("/v1/route", "[" + good + R"(,{"content":"/a"},)" + good + "]").body)
          .as_array();
  REQUIRE(answers.size() == 3);
  CHECK(answers[0].as_object().at("edge") == "fra1");
  CHECK(answers[1].as_object().at("error") == "client: expected an IPv4 or IPv6 address, found ''");
  CHECK(answers[2] == answers[0]);
  const std::string lines =
      api.post("/v1/route", good + "\n\n{\"clinet\":1}\nnot json\n", "application/x-ndjson").body;
  CHECK(std::count(lines.begin(), lines.end(), '\n') == 3);
  CHECK(lines.find("unknown member 'clinet', did you mean 'client'?") != std::string::npos);
  CHECK(lines.find("the body is not JSON") != std::string::npos);
  CHECK(api.post("/v1/route", good, "text/plain").status == 415);
  CHECK(api.post("/v1/route", good).status == 400);
  CHECK(api.post("/v1/route", "[1,2,3,4]").status == 413);
}

TEST_CASE("an item of a batch is answered as it is alone") {
  Asked api;
  cache::Random random(6);
  for (int i = 0; i < 300; ++i) {
    std::vector<std::string> lines;
    std::string batch;
    for (int k = 0; k < 3; ++k) {
      const std::string client = fmt::format("0.0.{}.{}", random.below(3), random.below(256));
      const std::string content = fmt::format("/{}/%7e?x={}", random.below(9), random.below(1000));
      const auto size_bytes = random.below(1 << 20);
      const char* const service = random.below(2) == 0 ? "www.example" : "other.example";
      const json::value alone =
          json::parse(api.get(fmt::format("/v1/route?client={}&content={}&size_bytes={}&service={}",
                                          client, content, size_bytes, service))
                          .body);
      lines.push_back(json::serialize(alone));
      batch += fmt::format(R"({}{{"client":"{}","content":"{}","size_bytes":{},"service":"{}"}})",
                           k == 0 ? "" : ",\n", client, content, size_bytes, service);
    }
    const json::array array = json::parse(api.post("/v1/route", "[" + batch + "]").body).as_array();
    for (std::size_t at = batch.find(",\n"); at != std::string::npos; at = batch.find(",\n")) {
      batch.erase(at, 1);
    }
    std::string_view rest = api.post("/v1/route", batch, "application/x-ndjson").body;
    for (std::size_t k = 0; k < lines.size(); ++k) {
      CHECK(json::serialize(array.at(k)) == lines[k]);
      const std::size_t end = rest.find('\n');
      CHECK(json::serialize(json::parse(rest.substr(0, end))) == lines[k]);
      rest.remove_prefix(end + 1);
    }
    CHECK(rest.empty());
  }
}

TEST_CASE("states and drains lead clients elsewhere from the next tick on") {
  Asked api;
  const auto edge = [&] {
    return std::string(body(api.get("/v1/route?client=0.0.1.9&content=/a")).at("edge").as_string());
  };
  CHECK(edge() == "fra1");
  api.caller_.is_admin = true;
  CHECK(api.post("/v1/state", R"({"edge":"fra1","seq":5,"mode":"down"})").status == 204);
  CHECK(api.post("/v1/state", R"({"edge":"fra1","seq":4,"mode":"ready"})").status == 409);
  CHECK(api.post("/v1/state", R"({"edge":"fra9"})").status == 404);
  CHECK(api.post("/v1/state", R"({"edge":)").status == 400);
  api.tick();
  CHECK(edge() == "ams1");
  CHECK(api.post("/v1/edges/ams1/drain").status == 204);
  CHECK(api.post("/v1/edges/ams9/drain").status == 404);
  CHECK(api.saves_ == 1);
  api.tick();
  CHECK(edge() == "nrt1");
  CHECK(api.publisher_.known()[1].known.is_drained);
  CHECK_FALSE(api.publisher_.known()[0].known.is_drained);
  const json::array edges = body(api.get("/v1/edges")).at("edges").as_array();
  REQUIRE(edges.size() == 3);
  CHECK(edges[0].as_object().at("excluded") == "down");
  CHECK(edges[1].as_object().at("drained") == true);
  CHECK(edges[2].as_object().at("requests_per_second").to_number<double>() == 0);
  api.tick();
  CHECK(body(api.get("/v1/edges"))
            .at("edges")
            .as_array()[2]
            .as_object()
            .at("requests_per_second")
            .to_number<double>() == 1);
  CHECK(api.post("/v1/edges/nrt1/drain").status == 204);
  api.tick();
  const HttpResponse& none = api.get("/v1/route?client=0.0.1.9&content=/a");
  CHECK(none.status == 503);
  CHECK(none.retry_after_s == 1);
  CHECK(body(none).at("reason") == "no_edge");
  CHECK(api.get("/r/a").status == 503);
  CHECK(api.post("/v1/edges/ams1/undrain").status == 204);
  api.tick();
  CHECK(edge() == "ams1");
}

TEST_CASE("the description describes what there is and nothing else") {
  Faults faults("openapi.yaml");
  const auto description =
      parse_yaml(test::read_file(std::string(EDGEWARD_SOURCE_DIR) + "/data/openapi.yaml"), faults);
  REQUIRE(faults.empty());
  YamlMap map(*description, "a description", faults);
  const YamlNode* const paths = map.find("paths");
  REQUIRE(paths != nullptr);
  std::set<std::string> described;
  for (const YamlNode& path : paths->children) {
    std::string wild = path.key;
    for (std::size_t at = wild.find('{'); at != std::string::npos; at = wild.find('{')) {
      wild.replace(at, wild.find('}') - at + 1, "*");
    }
    for (const YamlNode& method : path.children) {
      std::string verb = method.key;
      std::transform(verb.begin(), verb.end(), verb.begin(),
                     [](char c) { return static_cast<char>(c - 'a' + 'A'); });
      described.insert(verb + " " + wild);
      const YamlNode& tag = method.children.front().children.front();
      // What the public listener lacks is tagged so.
      Asked api;
      const int status = api.ask(verb, wild).status;
      CHECK((status == 404) == (tag.text == "admin"));
    }
  }
  const std::vector<std::string> operations = Api::operations();
  CHECK(described == std::set<std::string>(operations.begin(), operations.end()));
}

TEST_CASE("what was decided is counted, and why a reload was refused is shown") {
  Asked api;
  api.get("/v1/route?client=0.0.1.9&content=/a");
  api.get("/v1/route?client=0.0.1.9&content=/b");
  api.get("/nothing");
  api.publisher_.refuse_reload("edgeward.yaml:1:2: \"odd\"", kNowMs);
  api.tick();
  api.caller_.is_admin = true;
  const std::string text = api.get("/metrics").body;
  const auto has = [&](const std::string& line) {
    INFO(line);
    CHECK(text.find("\n" + line + "\n") != std::string::npos);
  };
  const std::string labels = "source=\"mmdb\",service=\"www.example\"";
  has("edgeward_decisions_total{reason=\"best_score\"," + labels + "} 2");
  has("edgeward_decisions_total{reason=\"no_edge\"," + labels + "} 0");
  has("edgeward_http_answers_total{listener=\"clients\",status=\"2xx\"} 2");
  has("edgeward_http_answers_total{listener=\"clients\",status=\"4xx\"} 1");
  has("edgeward_snapshot_version 2");
  has("edgeward_reloads_total{result=\"refused\"} 1");
  has("edgeward_last_reload_refused 1");
  has("edgeward_edge_requests_per_second{edge=\"fra1\"} 2");
  has("edgeward_edge_candidate{edge=\"nrt1\"} 1");
  CHECK(body(api.get("/v1/edges")).at("reload_error") == "edgeward.yaml:1:2: \"odd\"");
  api.replace(europe());
  CHECK(body(api.get("/v1/edges")).at("reload_error").is_null());
}

TEST_CASE("what is for operators is not there for others, and may need a token") {
  Asked open;
  CHECK(open.get("/v1/edges").status == 404);
  Asked guarded("secret");
  guarded.caller_.is_admin = true;
  CHECK(guarded.get("/v1/edges").status == 401);
  CHECK(guarded.get("/v1/edges").wants_token);
  for (const char* wrong :
       {"Bearer secre", "Bearer secret2", "Bearer Secret", "secret", "Basic secret"}) {
    guarded.request_.authorization = wrong;
    CHECK(guarded.get("/v1/edges").status == 401);
  }
  guarded.request_.authorization = "bearer secret";
  CHECK(guarded.get("/v1/edges").status == 200);
  CHECK(guarded.post("/v1/reload").status == 202);
  CHECK(guarded.reloads_ == 1);
}

TEST_CASE("answers say when they are stale, and readiness ends") {
  Asked api;
  CHECK(api.get("/readyz").status == 200);
  api.caller_.now_ms = kNowMs + 5001;
  CHECK(body(api.get("/v1/route?client=0.0.1.9&content=/a")).at("stale") == true);
  CHECK(api.get("/readyz").status == 503);
  CHECK(api.get("/healthz").status == 200);
  api.tick(api.caller_.now_ms);
  CHECK(api.get("/readyz").status == 200);
}

TEST_CASE("a reload keeps the states of edges that stay") {
  Asked api;
  api.caller_.is_admin = true;
  api.post("/v1/edges/fra1/drain");
  api.replace(europe());
  api.tick();
  CHECK(body(api.get("/v1/route?client=0.0.1.9&content=/a")).at("edge") == "ams1");
}

TEST_CASE("what nobody decides by any more is given back at a tick and by no worker") {
  Asked api;
  Publisher::Snapshot held = api.publisher_.current();
  const std::weak_ptr<const policy::Snapshot> first = held;
  api.tick();
  api.tick();
  CHECK(api.publisher_.current() != held);
  held.reset();  // as a worker does
  CHECK_FALSE(first.expired());
  api.tick();
  CHECK(first.expired());
}

}  // namespace edgeward::controller
