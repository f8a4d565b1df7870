// DNS messages, as they come over UDP or TCP. The first byte says how.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "controller/dns/answerer.hpp"
#include "geo/address_map_builder.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using controller::DnsAnswerer;
using controller::DnsCookies;
using controller::DnsLimited;
using fuzz::require;
using Bytes = std::span<const std::uint8_t>;

const std::vector<DnsCookies::Secret> kSecrets{DnsCookies::Secret{1, 2, 3}};

std::shared_ptr<const policy::Snapshot> snapshot() {
  auto fleet = std::make_shared<cache::Fleet>();
  fleet->edges.push_back({.name = "fra1",
                          .point = {50.03, 8.57},
                          .addresses = {geo::IpAddress::v4(1), *geo::IpAddress::parse("::2")},
                          .endpoint = "fra1.zone.example"});
  fleet->edges.push_back({.name = "nrt1",
                          .point = {35.76, 140.39},
                          .addresses = {geo::IpAddress::v4(3)},
                          .endpoint = "nrt1.example.net"});
  // One half of all IPv4 addresses is in Tokyo.
  geo::NetworkLayer layer;
  layer.places = {{.point = {35.68, 139.69}, .source = geo::LocationSource::mmdb}};
  layer.append(geo::IpPrefix::around(geo::IpAddress::v4(1U << 31), 97), 0);
  geo::AddressMapBuilder builder(geo::Location{.point = {50.11, 8.68}});
  builder.add(std::move(layer));
  policy::RoutingOptions options;
  options.services = {policy::Service{.name = "www.cdn.example"},
                      policy::Service{.name = "a.b.zone.example"},
                      policy::Service{.name = "v.zone.example"}};
  auto result = std::make_shared<policy::Snapshot>();
  result->fleet =
      std::make_shared<const policy::FleetPart>(fleet, options, std::move(builder).build());
  const std::vector<cache::EdgeState> states(2, {.mode = cache::EdgeMode::ready});
  result->live = std::make_shared<const std::vector<policy::LiveEdge>>(
      policy::live_edges(*result->fleet, states, 0));
  return result;
}

DnsAnswerer made(unsigned responses_per_second) {
  DnsAnswerer answerer({.zones = {"zone.example"},
                        .cnames = {"v.zone.example"},
                        .name_servers = {"ns1.example.net"},
                        .nsid = "fra-a",
                        .rate_limit = {.responses_per_second = responses_per_second}},
                       kSecrets);
  answerer.install(snapshot());
  return answerer;
}

/// Walks through an answer as a client would, by a reader of its own.
class Walk {
 public:
  explicit Walk(Bytes answer) : bytes_(answer) {
    at_ = 4;
    const unsigned questions = word();
    const unsigned records = word() + word() + word();
    for (unsigned i = 0; i < questions; ++i) {
      name();
      at_ += 4;
    }
    for (unsigned i = 0; i < records; ++i) {
      name();
      at_ += 8;
      at_ += word();
      require(at_ <= bytes_.size(), "a record ends within its answer");
    }
    require(at_ == bytes_.size(), "nothing stands behind the last record");
  }

 private:
  unsigned byte() {
    require(at_ < bytes_.size(), "an answer is whole");
    return bytes_[at_++];
  }
  unsigned word() {
    const unsigned high = byte();
    return high << 8 | byte();
  }
  void name() {
    std::size_t back = 0;
    while (true) {
      const std::size_t begin = at_;
      const unsigned length = byte();
      if (length == 0) break;
      if (length >= 0xC0) {
        const std::size_t target = (length & 0x3F) << 8 | byte();
        require(target >= 12 && target < begin, "a pointer leads back");
        back = back == 0 ? at_ : back;
        at_ = target;
      } else {
        require(length < 64, "a label is short");
        at_ += length;
      }
    }
    if (back != 0) at_ = back;
  }

  Bytes bytes_;
  std::size_t at_ = 0;
};

void check_answer(Bytes message, Bytes answer, bool is_udp) {
  require(answer.size() >= 12 && message.size() >= 12, "a header answers a header");
  require(answer[0] == message[0] && answer[1] == message[1], "the id is the query's");
  require((answer[2] & 0x80) != 0, "it is an answer");
  const auto query = controller::parse_dns_query(message);
  require(query.has_value(), "what is answered was read");
  require(!is_udp || answer.size() <= std::min<std::size_t>(query->udp_bytes_max, 1232),
          "it is as long as the client takes and passes every path");
  (void)Walk(answer);
  if (query->fault != controller::DnsCode::noerror) return;
  require(query->question.empty() || query->question.size() == query->name_bytes + 4,
          "a question is name, type, class");
  require(std::equal(query->question.begin(), query->question.end(), answer.begin() + 12),
          "a question is repeated");
  // So that nobody can use it to flood others with more than they send.
  require(answer.size() <= message.size() + 200, "an answer is little longer than its query");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static DnsAnswerer unlimited = made(0);
  static DnsAnswerer limited = made(2);
  static std::int64_t now_ms = 0;
  now_ms += 10'000;  // whoever was limited has rested since
  const bool is_udp = (data[0] & 1) == 0;
  const bool is_limited = (data[0] & 2) != 0;
  const geo::IpAddress peer =
      (data[0] & 4) != 0 ? *geo::IpAddress::parse("2001:db8::9") : geo::IpAddress::v4(9);
  std::vector<std::uint8_t> message(data + 1, data + size);
  const auto query = controller::parse_dns_query(message);
  const bool has_cookie = query && query->cookie && query->cookie->server.size() == 16;
  if (has_cookie && (data[0] & 8) != 0) {
    // Nobody guesses a good one.
    const auto server = DnsCookies(kSecrets).next(*query->cookie, DnsCookies::Standing::unknown,
                                                  peer, static_cast<std::uint32_t>(now_ms / 1000));
    std::copy(server.begin(), server.end(),
              message.begin() + (query->cookie->server.data() - message.data()));
  }
  constexpr std::size_t kTimes = 6;
  std::array<DnsAnswerer::Item, kTimes> items;
  items.fill({message, peer});
  std::array<std::size_t, kTimes> ends{};
  std::vector<std::uint8_t> out{7};
  const auto outcomes = (is_limited ? limited : unlimited).answer(items, now_ms, is_udp, out, ends);
  require(out[0] == 7, "what was written before stays");
  require(ends.back() == out.size(), "all that was written is some answer's");
  require(outcomes.size() == (query ? kTimes : 0), "what was read has an outcome");
  std::size_t begin = 1;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Bytes answer = Bytes(out).subspan(begin, ends[i] - begin);
    begin = ends[i];
    const bool may_limit = is_limited && is_udp && i >= 2;
    require(may_limit || outcomes[i].limited == DnsLimited::no, "the first are not too many");
    require(answer.empty() == (outcomes[i].limited == DnsLimited::dropped), "all others go out");
    if (!answer.empty()) check_answer(message, answer, is_udp);
  }
  return 0;
}
