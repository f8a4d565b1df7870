#include "controller/service/route_batch.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cache/ids.hpp"
#include "cache/random.hpp"
#include "controller/service/problem.hpp"

namespace edgeward::controller {

namespace {

const std::vector<policy::Service> kServices{{.name = "www.example"}, {.name = "other.example"}};

void read(RouteBatch& batch, std::string_view body, BatchFormat format,
          std::size_t items_max = 100) {
  batch.read(body, format, {.now_ms = 7, .services = kServices, .items_max = items_max});
}

/// What is said of one item, alone in a batch; of an array that is refused, what it is refused
/// with.
std::string fault(const std::string& item, BatchFormat format) {
  RouteBatch batch;
  try {
    read(batch, format == BatchFormat::array ? "[" + item + "]" : item, format);
  } catch (const Problem& problem) {
    CHECK(problem.status == 400);
    return problem.detail;
  }
  REQUIRE(batch.size() == 1);
  return std::string(batch.error_at(0));
}

int refusal(const std::string& body, BatchFormat format, std::size_t items_max = 100) {
  RouteBatch batch;
  try {
    read(batch, body, format, items_max);
  } catch (const Problem& problem) {
    CHECK_FALSE(problem.detail.empty());
    return problem.status;
  }
  return 0;
}

}  // namespace

TEST_CASE("an item of a batch is a request, however its JSON is spelt") {
  const auto format = GENERATE(BatchFormat::array, BatchFormat::lines);
  for (const char* item :
       {R"({"client":"192.0.2.1","content":"/a b","service":"other.example","size_bytes":1000})",
        R"({"size_bytes":1e3,"service":"other.example","content":"/a b","client":"192.0.2.1"})",
        R"( { "client" : "192.0.2.1" , "content" : "/a%20b" , "service" : "other.example" ,)"
        R"( "size_bytes" : 1000.0 } )",
        R"({"\u0063lient":"192.0\u002e2.1","content":"\/a b","service":"other.example",)"
        R"("size_bytes":1000})"}) {
    RouteBatch batch;
    read(batch, format == BatchFormat::array ? fmt::format("[{}]", item) : item, format);
    REQUIRE(batch.size() == 1);
    CHECK(batch.error_at(0).empty());
    CHECK(batch.client_at(0) == "192.0.2.1");
    CHECK(batch.key_at(0) == "/a%20b");
    CHECK(batch.requests()[0] == policy::Request{.at_ms = 7,
                                                 .client = geo::IpAddress::v4(0xC0000201),
                                                 .content = cache::content_id("/a%20b"),
                                                 .size_bytes = 1000,
                                                 .service = 1});
  }
}

TEST_CASE("what is wrong with an item is said in its place") {
  const auto format = GENERATE(BatchFormat::array, BatchFormat::lines);
  const std::string rest = R"("client":"192.0.2.1","content":"/a")";
  const std::vector<std::pair<std::string, std::string>> faults{
      {"{}", "client: expected an IPv4 or IPv6 address, found ''"},
      {"1", "expected an object"},
      {"[]", "expected an object"},
      {"null", "expected an object"},
      {R"("text")", "expected an object"},
      {R"({"client":1,"content":"/a"})", "client: expected text"},
      {R"({"client":null,"content":"/a"})", "client: expected text"},
      {R"({"client":{"a":["}"]},"content":"/a"})", "client: expected text"},
      {R"({"client":"x","content":"/a"})", "client: expected an IPv4 or IPv6 address, found 'x'"},
      {R"({"client":"192.0.2.1\u0000","content":"/a"})",
       "client: expected an IPv4 or IPv6 address, found '192.0.2.1" + std::string(1, '\0') + "'"},
      {R"({"client":"192.0.2.1"})", "content: a path such as /a is missing"},
      {R"({"client":"192.0.2.1","content":""})", "content: a path such as /a is missing"},
      {R"({"client":"192.0.2.1","content":["/a"]})", "content: expected text"},
      {"{" + rest + R"(,"service":true})", "service: expected text"},
      {"{" + rest + R"(,"service":"www.exmple"})",
       "service: no service is named 'www.exmple', did you mean 'www.example'?"},
      {"{" + rest + R"(,"size_bytes":-1})", "size_bytes: expected a whole number"},
      {"{" + rest + R"(,"size_bytes":1.5})", "size_bytes: expected a whole number"},
      {"{" + rest + R"(,"size_bytes":"1"})", "size_bytes: expected a whole number"},
      {"{" + rest + R"(,"size_bytes":18446744073709551616})",
       "size_bytes: expected a whole number"},
      {"{" + rest + R"(,"size_bytes":1e999})", "size_bytes: expected a whole number"},
      {"{" + rest + R"(,"size_bytes":)" + std::string(5000, '9') + "}",
       "size_bytes: expected a whole number"},
      {R"({"clinet":1,"content":2})", "unknown member 'clinet', did you mean 'client'?"},
      {R"({"clinet":{"client":[[[]]]},"content":"/a"})",
       "unknown member 'clinet', did you mean 'client'?"},
      {"{" + rest + R"(,"content":"/b"})", "member content is given twice"},
      {"{" + rest + R"(,"\u0063ontent":"/b"})", "member content is given twice"},
  };
  for (const auto& [item, said] : faults) {
    INFO(item);
    CHECK(fault(item, format) == said);
  }
}

