#include "controller/service/api.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "cache/store/memory_store.hpp"
#include "controller/config/yaml_map.hpp"
#include "controller/service/purging.hpp"
#include "tests/policy/worlds.hpp"
#include "tests/support.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

constexpr std::int64_t kNowMs = 1'700'000'000'000;

/// Three edges, clients of 0.0.1.0/24 in Frankfurt; edges that never reported are ready.
Routing europe() {
  policy::World world;
  world.add_edge("fra1", {50.03, 8.57});
  world.add_edge("ams1", {52.31, 4.76});
  world.add_edge("nrt1", {35.76, 140.39});
  world.add_place({50.11, 8.68});
  world.options.spread_epsilon_score = 0;
  world.options.candidates_min = 1;
  world.options.services = {policy::Service{.name = "www.example"},
                            policy::Service{.name = "other.example"}};
  Routing routing;
  routing.fleet = world.fleet;
  routing.map = world.map();
  routing.part =
      std::make_shared<const policy::FleetPart>(routing.fleet, world.options, routing.map);
  return routing;
}

/// An Api, asked without a network.
class Asked {
 public:
  explicit Asked(std::string token = {}, const Routing& routing = europe(),
                 Purging* purging = nullptr)
      : learning_(routing.fleet, {.interval_ms = 0}, 0.5),
        publisher_(routing, {.is_silent_ready = true}, kNowMs),
        api_({.trust = {.callers = {*geo::IpPrefix::parse("127.0.0.0/8")},
                        .proxies = {*geo::IpPrefix::parse("10.0.0.0/8")}},
              .admin_token = std::move(token),
              .stale_after_ms = 5000,
              .batch_items_max = 3},
             {.reload = [this] { return ++reloads_ == 1; },
              .save = [this] { ++saves_; },
              .learn = [this](auto events,
                              const cache::Fleet& of) { return learning_.add(events, of); },
              .measure =
                  [](std::string_view body, const geo::AddressMap&, std::int64_t) {
                    if (body == "neither") throw sim::InputError("the body:1: neither");
                    sim::RttReading reading{.lines = 3, .accepted = 1};
                    reading.faults[static_cast<std::size_t>(sim::RttLineFault::bad_time)] = 1;
                    reading
                        .rejected[static_cast<std::size_t>(geo::RttRejection::faster_than_light)] =
                        1;
                    return reading;
                  },
              .purging = purging,
              .catalog = &catalog_},
             publisher_) {
    caller_.peer = geo::IpAddress::parse("127.0.0.1").value();
    caller_.now_ms = kNowMs;
  }

  const HttpResponse& get(const std::string& target) {
    request_.method = "GET";
    request_.target = target;
    api_.answer(request_, caller_, response_);
    return response_;
  }
  const HttpResponse& post(const std::string& target, const std::string& body = {},
                           const std::string& type = "application/json") {
    request_.method = "POST";
    request_.target = target;
    request_.body = body;
    request_.content_type = type;
    api_.answer(request_, caller_, response_);
    request_.body.clear();
    return response_;
  }
  const HttpResponse& ask(const std::string& method, const std::string& target,
                          const std::string& body = {}) {
    request_.method = method;
    request_.target = target;
    request_.body = body;
    api_.answer(request_, caller_, response_);
    request_.body.clear();
    return response_;
  }
  void tick(std::int64_t now_ms = kNowMs) {
    publisher_.add(api_.take());
    if (auto hits = learning_.learn(now_ms)) publisher_.set_hits(std::move(*hits));
    api_.install(publisher_.tick(now_ms, 1));
  }
  void replace(const Routing& routing) {
    publisher_.replace(routing, {.is_silent_ready = true}, learning_.replace(routing.fleet, kNowMs),
                       kNowMs);
  }

  HttpRequest request_;
  Caller caller_;
  HitLearning learning_;
  const Log log_{LogOptions{}};
  ServedCatalog catalog_{{.entries_max = 3, .now_ms = [] { return kNowMs; }}, {}, log_};
  Publisher publisher_;
  int reloads_ = 0;
  int saves_ = 0;

 private:
  Api api_;
  HttpResponse response_;
};

