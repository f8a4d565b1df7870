#include "controller/http/request.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace edgeward::controller {

namespace {

using State = HttpRequestReader::State;

constexpr HttpLimits kSmall{.target_bytes_max = 64, .header_bytes_max = 512, .body_bytes_max = 100};

/// What a reader makes of a stream: `METHOD TARGET [body]` for each request, at last `-STATUS` if
/// the rest is refused.
std::vector<std::string> read_all(std::string_view bytes, std::size_t at_a_time = SIZE_MAX) {
  HttpRequestReader reader(kSmall);
  std::vector<std::string> found;
  std::string pending;
  while (true) {
    std::size_t used = 0;
    const State state = reader.read(pending, used);
    pending.erase(0, used);
    if (state == State::refused) {
      found.push_back(fmt::format("-{}", reader.refusal().status));
      return found;
    }
    if (state == State::done) {
      const HttpRequest& request = reader.request();
      found.push_back(fmt::format("{} {} [{}]", request.method, request.target, request.body));
      reader.next();
      continue;
    }
    if (bytes.empty()) return found;
    const std::size_t count = std::min(at_a_time, bytes.size());
    pending += bytes.substr(0, count);
    bytes.remove_prefix(count);
  }
}

using Found = std::vector<std::string>;

}  // namespace

TEST_CASE("requests are read one after the other, however the bytes arrive") {
  const std::string stream =
      "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
      "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
      "POST /q HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: 1\r\n\r\n"
      "HEAD / HTTP/1.0\r\n\r\n";
  const Found expected{"GET /a?b=c []", "POST /p [hello]", "POST /q [abcde]", "HEAD / []"};
  for (const std::size_t at_a_time : {1U, 2U, 3U, 7U, 64U, 100'000U}) {
    CHECK(read_all(stream, at_a_time) == expected);
  }
}

TEST_CASE("fields that matter are kept, lists of one name joined") {
  HttpRequestReader reader(kSmall);
  const std::string_view text =
      "GET / HTTP/1.1\r\nhost: Edge.Example:80\r\nX-Forwarded-For: 192.0.2.1\r\n"
      "x-forwarded-for:  192.0.2.2 \r\nForwarded: for=192.0.2.3\r\nauthorization: Bearer t\r\n"
      "Content-Type: application/json\r\nConnection: close\r\n\r\n";
  std::size_t used = 0;
  REQUIRE(reader.read(text, used) == State::done);
  CHECK(used == text.size());
  CHECK(reader.request().host == "Edge.Example:80");
  CHECK(reader.request().x_forwarded_for == "192.0.2.1, 192.0.2.2");
  CHECK(reader.request().forwarded == "for=192.0.2.3");
  CHECK(reader.request().authorization == "Bearer t");
  CHECK(reader.request().content_type == "application/json");
  CHECK_FALSE(reader.request().keep_alive);
}

TEST_CASE("what two parsers could read differently is refused") {
  const auto refused = [](const std::string& head) {
    const Found found = read_all(head + "\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    INFO(head);
    REQUIRE(found.size() == 1);
    return found.front();
  };
  const std::string nul(1, '\0');
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  CHECK(refused(post + "Content-Length: 0\r\nTransfer-Encoding: chunked") == "-400");
  CHECK(refused(post + "Transfer-Encoding: chunked\r\nContent-Length: 0") == "-400");
  CHECK(refused(post + "Content-Length: 0\r\nContent-Length: 5") == "-400");
  CHECK(refused(post + "Content-Length: 0, 5") == "-400");
  CHECK(refused(post + "Content-Length: +0") == "-400");
  CHECK(refused(post + "Content-Length: -1") == "-400");
  CHECK(refused(post + "Content-Length: 0x0") == "-400");
  CHECK(refused(post + "Content-Length: 18446744073709551616") == "-400");
  CHECK(refused(post + "Transfer-Encoding: gzip, chunked") == "-501");
  CHECK(refused(post + "Transfer-Encoding: chunked, chunked") == "-501");
  CHECK(refused(post + "Transfer-Encoding: identity") == "-501");
  CHECK(refused(post + "Transfer-Encoding : chunked") == "-400");
  CHECK(refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\nHost: y") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\nAccept: */*") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\n Host: x") == "-400");
  CHECK(refused("GET /a b HTTP/1.1\r\nHost: x") == "-400");
  CHECK(refused("GET / HTTP/2.0\r\nHost: x") == "-505");
  CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\nExpect: money") == "-417");
  CHECK(refused("GET / HTTP/1.1\nHost: x") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\nA: b" + nul + "c") == "-400");
  CHECK(refused("GET /" + nul + " HTTP/1.1\r\nHost: x") == "-400");
}

TEST_CASE("what is too long is refused by its own status") {
  const std::string host = "Host: x\r\n";
  CHECK(read_all("GET /" + std::string(64, 'a') + " HTTP/1.1\r\n" + host + "\r\n") ==
        Found{"-414"});
  CHECK(read_all("GET / HTTP/1.1\r\n" + host + "A: " + std::string(600, 'a')) == Found{"-431"});
  CHECK(read_all("POST / HTTP/1.1\r\n" + host + "Content-Length: 101\r\n\r\n") == Found{"-413"});
  CHECK(read_all("POST / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n65\r\n" +
                 std::string(101, 'a') + "\r\n0\r\n\r\n") == Found{"-413"});
}

TEST_CASE("a client that waits for 100 Continue is told once") {
  HttpRequestReader reader(kSmall);
  const std::string head =
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n";
  std::size_t used = 0;
  CHECK(reader.read(head, used) == State::wants_continue);
  CHECK(used == head.size());
  CHECK(reader.read("o", used) == State::needs_more);
  CHECK(reader.read("k", used) == State::done);
  CHECK(reader.request().body == "ok");
}

}  // namespace edgeward::controller
