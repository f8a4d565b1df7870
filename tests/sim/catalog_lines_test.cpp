#include "sim/catalog_lines.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "tests/instrumented.hpp"

namespace edgeward::sim {

namespace {

struct Read {
  CatalogReading reading;
  std::vector<cache::CatalogUpdate> updates;

  [[nodiscard]] std::uint64_t count(CatalogFault fault) const {
    return reading.faults[static_cast<std::size_t>(fault)];
  }
  [[nodiscard]] std::uint64_t refused() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : reading.faults) sum += count;
    return sum;
  }
};

Read read(const std::string& text) {
  Read result;
  TextSource source(text);
  result.reading = read_catalog(source, "list", [&](cache::CatalogUpdate update) {
    result.updates.push_back(std::move(update));
  });
  return result;
}

const cache::CatalogUpdate kFilm{.key = "/films/1.mp4",
                                 .size_bytes = 5'000'000'000,
                                 .duration_min = 92.5,
                                 .type = "video/mp4",
                                 .rating = 8.25,
                                 .created_at_ms = 1'600'000'000'000,
                                 .last_viewed_at_ms = 1'700'000'000'500,
                                 .views = 17};

}  // namespace

TEST_CASE("a content is told alike in JSON and in a table") {
  const Read lines = read(
      R"({"rating":8.25,"views":17,"key":"/films/1.mp4","type":"video/mp4","size_bytes":5000000000,)"
      R"("duration_min":92.5,"created_at":1600000000,"last_viewed_at":1700000000.5})"
      "\n\n"
      R"({"key":"/films/1.mp4","size_bytes":5e9,"duration_min":92.5,"type":"v\u0069deo/mp4",)"
      R"("created_at":"2020-09-13T12:26:40Z","last_viewed_at":"1700000000.500","views":17,"rating":8.25,)"
      R"("content":")" +
      cache::to_hex(cache::content_id(kFilm.key)) + R"(","popularity":1})");
  REQUIRE(lines.updates.size() == 2);
  CHECK(lines.updates[0] == kFilm);
  CHECK(lines.updates[1] == kFilm);
  CHECK(lines.reading.unknown.empty());
  const Read table = read(
      "\xEF\xBB\xBFviews,key,\"size_bytes\",type,rating,created_at,last_viewed_at,duration_min\r\n"
      "17,/films/1.mp4,5000000000,video/mp4,8.25,2020-09-13 12:26:40,1700000000.5,92.5\r\n");
  REQUIRE(table.updates.size() == 1);
  CHECK(table.updates[0] == kFilm);
}

TEST_CASE("what is not told is left open") {
  const Read lines = read(R"({"key":"/a","size_bytes":null,"views":null,"rating":null})");
  REQUIRE(lines.updates.size() == 1);
  CHECK(lines.updates[0] == cache::CatalogUpdate{.key = "/a"});
  const Read table = read("key,size_bytes,views,created_at,type\n/a,,-,NA,\n");
  REQUIRE(table.updates.size() == 1);
  CHECK(table.updates[0] == cache::CatalogUpdate{.key = "/a"});
}

TEST_CASE("keys are those that logs and events have") {
  const Read table = read(
      "key\n"
      "a/b%7ec\n"
      "\"https://CDN.example:443/x?b=1&a=\"\"2\"\"#top\"\n"
      "/f\xC3\xBCr\n");
  REQUIRE(table.updates.size() == 3);
  CHECK(table.updates[0].key == "/a/b~c");
  CHECK(table.updates[1].key == "cdn.example/x?b=1&a=%222%22");
  CHECK(table.updates[2].key == "/f%C3%BCr");
}

