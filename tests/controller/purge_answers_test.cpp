#include "controller/service/purge_answers.hpp"

#include <poll.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>

#include "cache/store/memory_store.hpp"
#include "controller/service/purging.hpp"
#include "tests/controller/asked_api.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

}  // namespace

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

}  // namespace edgeward::controller
