#include "controller/tls/session.hpp"

#include <openssl/ssl.h>

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cache/random.hpp"
#include "controller/tls/context.hpp"
#include "tests/certificates.hpp"

namespace edgeward::controller {

namespace {

using State = TlsSession::State;

const test::CertificateAuthority& authority() {
  static const test::CertificateAuthority made;
  return made;
}

std::shared_ptr<const TlsContext> context() {
  static const std::shared_ptr<const TlsContext> made = [] {
    authority().issue("server");
    return TlsContext::read({.certificate = authority().file("server.pem"),
                             .private_key = authority().file("server.key")})
        .value();
  }();
  return made;
}

/// OpenSSL's client, without a socket.
class Client {
 public:
  explicit Client(int version_max = TLS1_3_VERSION, std::string_view protocols = "\x08http/1.1")
      : context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    SSL_CTX_set_security_level(context_.get(), 0);
    SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
    SSL_CTX_set_max_proto_version(context_.get(), version_max);
    SSL_CTX_load_verify_locations(context_.get(), authority().certificate().c_str(), nullptr);
    SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
    native_.reset(SSL_new(context_.get()));
    SSL_set_alpn_protos(native_.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
    SSL_set_bio(native_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(native_.get());
  }

  /// Takes what the server sent; what it has to send now, and reads of text.
  std::string exchange(const std::string& received) {
    if (!received.empty()) {
      BIO_write(SSL_get_rbio(native_.get()), received.data(), static_cast<int>(received.size()));
    }
    int result = 1;
    while (result > 0) {
      char buffer[1000];
      result = SSL_read(native_.get(), buffer, sizeof buffer);
      if (result > 0) text_.append(buffer, static_cast<std::size_t>(result));
    }
    has_ended_ = SSL_get_error(native_.get(), result) == SSL_ERROR_ZERO_RETURN;
    return taken();
  }
  std::string send(std::string_view text) {
    REQUIRE(SSL_write(native_.get(), text.data(), static_cast<int>(text.size())) > 0);
    return taken();
  }
  std::string end() {
    SSL_shutdown(native_.get());
    return taken();
  }
  [[nodiscard]] bool is_open() const { return SSL_is_init_finished(native_.get()) == 1; }
  [[nodiscard]] bool has_ended() const { return has_ended_; }
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] std::string_view version() const { return SSL_get_version(native_.get()); }

 private:
  std::string taken() {
    BIO* const out = SSL_get_wbio(native_.get());
    std::string bytes(BIO_ctrl_pending(out), '\0');
    if (!bytes.empty()) BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
  std::unique_ptr<SSL, decltype(&SSL_free)> native_{nullptr, SSL_free};
  std::string text_;
  bool has_ended_ = false;
};

/// The server's side with what it read.
struct Server {
  TlsSession session{*context()};
  std::vector<char> text;
  std::size_t size = 0;

