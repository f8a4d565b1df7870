#include "controller/service/purge_json.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "sim/logs/cache_key.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;
using cache::PurgeKind;

std::string fault(std::string_view body) {
  const auto purge = parse_purge(body);
  return purge ? "taken: " + purge->text : purge.error();
}

std::string question(const char* member, const std::string& text) {
  return json::serialize(json::object{{member, text}});
}

std::string key_of(std::string_view url) {
  sim::CacheKeyRules rules;
  rules.use_host = false;
  std::string key;
  sim::CacheKeyWriter(rules).write("", url, key);
  return key;
}

}  // namespace

TEST_CASE("a key to purge is the one that edges hold") {
  for (const char* url : {"/a", "a", "/a%7Eb/../c d?x=%e4", "https://Cdn.Example:443/film?q#there",
                          "//host/a", "/*", "/\xC3\xA4"}) {
    INFO(url);
    const auto purge = parse_purge(question("key", url));
    REQUIRE(purge);
    CHECK(purge->kind == PurgeKind::key);
    CHECK(purge->text == key_of(url));
    CHECK(purge->edges.empty());
  }
  CHECK(parse_purge(R"({"key":"https://h/a?b"})")->text == "/a?b");
  CHECK(parse_purge(R"({"edges":["b","a","b"],"key":"/a"})")->edges ==
        std::vector<std::string>{"a", "b"});
}

TEST_CASE("a prefix to purge stays the beginning that it is") {
  const auto prefix = [](const std::string& text) {
    const auto purge = parse_purge(question("prefix", text));
    return purge ? purge->text : "refused: " + purge.error();
  };
  CHECK(prefix("/video/") == "/video/");
  CHECK(prefix("video") == "/video");
  CHECK(prefix("/a/.") == "/a/.");  // of /a/.well-known, not of all in /a/
  CHECK(prefix("/a/..") == "/a/..");
  CHECK(prefix("/a/../b/%7e") == "/b/~");
  CHECK(prefix("/a?b=c&") == "/a?b=c&");
  CHECK(prefix("https://h/x y") == "/x%20y");
  for (const char* text : {"https://h", "/a#b", "/a#", "/a%", "/a%4"}) {
    INFO(text);
    CHECK(prefix(text).find("is no beginning of a path") != std::string::npos);
  }
  CHECK(prefix("/a/*") == "refused: prefix: leave out the * at its end");
  CHECK(prefix("*") == "refused: prefix: leave out the * at its end");
}

TEST_CASE("everything is purged only where that was said") {
  for (const char* text : {"", "/", "/./a/../", "https://any.host/"}) {
    INFO(text);
    CHECK(fault(question("prefix", text)).find("this is everything") != std::string::npos);
  }
  const auto all = parse_purge(R"({"prefix":"","all":true})");
  REQUIRE(all);
  CHECK(all->kind == PurgeKind::prefix);
  CHECK(all->text == "/");
  CHECK(parse_purge(R"({"prefix":"/","all":true})"));
  CHECK(fault(R"({"prefix":"/a","all":true})").find("goes with the prefix /") != std::string::npos);
  CHECK(fault(R"({"key":"/","all":true})").find("goes with the prefix /") != std::string::npos);
  CHECK(parse_purge(R"({"key":"/"})")->text == "/");  // one object
  CHECK(parse_purge(R"({"key":"/a","all":false})"));
}

TEST_CASE("a purge that makes no sense is refused with what is wrong") {
  CHECK(fault("").find("not JSON") == 0);
  CHECK(fault("{").find("not JSON") == 0);
  CHECK(fault("[]") == "expected a JSON object");
  CHECK(fault("{}") == "expected either a key or a prefix");
  CHECK(fault(R"({"key":"/a","prefix":"/b"})") == "expected either a key or a prefix");
  CHECK(fault(R"({"key":""})").find("key: expected a path") == 0);
  CHECK(fault(R"({"key":7})").find("key: expected a path") == 0);
  CHECK(fault(R"({"prefix":null})").find("prefix: expected a path") == 0);
  CHECK(fault(R"({"prefx":"/a"})").find("did you mean 'prefix'") != std::string::npos);
  CHECK(fault(R"({"key":"/a","edges":[]})").find("edges: expected names") == 0);
  CHECK(fault(R"({"key":"/a","edges":"fra1"})").find("edges: expected names") == 0);
  CHECK(fault(R"({"key":"/a","edges":["fra1",1]})").find("edges: expected names") == 0);
  CHECK(fault(R"({"key":"/a","all":1})") == "all: expected true or false");
  CHECK(fault("{\"key\":\"\xFF\"}").find("not JSON") == 0);
  const std::string longest = "/" + std::string(cache::kKeyBytesMax - 1, 'k');
  CHECK(parse_purge(question("key", longest)));
  CHECK(parse_purge(question("prefix", longest)));
  CHECK(fault(question("key", longest + "k")).find("2049 bytes") != std::string::npos);
  CHECK(fault(question("prefix", longest + "k")).find("2049 bytes") != std::string::npos);
  const std::string blanks = "/" + std::string(1000, ' ');
  CHECK(fault(question("key", blanks)).find("once it is encoded") != std::string::npos);
  CHECK(fault(std::string(100'000, '[')).find("not JSON") == 0);
}

TEST_CASE("a purge is told with what each edge said") {
  const PurgeView view{.status = {.purge = {.entry = "5-0",
                                            .id = "00000000000000aa",
                                            .at_ms = 1'700'000'000'250,
                                            .kind = PurgeKind::prefix,
                                            .text = "/a\"b",
                                            .edges = {}},
                                  .answers = {{"ams1", {}}, {"fra1", 12}}},
                       .state = PurgeState::under_way};
  const json::object purge = json::parse(purge_text(view, "")).as_object();
  CHECK(purge.at("id") == "00000000000000aa");
  CHECK(purge.at("at").to_number<double>() == 1'700'000'000.25);
  CHECK(purge.at("kind") == "prefix");
  CHECK(purge.at("text") == "/a\"b");
  CHECK(purge.at("status") == "under_way");
  CHECK(purge.at("acknowledged") == 1);
  CHECK(purge.at("pending") == 1);
  CHECK(purge.at("removed") == 12);
  CHECK(purge.at("store_error").is_null());
  const json::array& edges = purge.at("edges").as_array();
  REQUIRE(edges.size() == 2);
  CHECK(edges[0].as_object().at("status") == "pending");
  CHECK(edges[0].as_object().at("removed").is_null());
  CHECK(edges[1].as_object().at("edge") == "fra1");
  CHECK(edges[1].as_object().at("removed") == 12);
  const json::object list =
      json::parse(purges_text(std::vector{view, view}, "it is away")).as_object();
  CHECK(list.at("store_error") == "it is away");
  CHECK(list.at("purges").as_array().size() == 2);
  CHECK_FALSE(list.at("purges").as_array()[0].as_object().contains("edges"));
}

}  // namespace edgeward::controller
