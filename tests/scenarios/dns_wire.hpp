#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/loopback.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

// DNS messages made by hand, and what they are sent to.
namespace edgeward::test {

using Texts = std::vector<std::string>;
using Message = std::vector<std::uint8_t>;

/// Three edges: Frankfurt, named in a zone of ours; Amsterdam and Tokyo, named elsewhere; Tokyo has
/// no IPv6. This machine is in Frankfurt, 198.51.100.0/24 in Tokyo.
class DnsPlace {
 public:
  explicit DnsPlace(const std::string& dns = {}) {
    folder_.write("clients.csv",
                  "prefix,lat,lon,country,edges\n"
                  "127.0.0.0/8,50.11,8.68,DE,\n"
                  "198.51.100.0/24,35.68,139.69,JP,\n"
                  "2001:db8:81::/48,35.68,139.69,JP,\n");
    folder_.write("secret", "000102030405060708090a0b0c0d0e0f\n");
    folder_.write("edgeward.yaml",
                  "fleet:\n"
                  "  origin: {lat: 38.94, lon: -77.46}\n"
                  "  edges:\n"
                  "    fra1: {lat: 50.03, lon: 8.57, storage: 1TiB, endpoint: "
                  "fra1.pop.zone.example, addresses: [192.0.2.1, '2001:db8::1']}\n"
                  "    ams1: {lat: 52.31, lon: 4.76, storage: 1TiB, endpoint: ams1.other.example, "
                  "addresses: [192.0.2.2, '2001:db8::2']}\n"
                  "    nrt1: {lat: 35.76, lon: 140.39, storage: 1TiB, endpoint: "
                  "nrt1.other.example, addresses: [192.0.2.3]}\n"
                  "geo: {databases: [], overrides: clients.csv}\n"
                  "routing: {spread_epsilon: {score: 0}, min_candidates: 1}\n"
                  "services: {default: {}, www.cdn.example: {}, video.zone.example: {},\n"
                  "           a.deep.zone.example: {}}\n"
                  "serve: {workers: 2, tick: 20ms, unreported_edges: ready}\n"
                  "dns: {zones: [zone.example], cnames: [video.zone.example],\n"
                  "      name_servers: [ns1.example.net, ns2.example.net], nsid: test-1,\n"
                  "      cookie_secret_file: secret" +
                      dns + "}\n");
  }
  [[nodiscard]] Texts arguments() const {
    return {"--config", (folder_.path() / "edgeward.yaml").string()};
  }

 private:
  TemporaryFolder folder_;
};

/// Appends two bytes, the greater first.
void word(Message& out, unsigned value);
[[nodiscard]] Message name_of(std::string_view name);
[[nodiscard]] Message question(std::string_view name, unsigned type = 1, unsigned class_code = 1);
/// EDNS (RFC 6891 §6.1.2).
[[nodiscard]] Message opt(unsigned version, const Message& options = {}, unsigned udp_bytes = 1232);

struct DnsHeader {
  unsigned id = 0x1234;
  unsigned flags = 0;
  unsigned questions = 1;
  unsigned answers = 0;
  unsigned authorities = 0;
  unsigned additionals = 0;
};

[[nodiscard]] Message message(const DnsHeader& header, const std::vector<Message>& parts);

[[nodiscard]] unsigned word_at(const Message& bytes, std::size_t at);
[[nodiscard]] unsigned code_of(const Message& answer);

/// A socket of either kind at the service's DNS port: blocking, with a deadline.
class DnsSocket {
 public:
  DnsSocket(const Serving& serving, int kind) : socket_(connect_to(serving.dns_port(), kind)) {
    REQUIRE(socket_ >= 0);
  }
  ~DnsSocket() { ::close(socket_); }
  DnsSocket(const DnsSocket&) = delete;
  DnsSocket& operator=(const DnsSocket&) = delete;

  void send(const Message& bytes) const {
    REQUIRE(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(bytes.size()));
  }
  /// A datagram, or what there is of a stream; empty at its end.
  [[nodiscard]] Message receive() const {
    pollfd waiting{.fd = socket_, .events = POLLIN, .revents = 0};
    REQUIRE(::poll(&waiting, 1, 20'000) == 1);
    Message bytes(65'536);
    const ssize_t count = ::recv(socket_, bytes.data(), bytes.size(), 0);
    REQUIRE(count >= 0);
    bytes.resize(static_cast<std::size_t>(count));
    return bytes;
  }
  /// The next message of a stream.
  [[nodiscard]] Message receive_framed() {
    while (unread_.size() < 2 || unread_.size() < 2U + word_at(unread_, 0)) {
      const Message more = receive();
      REQUIRE_FALSE(more.empty());
      unread_.insert(unread_.end(), more.begin(), more.end());
    }
    const auto end = unread_.begin() + static_cast<std::ptrdiff_t>(2 + word_at(unread_, 0));
    Message out(unread_.begin() + 2, end);
    unread_.erase(unread_.begin(), end);
    return out;
  }

 private:
  int socket_ = -1;
  Message unread_;
};

/// With its length before it, as over TCP (RFC 1035 §4.2.2).
[[nodiscard]] Message framed(const Message& query);

}  // namespace edgeward::test