json::object body(const HttpResponse& response) {
  return json::parse(response.body).as_object();
}

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

TEST_CASE("a purge is taken at once and asked about later") {
  Asked without;
  without.caller_.is_admin = true;
  CHECK(without.post("/v1/purge", R"({"key":"/a"})").status == 503);
  CHECK(without.get("/v1/purges").status == 503);
  CHECK(body(without.get("/v1/purges/1")).at("detail").as_string().find("no Redis") !=
        json::string::npos);

  cache::MemoryStore memory([] { return std::int64_t{0}; });
  const Log log({.level = LogLevel::error});
  Purging purging(memory.purges(), log);
  Asked api({}, europe(), &purging);
  CHECK(api.post("/v1/purge", R"({"key":"/a"})").status == 404);  // not for clients
  api.caller_.is_admin = true;
  const HttpResponse taken = api.post("/v1/purge", R"({"prefix":"https://h/a b/"})");
  CHECK(taken.status == 202);
  const json::object purge = body(taken);
  const std::string id(purge.at("id").as_string());
  CHECK(taken.location == "/v1/purges/" + id);
  CHECK(purge.at("text") == "/a%20b/");
  CHECK(purge.at("at").to_number<double>() == static_cast<double>(kNowMs) / 1000);
  CHECK(purge.at("pending") == 3);
  CHECK(body(api.get("/v1/purges/" + id)).at("edges").as_array().size() == 3);
  const HttpResponse named = api.post("/v1/purge", R"({"key":"/a","edges":["ams1"]})");
  CHECK(body(named).at("pending") == 1);
  CHECK(api.post("/v1/purge", R"({"key":"/a","edges":["ams1","nowhere"]})").status == 404);
  CHECK(api.post("/v1/purge", R"({"prefix":"*"})").status == 400);
  CHECK(api.post("/v1/purge", R"({"prefix":"/"})").status == 400);
  CHECK(api.post("/v1/purge", "nonsense").status == 400);
  CHECK(api.get("/v1/purge").status == 405);
  // A moment after the first question.
  for (int i = 0; i < 20'000 && api.get("/v1/purges").status == 503; ++i) ::poll(nullptr, 0, 1);
  CHECK(body(api.get("/v1/purges")).at("purges").as_array().size() == 2);
  CHECK(api.get("/v1/purges/00000000000000aa").status == 404);
  CHECK(api.get("/v1/purges/" + std::string(5000, 'a')).status == 404);
}

TEST_CASE("what is put into the catalogue is got, listed and removed under its canonical key") {
  Asked api;
  api.caller_.is_admin = true;
  CHECK(api.get("/v1/catalog/films/1.mp4").status == 404);
  const HttpResponse& put =
      api.ask("PUT", "/v1/catalog/films/./%31.mp4?b=1",
              R"({"size_bytes":5000000000,"duration_min":92.5,"type":"video/mp4","rating":7.5,)"
              R"("views":99,"created_at":1636928000})");
  CHECK(put.status == 201);
  // Two years and fifty seconds before now: 0.4·2 + 0.3·7.5 + 0.3·e^-2.
  const json::object entry = body(put);
  CHECK(entry.at("key") == "/films/1.mp4?b=1");
  CHECK(entry.at("content").as_string().c_str() ==
        cache::to_hex(cache::content_id("/films/1.mp4?b=1")));
  CHECK(entry.at("popularity").as_double() == Approx(3.090600584971).epsilon(1e-12));
  CHECK(entry.at("last_viewed_at").is_null());
  CHECK(body(api.get("/v1/catalog/films/1.mp4?b=1")) == entry);
  CHECK(body(api.get("/v1/catalog//films/1.mp4?b=1")) == entry);
  CHECK(api.get("/v1/catalog/films/1.mp4").status == 404);

  // As it was answered, changed, it may be put again; what it does not say of views stays.
  json::object changed = entry;
  changed["rating"] = 1;
  CHECK(api.ask("PUT", "/v1/catalog/films/1.mp4?b=1", json::serialize(changed)).status == 200);
  CHECK(api.ask("PUT", "/v1/catalog/films/1.mp4?b=1", R"({"rating":2})").status == 200);
  const json::object now = body(api.get("/v1/catalog/films/1.mp4?b=1"));
  CHECK(now.at("rating").to_number<double>() == 2);
  CHECK(now.at("views") == 99);
  CHECK(now.at("created_at").to_number<double>() == 1'636'928'000);
  CHECK(now.at("size_bytes") == 0);

  // With a host it is put by its URL and found as it is listed too.
  const std::string url = "/v1/catalog/https://CDN.example/a";
  CHECK(body(api.ask("PUT", url, "{}")).at("key") == "cdn.example/a");
  CHECK(api.get("/v1/catalog/cdn.example/a").status == 200);
  const std::string listed = api.get("/v1/catalog/cdn.example/a").body;
  CHECK(body(api.ask("PUT", url, listed)).at("key") == "cdn.example/a");
  CHECK(api.get("/v1/catalog//cdn.example/a").status == 404);
  CHECK(api.ask("DELETE", "/v1/catalog/cdn.example/a").status == 204);
  CHECK(api.ask("DELETE", "/v1/catalog/cdn.example/a").status == 404);
  CHECK(api.catalog_.counts().entries == 1);
}

TEST_CASE("what cannot be put is refused as a problem and changes nothing") {
  Asked api;
  api.caller_.is_admin = true;
  const auto refusal = [&](const std::string& text, const std::string& target) {
    const HttpResponse& response = api.ask("PUT", target, text);
    CHECK(response.content_type == "application/problem+json");
    return fmt::format("{} {}", response.status, body(response).at("detail").as_string().c_str());
  };
  const std::string target = "/v1/catalog/a";
  CHECK(refusal("", target).starts_with("400 JSON"));
  CHECK(refusal("[]", target).starts_with("400 JSON"));
  CHECK(refusal(R"({"rating":11})", target) == "400 rating '11': expected a number from 0 to 10");
  CHECK(refusal(R"({"ratng":1})", target).starts_with("400 unknown member 'ratng'"));
  CHECK(refusal(R"({"key":"/b"})", target) == "400 key: it is '/b', but '/a' is what is to be put");
  CHECK(refusal("{}", "/v1/catalog/").starts_with("404 a key is missing"));
  CHECK(refusal("{}", "/v1/catalog/" + std::string(2048, 'a')).starts_with("400 key"));
  CHECK(api.catalog_.counts().entries == 0);
  CHECK(api.ask("POST", target).allow == "GET, HEAD, PUT, DELETE");
  for (const char* name : {"a", "b", "c"}) {
    CHECK(api.ask("PUT", std::string("/v1/catalog/") + name, "{}").status == 201);
  }
  CHECK(refusal("{}", "/v1/catalog/d").starts_with("409 the catalogue has 3 contents"));
  CHECK(api.ask("PUT", "/v1/catalog/c", "{}").status == 200);
  CHECK(api.catalog_.counts().refused == 1);
  CHECK(api.get("/v1/catalog?top=0").status == 400);
  CHECK(api.get("/v1/catalog?top=1001").status == 400);
  CHECK(api.get("/v1/catalog?most=3").status == 400);
}

TEST_CASE("a list is taken in line by line, and what was not is counted") {
  Asked api;
  api.caller_.is_admin = true;
  const json::object first = body(api.post("/v1/catalog",
                                           "key,rating,views\n/a,5,10\n/b,eleven,1\n"
                                           "/c,1,1\n,1,1\n/d,1,1\n/e,1,1\n/a,6,4\n",
                                           "text/csv"));
  CHECK(first == json::parse(R"({"accepted":4,"added":3,"updated":1,)"
                             R"("rejected":{"no_key":1,"bad_rating":1,"full":1}})")
                     .as_object());
  const json::object entry = body(api.get("/v1/catalog/a"));
  CHECK(entry.at("rating").to_number<double>() == 6);
  CHECK(entry.at("views") == 10);
  CHECK(api.post("/v1/catalog", "neither").status == 400);
  CHECK(body(api.post("/v1/catalog", "")).at("accepted") == 0);
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
  CHECK(guarded.post("/v1/reload").status == 409);
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
