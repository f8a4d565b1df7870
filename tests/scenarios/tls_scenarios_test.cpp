#include <fmt/format.h>
#include <openssl/ssl.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/certificates.hpp"
#include "tests/exposition.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/scenarios/three_edges.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

using test::Exposition;
using test::HttpAnswer;
using test::HttpConnection;
using test::Serving;
using test::TlsClient;

/// A configuration of one edge that needs no database, both listeners with certificates.
class Place {
 public:
  explicit Place(const std::string& more = {}) {
    authority_.issue("first");
    write(
        "tls: {certificate: first.pem, private_key: first.key},\n"
        "        admin_tls: {certificate: first.pem, private_key: first.key}" +
        more);
  }

  void write(const std::string& serve) const {
    authority_.folder().write(
        "edgeward.yaml", fmt::format("fleet: {{origin: {{lat: 38.94, lon: -77.46}}, edges: {{\n"
                                     "  fra1: {{lat: 50.03, lon: 8.57, storage: 1TiB}}}}}}\n"
                                     "geo: {{databases: []}}\n"
                                     "serve: {{tick: 20ms, workers: 2, unreported_edges: ready,\n"
                                     "        {}}}\n",
                                     serve));
  }
  [[nodiscard]] std::string config() const { return authority_.file("edgeward.yaml"); }
  [[nodiscard]] std::vector<std::string> arguments() const { return {"--config", config()}; }
  [[nodiscard]] const test::CertificateAuthority& authority() const { return authority_; }
  [[nodiscard]] TlsClient client() const { return {.ca = authority_.certificate()}; }

 private:
  test::CertificateAuthority authority_;
};

constexpr const char* kRoute = "/v1/route?content=/a";

/// The first bytes of OpenSSL's client.
std::string client_hello() {
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()),
                                                                  SSL_CTX_free);
  const std::unique_ptr<SSL, decltype(&SSL_free)> tls(SSL_new(context.get()), SSL_free);
  BIO* const out = BIO_new(BIO_s_mem());
  SSL_set_bio(tls.get(), BIO_new(BIO_s_mem()), out);
  SSL_connect(tls.get());
  std::string bytes(BIO_ctrl_pending(out), '\0');
  BIO_read(out, bytes.data(), static_cast<int>(bytes.size()));
  return bytes;
}

test::Outcome curl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--silent", "--show-error", "--max-time", "20"});
  return test::run("/usr/bin/curl", arguments);
}

Exposition scrape(const Place& place, const Serving& serving) {
  HttpConnection admin(serving.admin_port(), place.client());
  return Exposition(admin.get("/metrics").body);
}

/// Scrapes until a value is that; what was counted shows from the next tick on.
bool comes_to(const Place& place, const Serving& serving, double wanted, std::string_view metric,
              const std::map<std::string, std::string>& labels) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (scrape(place, serving).sum(metric, labels) != wanted) {
    if (std::chrono::steady_clock::now() > end) return false;
  }
  return true;
}

/// The name of the certificate that a new connection is shown.
std::string name_shown(const Place& place, const Serving& serving) {
  const HttpConnection connection(serving.port(), place.client());
  return connection.server_name();
}

}  // namespace

TEST_CASE("curl is answered over TLS by both listeners, and only by HTTP/1.1") {
  const Place place;
  Serving serving(place.arguments());
  CHECK(serving.said().find("listening on https://") != std::string::npos);
  CHECK(serving.said().find("admin on https://") != std::string::npos);
  const std::string ca = place.authority().certificate();
  for (const std::uint16_t port : {serving.port(), serving.admin_port()}) {
    for (const char* version : {"1.2", "1.3"}) {
      const test::Outcome outcome = curl({"--cacert", ca, "--tls-max", version, "--write-out",
                                          "%{http_version} %{ssl_verify_result}", "--output", "-",
                                          fmt::format("https://127.0.0.1:{}/healthz", port)});
      INFO(outcome.err);
      CHECK(outcome.exit_code == 0);
      CHECK(outcome.out == "ok\n1.1 0");
    }
  }
  const std::string url = fmt::format("https://localhost:{}/healthz", serving.port());
  CHECK(curl({url}).exit_code == 60);  // by an authority that nobody knows
}