TEST_CASE("what is no JSON is refused, and never quoted") {
  const std::string good = R"({"client":"192.0.2.1","content":"/a"})";
  for (const std::string& item :
       std::vector<std::string>{"{",
                                "}",
                                "[",
                                "\"",
                                "{\"client\"",
                                "{\"client\":",
                                "{\"client\":}",
                                "{\"client\":\"",
                                R"({"client":"192.0.2.1" "content":"/a"})",
                                R"({"client":"192.0.2.1",})",
                                "{,}",
                                R"({client:"192.0.2.1"})",
                                "not json",
                                "nul",
                                "truee",
                                "{]",
                                "{} {}",
                                good + " x",
                                good + "}",
                                "{\"client\":\"\xFF\"}",
                                "{\"\xC3\":1}",
                                "{\"client\":\"a\x01\"}",
                                R"({"client":"\q"})",
                                R"({"client":"\ud800"})",
                                R"({"client":tru})",
                                R"({"x":[1 2]})",
                                R"({"x":[1}})",
                                R"({"x":"\q","client":1})",
                                std::string(100'000, '['),
                                "{\"x\":" + std::string(5000, '[') + std::string(5000, ']') + "}",
                                std::string("{\"client\":\0\"a\"}", 14)}) {
    INFO(item.substr(0, 80));
    for (const BatchFormat format : {BatchFormat::array, BatchFormat::lines}) {
      const std::string said = fault(item, format);
      CHECK(said.starts_with("the body is not JSON: "));
      CHECK(said.find('\xFF') == std::string::npos);
    }
    // What is wrong with a line is the line's own.
    RouteBatch batch;
    read(batch, good + "\n" + item + "\n" + good, BatchFormat::lines);
    REQUIRE(batch.size() == 3);
    CHECK(batch.error_at(0).empty());
    CHECK_FALSE(batch.error_at(1).empty());
    CHECK(batch.error_at(2).empty());
    CHECK(batch.key_at(2) == "/a");
  }
}

TEST_CASE("a batch that is none is refused as a whole") {
  for (const char* body : {"", " ", "[", "[1", "[1,", "[1,]", "[1 2]", "[] x", "{}", "1", "[]]"}) {
    INFO(body);
    CHECK(refusal(body, BatchFormat::array) == 400);
  }
  CHECK(refusal("[]", BatchFormat::array) == 0);
  CHECK(refusal("", BatchFormat::lines) == 0);
  CHECK(refusal(" \r\n\n\t\n", BatchFormat::lines) == 0);
  CHECK(refusal("[1,2,3]", BatchFormat::array, 3) == 0);
  CHECK(refusal("[1,2,3,4]", BatchFormat::array, 3) == 413);
  CHECK(refusal("1\n2\n\n3\n4", BatchFormat::lines, 3) == 413);
  // A reader that has refused reads on.
  RouteBatch batch;
  CHECK_THROWS_AS(read(batch, "[{]", BatchFormat::array), Problem);
  read(batch, R"([{"client":"192.0.2.1","content":"/a"}])", BatchFormat::array);
  CHECK(batch.error_at(0).empty());
}

TEST_CASE("cut or changed anywhere, a batch is read as far as it is one") {
  cache::Random random(9);
  std::string body = "[";
  for (int i = 0; i < 5; ++i) {
    body += fmt::format(R"({}{{"client":"192.0.2.{}","content":"/a/{}\n","size_bytes":{}}})",
                        i == 0 ? "" : ",", i, i, i * 1000);
  }
  body += "]";
  constexpr std::string_view kBytes = "{}[]\",:\\0a \n\x01\xC3";
  RouteBatch batch;
  std::size_t refused = 0;
  for (int i = 0; i < 100'000; ++i) {
    std::string changed = body;
    for (std::uint64_t k = random.below(3); k > 0; --k) {
      changed[random.below(changed.size())] = kBytes[random.below(kBytes.size())];
    }
    if (random.below(4) == 0) changed.resize(random.below(changed.size()));
    boost::json::error_code error;
    const auto value = boost::json::parse(changed, error);
    try {
      read(batch, changed, BatchFormat::array);
      INFO(changed);
      bool has_error = false;  // a number that is none is its item's fault
      for (std::size_t k = 0; k < batch.size(); ++k) has_error |= !batch.error_at(k).empty();
      REQUIRE((!error || has_error));
      REQUIRE((error || value.is_array()));
      REQUIRE((error || value.get_array().size() == batch.size()));
    } catch (const Problem&) {
      ++refused;
      INFO(changed);
      REQUIRE((error || !value.is_array()));
    }
  }
  CHECK(refused > 10'000);
}

}  // namespace edgeward::controller