TEST_CASE("a key that is canonical already is known by its content") {
  const std::string with_host = cache::to_hex(cache::content_id("cdn.example/a"));
  const Read lines = read(R"({"key":"cdn.example/a"})"
                          "\n"
                          R"({"key":"cdn.example/a","content":")" +
                          with_host +
                          R"("})"
                          "\n"
                          R"({"content":")" +
                          with_host + R"(","key":"https://cdn.example/a"})");
  REQUIRE(lines.updates.size() == 3);
  CHECK(lines.updates[0].key == "/cdn.example/a");
  CHECK(lines.updates[1].key == "cdn.example/a");
  CHECK(lines.updates[2].key == "cdn.example/a");
  CHECK(read("key,content\nimg.example/a," + with_host + "\n").count(CatalogFault::bad_content) ==
        1);
  CHECK(read(R"({"key":"/a","content":7})").count(CatalogFault::bad_content) == 1);
}

TEST_CASE("every bad line is counted by its reason and the first are shown") {
  struct Case {
    std::string line;
    CatalogFault fault;
  };
  const std::string long_key(2048, 'a');
  const std::vector<Case> cases{
      {"{", CatalogFault::bad_line},
      {"[]", CatalogFault::bad_line},
      {"key,rating", CatalogFault::bad_line},
      {"{\"key\":\"/a\xFF\"}", CatalogFault::bad_line},
      {R"({"key":"/a"} x)", CatalogFault::bad_line},
      {R"({"key":"/a","views":1,"views":1})", CatalogFault::bad_line},
      {R"({})", CatalogFault::no_key},
      {R"({"key":""})", CatalogFault::no_key},
      {R"({"key":null})", CatalogFault::no_key},
      {R"({"key":7})", CatalogFault::no_key},
      {R"({"key":"/)" + long_key + R"("})", CatalogFault::long_key},
      {R"({"key":"/)" + long_key + long_key + long_key + long_key + R"("})",
       CatalogFault::long_key},
      {R"({"key":"/a","size_bytes":-1})", CatalogFault::bad_size},
      {R"({"key":"/a","size_bytes":"1"})", CatalogFault::bad_size},
      {R"({"key":"/a","size_bytes":1.5})", CatalogFault::bad_size},
      {R"({"key":"/a","size_bytes":281474976710657})", CatalogFault::bad_size},
      {R"({"key":"/a","duration_min":-0.1})", CatalogFault::bad_duration},
      {R"({"key":"/a","duration_min":1000001})", CatalogFault::bad_duration},
      {R"({"key":"/a","duration_min":true})", CatalogFault::bad_duration},
      {R"({"key":"/a","type":1})", CatalogFault::bad_type},
      {R"({"key":"/a","type":"a\nb"})", CatalogFault::bad_type},
      {R"({"key":"/a","type":")" + std::string(65, 'a') + R"("})", CatalogFault::bad_type},
      {R"({"key":"/a","created_at":"yesterday"})", CatalogFault::bad_time},
      {R"({"key":"/a","created_at":-1})", CatalogFault::bad_time},
      {R"({"key":"/a","created_at":[1]})", CatalogFault::bad_time},
      {R"({"key":"/a","last_viewed_at":1e300})", CatalogFault::bad_time},
      {R"({"key":"/a","views":-1})", CatalogFault::bad_views},
      {R"({"key":"/a","views":9007199254740993})", CatalogFault::bad_views},
      {R"({"key":"/a","views":{"n":1}})", CatalogFault::bad_views},
      {R"({"key":"/a","rating":10.01})", CatalogFault::bad_rating},
      {R"({"key":"/a","rating":-1})", CatalogFault::bad_rating},
      {R"({"key":"/a","rating":"ten"})", CatalogFault::bad_rating},
  };
  std::string all = R"({"key":"/first"})";
  for (const Case& one : cases) {
    INFO(one.line);
    const Read alone = read("{\"key\":\"/a\"}\n" + one.line);
    CHECK(alone.count(one.fault) == 1);
    CHECK(alone.refused() == 1);
    CHECK(alone.updates.size() == 1);
    REQUIRE(alone.reading.first_bad.size() == 1);
    CHECK(alone.reading.first_bad[0].line == 2);
    all += "\n" + one.line;
  }
  const Read together = read(all + "\n{\"key\":\"/last\"}\n");
  CHECK(together.reading.lines == cases.size() + 2);
  CHECK(together.reading.taken == 2);
  CHECK(together.refused() == cases.size());
  CHECK(together.reading.first_bad.size() == CatalogReading::kBadLinesShown);
}