TEST_CASE("versions of TLS before 1.2 are refused") {
  const Place place;
  Serving serving(place.arguments());
  const auto connect = [&](const char* version) {
    return test::run(
        "/usr/bin/openssl",
        {"s_client", "-connect", fmt::format("127.0.0.1:{}", serving.port()), version, "-cipher",
         "ALL:@SECLEVEL=0", "-CAfile", place.authority().certificate(), "-verify_return_error"});
  };
  for (const char* version : {"-tls1", "-tls1_1"}) {
    const test::Outcome outcome = connect(version);
    CHECK(outcome.exit_code != 0);
    CHECK(outcome.err.find("alert protocol version") != std::string::npos);
  }
  CHECK(connect("-tls1_2").exit_code == 0);
  CHECK(comes_to(place, serving, 2, "edgeward_tls_handshakes_total",
                 {{"listener", "clients"}, {"result", "failed"}}));
  CHECK(comes_to(place, serving, 1, "edgeward_tls_handshakes_total",
                 {{"listener", "clients"}, {"result", "done"}}));
}

TEST_CASE("a session is resumed by a ticket at whatever worker and anew after a reload") {
  const Place place;
  Serving serving(place.arguments());
  const std::string session = place.authority().file("session").string();
  const auto connect = [&](const char* option) {
    return test::run("/usr/bin/openssl",
                     {"s_client", "-connect", fmt::format("127.0.0.1:{}", serving.port()),
                      "-tls1_2", "-CAfile", place.authority().certificate(), option, session})
        .out;
  };
  CHECK(connect("-sess_out").find("\nNew, TLSv1.2") != std::string::npos);
  for (int i = 0; i < 10; ++i) {
    CHECK(connect("-sess_in").find("\nReused, TLSv1.2") != std::string::npos);
  }
  place.authority().issue("second");
  place.authority().replace("first", "second");
  serving.signal(SIGHUP);
  while (name_shown(place, serving) != "second") {
  }
  serving.wait_for("reloaded");
  // Each of the workers takes them when its turn comes.
  std::string last;
  for (int i = 0; i < 1000 && last.find("\nNew, TLSv1.2") == std::string::npos; ++i) {
    last = connect("-sess_in");
  }
  CHECK(last.find("\nNew, TLSv1.2") != std::string::npos);
}

TEST_CASE("many requests of one connection over TLS are answered in their order") {
  const Place place;
  Serving serving(place.arguments());
  HttpConnection connection(serving.port(), place.client());
  std::string stream;
  for (int i = 0; i < 300; ++i) {
    stream += fmt::format("GET /r/{} HTTP/1.1\r\nHost: x\r\nX-Any: {}\r\n\r\n", i,
                          std::string(static_cast<std::size_t>(i), 'a'));
  }
  for (const std::size_t piece : {std::size_t{1013}, stream.size()}) {
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      connection.send(std::string_view(stream).substr(at, piece));
    }
    for (int i = 0; i < 300; ++i) {
      const std::string location = connection.receive().field("Location");
      REQUIRE(location.substr(location.rfind('/')) == fmt::format("/{}", i));
    }
  }
  std::string batch;
  for (int i = 0; i < 5000; ++i) batch += "{\"client\":\"192.0.2.7\",\"content\":\"/a\"}\n";
  const HttpAnswer answer = connection.post("/v1/route", batch, "application/x-ndjson");
  CHECK(answer.status == 200);
  CHECK(answer.body.size() > 100 * 5000);
  connection.send("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  CHECK(connection.receive().status == 200);
  CHECK(connection.is_closed());
}

TEST_CASE("who speaks HTTP to TLS or TLS to HTTP is told so at once") {
  const Place place;
  place.write("tls: {certificate: first.pem, private_key: first.key}");
  Serving serving(place.arguments());
  HttpConnection plain(serving.port());
  const HttpAnswer answer = plain.get("/healthz");
  CHECK(answer.status == 400);
  CHECK(answer.body.find("https://") != std::string::npos);
  CHECK(plain.is_closed());

  HttpConnection sealed(serving.admin_port());
  sealed.send(client_hello().substr(0, 10));
  const HttpAnswer refused = sealed.receive();
  CHECK(refused.status == 400);
  CHECK(refused.body.find("http://") != std::string::npos);
  CHECK(sealed.is_closed());
  CHECK(
      curl({"--insecure", fmt::format("https://127.0.0.1:{}/", serving.admin_port())}).exit_code ==
      35);

  HttpConnection neither(serving.port());
  neither.send(std::string(100, '\x01'));
  CHECK(neither.is_closed());
  HttpConnection broken(serving.port());
  std::string hello = client_hello();
  hello[5] = '\x7F';
  broken.send(hello);
  CHECK(broken.is_closed());
  CHECK(HttpConnection(serving.port(), place.client()).get("/healthz").status == 200);
}