  /// What it has to send after that.
  std::string receive(std::string_view bytes) {
    session.receive(bytes, text, size);
    std::string out;
    session.seal(out);
    return out;
  }
  [[nodiscard]] std::string_view read() const { return {text.data(), size}; }
};

void shake_hands(Client& client, Server& server) {
  std::string bytes = client.exchange("");
  for (int i = 0; i < 4 && !bytes.empty(); ++i) bytes = client.exchange(server.receive(bytes));
}

}  // namespace

TEST_CASE("text goes both ways over TLS 1.3 and 1.2 however the bytes are cut") {
  const std::uint64_t seed = 20'261'126;
  INFO("seed " << seed);
  cache::Random random(seed);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (int round = 0; round < 40; ++round) {
      Client client(version);
      Server server;
      const auto deliver = [&](std::string_view bytes) {
        std::string answers;
        while (!bytes.empty()) {
          const std::size_t count = std::min(bytes.size(), 1 + random.below(round < 5 ? 1 : 3000));
          answers += server.receive(bytes.substr(0, count));
          bytes.remove_prefix(count);
        }
        return answers;
      };
      std::string bytes = client.exchange("");
      for (int i = 0; i < 4 && !bytes.empty(); ++i) bytes = client.exchange(deliver(bytes));
      REQUIRE(client.is_open());
      REQUIRE(client.version() == (version == TLS1_2_VERSION ? "TLSv1.2" : "TLSv1.3"));
      REQUIRE(server.session.state() == State::open);
      CHECK_FALSE(server.session.is_within());
      std::string sent;
      std::string sealed;
      for (int i = 0; i < 5; ++i) {
        const std::string piece(1 + random.below(40'000), static_cast<char>('a' + i));
        sent += piece;
        sealed += client.send(piece);
      }
      CHECK(deliver(sealed).empty());
      REQUIRE(server.read() == sent);
      CHECK_FALSE(server.session.is_within());
      std::string answer(1 + random.below(100'000), 'z');
      const std::string expected = answer;
      server.session.seal(answer);
      (void)client.exchange(answer);
      REQUIRE(client.text() == expected);
    }
  }
}

TEST_CASE("a part of a handshake or of a record is told from the rest between two") {
  Client client;
  Server server;
  CHECK_FALSE(server.session.has_begun());
  CHECK_FALSE(server.session.is_within());
  const std::string hello = client.exchange("");
  CHECK(server.receive(hello.substr(0, 1)).empty());
  CHECK(server.session.is_within());
  const std::string answer = server.receive(hello.substr(1));
  CHECK(server.session.is_within());
  (void)server.receive(client.exchange(answer));
  REQUIRE(server.session.has_keys());
  CHECK_FALSE(server.session.is_within());
  const std::string record = client.send("GET / HTTP/1.1\r\n");
  (void)server.receive(record.substr(0, 1));
  CHECK(server.session.is_within());
  (void)server.receive(record.substr(1, record.size() - 2));
  CHECK(server.session.is_within());
  (void)server.receive(record.substr(record.size() - 1));
  CHECK_FALSE(server.session.is_within());
  CHECK(server.read() == "GET / HTTP/1.1\r\n");
}

TEST_CASE("each side hears that the other has ended, and text sent before is not lost") {
  Client client;
  Server server;
  shake_hands(client, server);
  std::string last = client.send("last");
  last += client.end();
  (void)server.receive(last);
  CHECK(server.session.state() == State::ended);
  CHECK(server.read() == "last");
  std::string answer = "answer";
  server.session.seal(answer);
  std::string end;
  server.session.end();
  CHECK(server.session.has_output());
  server.session.seal(end);
  (void)client.exchange(answer + end);
  CHECK(client.text() == "answer");
  CHECK(client.has_ended());
}

TEST_CASE("what is older than TLS 1.2 and speaks no HTTP/1.1 is refused by an alert") {
  for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
    Client client(version);
    Server server;
    const std::string answer = server.receive(client.exchange(""));
    CHECK(server.session.state() == State::failed);
    CHECK_FALSE(server.session.has_keys());
    REQUIRE(answer.size() == 7);
    CHECK(answer[0] == '\x15');
    CHECK(answer[6] == '\x46');  // protocol_version
  }
  Client other(TLS1_3_VERSION, "\x02h2");
  Server server;
  const std::string answer = server.receive(other.exchange(""));
  CHECK(server.session.state() == State::failed);
  CHECK(answer[6] == '\x78');  // no_application_protocol
  Client both(TLS1_3_VERSION, "\x02h2\x08http/1.1");
  Server taken;
  shake_hands(both, taken);
  CHECK(taken.session.state() == State::open);
  Client none(TLS1_3_VERSION, "");
  Server taken_too;
  shake_hands(none, taken_too);
  CHECK(taken_too.session.state() == State::open);
}

TEST_CASE("damaged bytes end the session and nothing else") {
  const std::uint64_t seed = 7;
  INFO("seed " << seed);
  cache::Random random(seed);
  int failed = 0;
  for (int round = 0; round < 400; ++round) {
    Client client(round % 2 == 0 ? TLS1_2_VERSION : TLS1_3_VERSION);
    Server server;
    std::string bytes = client.exchange("");
    const std::size_t damaged_flight = random.below(3);
    for (std::size_t flight = 0; flight < 4 && !bytes.empty(); ++flight) {
      if (flight == damaged_flight) {
        bytes[random.below(bytes.size())] ^= static_cast<char>(1 + random.below(255));
      }
      bytes = client.exchange(server.receive(bytes));
      if (client.is_open()) bytes += client.send("GET / HTTP/1.1\r\n");
    }
    failed += server.session.state() == State::failed ? 1 : 0;
    std::string rest = "text";
    server.session.seal(rest);
    server.session.end();
    server.session.seal(rest);
    (void)server.receive("more");
  }
  CHECK(failed > 100);
}

}  // namespace edgeward::controller
