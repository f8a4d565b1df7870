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

TEST_CASE("a TLS handshake is refused at its first byte") {
  HttpRequestReader reader{HttpLimits{}};
  std::size_t used = 0;
  CHECK(reader.read("\x16", used) == State::refused);
  CHECK(reader.refusal().status == 400);
  // Within a body it is a byte like any other.
  HttpRequestReader other{HttpLimits{}};
  CHECK(other.read("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n", used) ==
        State::needs_more);
  CHECK(other.read("\x16", used) == State::done);
}

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
  CHECK(refused("GET / HTTP/1.0\r\nHost: x\r\nHost: x") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\nAccept: */*") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\n Host: x") == "-400");
  CHECK(refused("GET /a b HTTP/1.1\r\nHost: x") == "-400");
  CHECK(refused("GET / HTTP/2.0\r\nHost: x") == "-505");
  CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\nExpect: money") == "-417");
  CHECK(refused("GET / HTTP/1.1\nHost: x") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\nA: b" + nul + "c") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\x7F") == "-400");
  CHECK(refused("GET / HTTP/1.1\r\nHost: x\r\nA: b\x1B[0m") == "-400");
  CHECK(refused("GET /" + nul + " HTTP/1.1\r\nHost: x") == "-400");
}

TEST_CASE("a field may hold a tab, and bytes beyond ASCII") {
  CHECK(read_all("GET / HTTP/1.1\r\nHost: x\r\nA: b\tc\r\nB: \xC3\xA9\r\n\r\n") ==
        Found{"GET / []"});
}

TEST_CASE("nothing of a request is left in the next one") {
  HttpRequestReader reader(kSmall);
  std::size_t used = 0;
  REQUIRE(reader.read("POST /a HTTP/1.0\r\nHost: x\r\nX-Forwarded-For: 192.0.2.1\r\n"
                      "Forwarded: for=192.0.2.2\r\nAuthorization: Bearer t\r\nContent-Type: a/b\r\n"
                      "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
                      used) == State::wants_continue);
  REQUIRE(reader.read("ok", used) == State::done);
  reader.next();
  // The next one waits for nothing.
  REQUIRE(reader.read("POST /b HTTP/1.1\r\nHost: y\r\nContent-Length: 2\r\n\r\n", used) ==
          State::needs_more);
  REQUIRE(reader.read("hi", used) == State::done);
  const HttpRequest& request = reader.request();
  CHECK(request.method == "POST");
  CHECK(request.target == "/b");
  CHECK(request.host == "y");
  CHECK(request.body == "hi");
  CHECK(request.authorization.empty());
  CHECK(request.content_type.empty());
  CHECK(request.forwarded.empty());
  CHECK(request.x_forwarded_for.empty());
  CHECK_FALSE(request.is_http_1_0);
  CHECK(request.keep_alive);
  CHECK_FALSE(request.expects_continue);
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

TEST_CASE("what is just as long as it may be is read") {
  const std::string target = "/" + std::string(63, 'a');
  CHECK(read_all("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n") ==
        Found{"GET " + target + " []"});
  // The header whole, with the empty line that ends it; fields alone that are longer than that.
  const std::string line = "GET / HTTP/1.1\r\n";
  const std::string fields = "Host: x\r\nA: ";
  const auto filled = [&](std::size_t taken) {
    return line + fields + std::string(512 - taken - 4, 'a');
  };
  for (const std::size_t at_a_time : {1U, 7U, 1000U}) {
    CHECK(read_all(filled(line.size() + fields.size()) + "\r\n\r\n", at_a_time) ==
          Found{"GET / []"});
    CHECK(read_all(filled(fields.size()) + "a\r\n\r\n", at_a_time) == Found{"-431"});
  }
  const std::string post = "POST / HTTP/1.1\r\nHost: x\r\n";
  const std::string body(100, 'b');
  CHECK(read_all(post + "Content-Length: 100\r\n\r\n" + body) == Found{"POST / [" + body + "]"});
  CHECK(read_all(post + "Transfer-Encoding: chunked\r\n\r\n64\r\n" + body + "\r\n0\r\n\r\n") ==
        Found{"POST / [" + body + "]"});
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