TEST_CASE("a reload brings new certificates for new connections and open ones go on") {
  const Place place;
  place.authority().issue("second", 90);
  place.authority().issue("other");
  Serving serving(place.arguments());
  const std::string expiry = "edgeward_tls_certificate_expiry_timestamp_seconds";
  const auto days_left = [&] {
    const double at = scrape(place, serving).sum(expiry, {{"listener", "clients"}});
    return (at - static_cast<double>(std::time(nullptr))) / 86'400;
  };
  CHECK(days_left() == Approx(30).margin(0.1));
  HttpConnection before(serving.port(), place.client());
  CHECK(before.server_name() == "first");
  CHECK(before.get(kRoute).status == 200);

  place.authority().replace("first", "second");
  serving.signal(SIGHUP);
  serving.wait_for("reloaded");
  while (name_shown(place, serving) != "second") {
  }
  CHECK(days_left() == Approx(90).margin(0.1));
  CHECK(before.get(kRoute).status == 200);

  // A key of another certificate.
  place.authority().folder().write("first.key",
                                   test::read_file(place.authority().file("other.key")));
  {
    HttpConnection admin(serving.admin_port(), place.client());
    CHECK(admin.post("/v1/reload").status == 202);
  }
  serving.wait_for("reload refused");
  CHECK(serving.said().find("edgeward.yaml:5:") != std::string::npos);
  CHECK(serving.said().find("not the key of the first certificate of") != std::string::npos);
  CHECK(comes_to(place, serving, 1, "edgeward_last_reload_refused", {}));
  CHECK(name_shown(place, serving) == "second");
  CHECK(before.get(kRoute).status == 200);
  place.authority().replace("first", "other");
  serving.signal(SIGHUP);
  while (name_shown(place, serving) != "other") {
  }
  CHECK(before.get(kRoute).status == 200);
}

TEST_CASE("whether a listener speaks TLS changes at a restart only") {
  const Place place;
  place.write("tls: {certificate: first.pem, private_key: first.key}");
  Serving serving(place.arguments());
  place.write("admin_tls: {certificate: first.pem, private_key: first.key}");
  HttpConnection admin(serving.admin_port());
  CHECK(admin.post("/v1/reload").status == 202);
  serving.wait_for("whether a listener speaks TLS changes at a restart only");
  serving.wait_for("reloaded");
  CHECK(name_shown(place, serving) == "first");
  CHECK(HttpConnection(serving.admin_port()).get("/healthz").status == 200);
}

TEST_CASE("slow and idle connections over TLS are ended, each in its way") {
  const Place place(", limits: {idle: 1500ms, request: 1500ms}");
  Serving serving(place.arguments());
  HttpConnection idle(serving.port(), place.client());
  HttpConnection slow(serving.port(), place.client());
  HttpConnection dumb(serving.port());
  HttpConnection silent(serving.port());
  const std::string hello = client_hello();
  for (std::size_t i = 0; i < hello.size() / 2; ++i) silent.send(hello.substr(i, 1));
  slow.send("GET / HTT");
  const HttpAnswer answer = slow.receive();
  CHECK(answer.status == 408);
  CHECK(slow.is_closed());
  CHECK(idle.is_closed());
  CHECK(dumb.is_closed());
  CHECK(silent.is_closed());
  // Bytes that trickle in do not put off the end.
  HttpConnection trickling(serving.port());
  try {
    for (std::size_t i = 0; i + 1 < hello.size(); ++i) {
      trickling.send(hello.substr(i, 1));
      const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(10);
      while (std::chrono::steady_clock::now() < until) std::this_thread::yield();
    }
    CHECK(trickling.is_closed());
  } catch (const std::runtime_error&) {
    SUCCEED("it was ended while it sent");
  }
  CHECK(comes_to(place, serving, 2, "edgeward_connections_timed_out_total",
                 {{"listener", "clients"}, {"waiting_for", "handshake"}}));
  CHECK(comes_to(place, serving, 2, "edgeward_tls_handshakes_total",
                 {{"listener", "clients"}, {"result", "failed"}}));
  CHECK(comes_to(place, serving, 0, "edgeward_connections", {{"listener", "clients"}}));
}

TEST_CASE("too many connections of one peer over TLS are refused by an alert, others served") {
  const Place place(", limits: {connections_per_peer: 2}");
  place.write(
      "tls: {certificate: first.pem, private_key: first.key},\n"
      "        limits: {connections_per_peer: 2}");
  std::string config = test::read_file(place.config());
  config.replace(config.find("workers: 2"), 10, "workers: 1");
  place.authority().folder().write("edgeward.yaml", config);
  Serving serving(place.arguments());
  HttpConnection first(serving.port(), place.client());
  HttpConnection second(serving.port(), place.client());
  CHECK_THROWS_AS(HttpConnection(serving.port(), place.client()), std::runtime_error);
  CHECK(first.get(kRoute).status == 200);
  CHECK(second.get(kRoute).status == 200);
}