TEST_CASE("limits themselves are taken") {
  const Read lines = read(
      R"({"key":"/)" + std::string(2047, 'a') +
      R"(","size_bytes":281474976710656,"duration_min":1000000,"views":9007199254740992,"rating":10})"
      "\n"
      R"({"key":"/b","size_bytes":0,"duration_min":0,"views":0,"rating":0,"created_at":0})");
  CHECK(lines.updates.size() == 2);
  CHECK(lines.refused() == 0);
}

TEST_CASE("rows that do not fit their header are refused one by one") {
  const Read table = read(
      "key,rating,title\n"
      "/a,5\n"
      "/b,5,x,y\n"
      "\"/c,5,x\n"
      "/d,eleven,x\n"
      ",5,x\n"
      "/e,5,\"x, \"\"y\"\"\"\n");
  CHECK(table.reading.lines == 6);
  CHECK(table.count(CatalogFault::bad_line) == 3);
  CHECK(table.count(CatalogFault::bad_rating) == 1);
  CHECK(table.count(CatalogFault::no_key) == 1);
  REQUIRE(table.updates.size() == 1);
  CHECK(table.updates[0].key == "/e");
  CHECK(table.reading.first_bad[3].message.find("'eleven'") != std::string::npos);
}

TEST_CASE("fields that nobody knows are told of and not silently lost") {
  CHECK(read("key,sise_bytes,title\n/a,5,x\n").reading.unknown ==
        std::vector<std::string>{"sise_bytes", "title"});
  CHECK(read("{\"key\":\"/a\",\"vews\":1}\n{\"key\":\"/"
             "b\",\"vews\":1,\"x\":2}\n{\"x\":1,\"key\":\"/c\"}")
            .reading.unknown == std::vector<std::string>{"vews", "x"});
}

TEST_CASE("a list that is neither form is refused whole") {
  for (const char* text :
       {"name,rating\n/a,5\n", "key,key\n", "\"key\n", "\x1F\x8B\x08", "/a\n/b\n"}) {
    INFO(text);
    CHECK_THROWS_AS(read(text), InputError);
  }
  CHECK_THROWS_AS(read(std::string(3 << 20, 'k')), InputError);
  CHECK(read("").reading.lines == 0);
  CHECK(read("key\n").reading.lines == 0);
}

TEST_CASE("a line longer than any is one bad line") {
  const Read lines =
      read("{\"key\":\"/a\"}\n{\"key\":\"" + std::string(3 << 20, 'a') + "\"}\n{\"key\":\"/b\"}\n");
  CHECK(lines.updates.size() == 2);
  CHECK(lines.count(CatalogFault::bad_line) == 1);
}

TEST_CASE("no bytes break the reading, and all lines are accounted for") {
  const std::uint64_t seed = 3;
  INFO("seed " << seed);
  cache::Random random(seed);
  const std::string json =
      R"({"key":"/a","size_bytes":12,"type":"x","created_at":"2026-01-31","views":3,"rating":4.5})";
  const std::string row = "/a,12,x,2026-01-31,3,4.5";
  for (int round = 0; round < (test::kIsInstrumented ? 750 : 3000); ++round) {
    const bool is_json = round % 2 == 0;
    std::string line = is_json ? json : row;
    for (std::uint64_t i = random.below(4); i > 0; --i) {
      const std::uint64_t at = random.below(line.size());
      if (random.below(2) == 0) {
        line[at] = static_cast<char>(random.below(256));
      } else {
        line.erase(at, random.below(6));
      }
      if (line.empty()) line = "x";
    }
    std::replace(line.begin(), line.end(), '\n', ' ');
    const Read result =
        read((is_json ? json : "key,size_bytes,type,created_at,views,rating") + "\n" + line + "\n");
    CHECK(result.reading.taken == result.updates.size());
    CHECK(result.reading.lines == result.reading.taken + result.refused());
  }
}

}  // namespace edgeward::sim
