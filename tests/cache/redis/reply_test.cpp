#include "cache/redis/reply.hpp"

#include <catch2/catch.hpp>

namespace edgeward::cache::redis {

namespace {

const std::string kMixed = "*5\r\n:7\r\n$3\r\nabc\r\n$-1\r\n*2\r\n+OK\r\n-ERR no\r\n*0\r\n";

Reply text_of(Reply::Kind kind, std::string text) {
  return {.kind = kind, .text = std::move(text)};
}

}  // namespace

TEST_CASE("answers are the same however their bytes arrive") {
  for (std::size_t at_a_time = 1; at_a_time <= kMixed.size(); ++at_a_time) {
    ReplyReader reader({});
    std::vector<Reply> replies;
    const std::string bytes = kMixed + kMixed;
    for (std::size_t at = 0; at < bytes.size(); at += at_a_time) {
      reader.feed(std::string_view(bytes).substr(at, at_a_time));
      while (true) {
        auto reply = reader.next();
        REQUIRE(reply);
        if (!*reply) break;
        replies.push_back(std::move(**reply));
      }
    }
    REQUIRE(replies.size() == 2);
    CHECK(replies[0] == replies[1]);
    const auto& elements = replies[0].elements;
    REQUIRE(elements.size() == 5);
    CHECK(elements[0].integer == 7);
    CHECK(elements[1] == text_of(Reply::Kind::text, "abc"));
    CHECK(elements[2].is_nil());
    CHECK(elements[3].elements ==
          std::vector{text_of(Reply::Kind::status, "OK"), text_of(Reply::Kind::error, "ERR no")});
    CHECK(elements[4].is_array());
  }
}

TEST_CASE("an answer beyond its limits is an error and stays one") {
  const ConnectionLimits limits{.reply_bytes_max = 100, .reply_elements_max = 4};
  for (const std::string& bytes :
       {std::string("*5\r\n"), std::string("*2\r\n*3\r\n"), std::string("*2147483647\r\n"),
        "$1000\r\n" + std::string(200, 'x')}) {
    INFO(bytes);
    ReplyReader reader(limits);
    reader.feed(bytes);
    auto reply = reader.next();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().fault == StoreFault::too_large);
    reader.feed("+OK\r\n");
    CHECK_FALSE(reader.next());
  }
}

TEST_CASE("what is no answer is an error") {
  for (const std::string& bytes :
       {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string("$x\r\n"), std::string("*-2\r\n"),
        std::string("*99999999999999\r\n"), std::string("$-7\r\n")}) {
    INFO(bytes);
    ReplyReader reader({});
    reader.feed(bytes);
    const auto reply = reader.next();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().fault != StoreFault::unreachable);
  }
}

TEST_CASE("an error answer says by its first word what is wrong") {
  const auto fault = [](const char* text) {
    return error_of(text_of(Reply::Kind::error, text), "h:1").fault;
  };
  CHECK(fault("WRONGPASS invalid username-password pair or user is disabled.") ==
        StoreFault::refused);
  CHECK(fault("NOAUTH Authentication required.") == StoreFault::refused);
  CHECK(fault("OOM command not allowed when used memory > 'maxmemory'.") ==
        StoreFault::out_of_memory);
  CHECK(fault("ERR user_script:1: OOM command not allowed when …") == StoreFault::out_of_memory);
  CHECK(fault("LOADING Redis is loading the dataset in memory") == StoreFault::busy);
  CHECK(fault("MOVED 1 a:1") == StoreFault::moved);
  CHECK(fault("ERR unknown command") == StoreFault::protocol);
}

}  // namespace edgeward::cache::redis