TEST_CASE("a service that is late with its work refuses handshakes, but no operator's") {
  const Place place;
  place.write(
      "tls: {certificate: first.pem, private_key: first.key},\n"
      "        admin_tls: {certificate: first.pem, private_key: first.key},\n"
      "        limits: {delay: 1ms, body: 8MiB}");
  std::string config = test::read_file(place.config());
  config.replace(config.find("workers: 2"), 10, "workers: 1");
  place.authority().folder().write("edgeward.yaml", config);
  Serving serving(place.arguments());
  test::Crowd crowd(
      [&] { return std::make_unique<HttpConnection>(serving.port(), place.client()); });
  std::string refusal;
  while (refusal.find("internal error") == std::string::npos) {
    try {
      HttpConnection connection(serving.port(), place.client());
      const int status = connection.get(kRoute).status;
      CHECK((status == 200 || status == 503));
    } catch (const std::runtime_error& error) {
      refusal = error.what();
    }
  }
  CHECK(scrape(place, serving).sum("edgeward_connections_opened_total") > 0);
  crowd.end();
  CHECK(crowd.wrong() == 0);
  CHECK(scrape(place, serving)
            .sum("edgeward_connections_refused_total",
                 {{"listener", "clients"}, {"limit", "delay"}}) > 0);
}

TEST_CASE("the end over TLS comes after what has been asked and with a close_notify") {
  const Place place;
  Serving serving(place.arguments());
  std::atomic<int> asking{0};
  std::atomic<int> failed{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([&] {
      try {
        HttpConnection connection(serving.port(), place.client());
        bool is_first = true;
        while (true) {
          const HttpAnswer answer = connection.get(kRoute);
          if (answer.status == 0) break;
          if (answer.status != 200) ++failed;
          if (is_first) ++asking;
          is_first = false;
          if (answer.field("Connection") != "close") continue;
          if (!connection.is_closed()) ++failed;
          break;
        }
      } catch (const std::exception&) {
        ++failed;
      }
    });
  }
  HttpConnection idle(serving.port(), place.client());
  CHECK(idle.get("/healthz").status == 200);
  while (asking < 8) std::this_thread::yield();
  CHECK(serving.stop() == 0);
  for (std::thread& client : clients) client.join();
  CHECK(failed == 0);
  CHECK(idle.is_closed());
}

TEST_CASE("clients that have to show a certificate are refused without one") {
  const Place place;
  place.authority().issue("operator");
  place.write("admin_tls: {certificate: first.pem, private_key: first.key, client_ca: ca.pem}");
  const test::CertificateAuthority others;
  others.issue("operator");
  Serving serving(place.arguments());
  TlsClient client = place.client();
  const auto ask = [&] {
    HttpConnection admin(serving.admin_port(), client);
    return admin.get("/v1/edges").status;
  };
  CHECK_THROWS_AS(ask(), std::runtime_error);
  client.certificate = others.file("operator.pem");
  client.private_key = others.file("operator.key");
  CHECK_THROWS_AS(ask(), std::runtime_error);
  client.certificate = place.authority().file("operator.pem");
  client.private_key = place.authority().file("operator.key");
  CHECK(ask() == 200);
  CHECK(ask() == 200);
}

