#include "controller/service/catalog_answers.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>

#include "tests/controller/asked_api.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

}  // namespace

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

}  // namespace edgeward::controller