TEST_CASE("files that TLS cannot be spoken with end a start and are told with their place") {
  const Place place;
  const test::CertificateAuthority& authority = place.authority();
  authority.issue("other");
  authority.issue("weak", 30, {"-newkey", "rsa:1024"});
  authority.folder().write("text.pem", "no certificate\n");
  authority.folder().write("half.pem", test::read_file(authority.file("first.pem")).substr(0, 200) +
                                           "\n-----END CERTIFICATE-----\n");
  REQUIRE(test::run("/usr/bin/openssl",
                    {"pkey", "-in", authority.file("first.key"), "-aes256", "-passout",
                     "pass:secret", "-out", authority.file("locked.key")})
              .exit_code == 0);
  const auto wrong = [&](const std::string& tls) {
    place.write("tls: {" + tls + "}");
    const test::Outcome checked = test::run(EDGEWARD_BINARY, {"check", place.config()});
    CHECK(checked.exit_code == 1);
    const test::Outcome served = test::run(
        EDGEWARD_BINARY, {"serve", "--config", place.config(), "--listen", "127.0.0.1:0"});
    CHECK(served.exit_code == 2);
    CHECK(served.err.find(checked.out.substr(0, checked.out.find('\n'))) != std::string::npos);
    const std::size_t folder =
        checked.out.rfind(place.config(), 0) == 0 ? place.config().size() : 0;
    return checked.out.substr(folder);
  };
  const auto path = [&](const char* name) { return authority.file(name).string(); };
  const std::string key = ", private_key: first.key";
  CHECK(wrong("certificate: gone.pem" + key) ==
        ":5:28: certificate: no such file: " + path("gone.pem") + "\n");
  // Who only asks the router needs none of them.
  CHECK(test::run(EDGEWARD_BINARY,
                  {"route", "--config", place.config(), "--client", "192.0.2.1", "--content", "/a"})
            .exit_code == 0);
  CHECK(wrong("certificate: first.pem, private_key: gone.key") ==
        ":5:52: private_key: no such file: " + path("gone.key") + "\n");
  CHECK(wrong("certificate: first.pem, private_key: other.key") ==
        ":5:52: private_key: " + path("other.key") + ": not the key of the first certificate of " +
            path("first.pem") + ": give the two that were made together\n");
  CHECK(wrong("certificate: text.pem" + key) ==
        ":5:28: certificate: " + path("text.pem") +
            ": expected PEM, each certificate between -----BEGIN CERTIFICATE----- and its END "
            "line\n");
  CHECK(wrong("certificate: half.pem" + key).find("half.pem: expected PEM") != std::string::npos);
  CHECK(wrong("certificate: ." + key).find(": a folder\n") != std::string::npos);
  CHECK(wrong("certificate: first.pem, private_key: first.pem")
            .find("expected PEM with a private key") != std::string::npos);
  CHECK(wrong("certificate: first.pem, private_key: locked.key")
            .find("a passphrase protects it: write it without one") != std::string::npos);
  CHECK(wrong("certificate: weak.pem, private_key: weak.key")
            .find("weak.pem: ee key too small: expected RSA of 2048 bits") != std::string::npos);
  CHECK(wrong("certificate: first.pem, private_key: first.key, client_ca: gone.pem")
            .find(":5:74: client_ca: no such file") == 0);
  CHECK(wrong("certificate: first.pem").find("needs private_key") != std::string::npos);
  CHECK(wrong("certificate: first.pem, private_key: first.key, cipher: x")
            .find("tls: unknown key 'cipher'") != std::string::npos);
}

TEST_CASE("an admin listener beyond this machine needs a token over TLS too") {
  const Place place;
  const test::Outcome outcome =
      test::run(EDGEWARD_BINARY, {"serve", "--config", place.config(), "--listen", "127.0.0.1:0",
                                  "--dns", "none", "--admin", "0.0.0.0:0"});
  CHECK(outcome.exit_code == 2);
  CHECK(outcome.err.find("admin_token_file") != std::string::npos);
}

TEST_CASE("the edge command speaks TLS to an admin listener that it can believe") {
  const Place place;
  place.authority().issue("operator");
  place.write("admin_tls: {certificate: first.pem, private_key: first.key, client_ca: ca.pem}");
  Serving serving(place.arguments());
  const std::string ca = place.authority().certificate();
  const std::string pem = place.authority().file("operator.pem");
  const std::string key = place.authority().file("operator.key");
  const auto edge = [&](const std::string& host, const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"edge", "drain", "fra1", "--admin",
                                       fmt::format("https://{}:{}", host, serving.admin_port())};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return test::run(EDGEWARD_BINARY, arguments);
  };
  for (const char* host : {"127.0.0.1", "localhost"}) {
    const test::Outcome done = edge(host, {"--ca", ca, "--certificate", pem, "--private-key", key});
    INFO(done.err);
    CHECK(done.exit_code == 0);
  }
  CHECK(edge("127.0.0.1", {"--certificate", pem, "--private-key", key}).exit_code == 75);
  CHECK(edge("127.0.0.2", {"--ca", ca, "--certificate", pem, "--private-key", key}).exit_code ==
        75);
  CHECK(edge("127.0.0.1", {"--ca", ca}).exit_code == 75);
  CHECK(edge("127.0.0.1", {"--ca", ca, "--certificate", pem}).exit_code == 2);
  const test::Outcome unreadable = edge("127.0.0.1", {"--ca", key});
  CHECK(unreadable.exit_code == 2);
  CHECK(unreadable.err.find(key + ": ") != std::string::npos);
  const test::Outcome plain =
      test::run(EDGEWARD_BINARY,
                {"edge", "list", "--admin", fmt::format("127.0.0.1:{}", serving.admin_port())});
  CHECK(plain.exit_code == 2);
  CHECK(plain.err.find("https://") != std::string::npos);
}

}  // namespace edgeward
