// DNS messages, as they come over UDP or TCP. The first byte says which.

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
using fuzz::require;

std::shared_ptr<const policy::Snapshot> snapshot() {
  auto fleet = std::make_shared<cache::Fleet>();
  fleet->edges.push_back({.name = "fra1",
                          .point = {50.03, 8.57},
                          .addresses = {geo::IpAddress::v4(1), *geo::IpAddress::parse("::2")}});
  fleet->edges.push_back(
      {.name = "nrt1", .point = {35.76, 140.39}, .addresses = {geo::IpAddress::v4(3)}});
  const std::shared_ptr<const geo::AddressMap> map =
      geo::AddressMapBuilder(geo::Location{}).build();
  policy::RoutingOptions options;
  options.services = {policy::Service{.name = "www.cdn.example"}};
  auto result = std::make_shared<policy::Snapshot>();
  result->fleet = std::make_shared<const policy::FleetPart>(fleet, options, map);
  const std::vector<cache::EdgeState> states(2, {.mode = cache::EdgeMode::ready});
  result->live = std::make_shared<const std::vector<policy::LiveEdge>>(
      policy::live_edges(*result->fleet, states, 0));
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static controller::DnsAnswerer answerer = [] {
    controller::DnsAnswerer made({});
    made.install(snapshot());
    return made;
  }();
  const bool is_udp = data[0] % 2 == 0;
  const std::span<const std::uint8_t> message(data + 1, size - 1);
  std::vector<std::uint8_t> out{7};  // what stands there stays
  const controller::DnsAnswerer::Item item{message, geo::IpAddress::v4(9)};
  std::size_t end = 0;
  const auto outcomes = answerer.answer({&item, 1}, 0, is_udp, out, {&end, 1});
  require(end == out.size() && outcomes.size() <= 1, "one message has one answer at most");
  require(out[0] == 7, "what was written before stays");
  require(outcomes.empty() == (out.size() == 1), "an answer has an outcome");
  if (outcomes.empty()) return 0;
  require(out.size() >= 13 && message.size() >= 12, "a header answers a header");
  require(out[1] == message[0] && out[2] == message[1], "the id is the query's");
  require((out[3] & 0x80) != 0, "it is an answer");
  require(!is_udp || out.size() <= 1233, "it passes every path");
  const auto query = controller::parse_dns_query(message);
  require(query.has_value(), "what is answered was read");
  if (query->fault == controller::DnsCode::noerror) {
    require(query->question.size() == query->name_bytes + 4, "a question is name, type, class");
    // So that nobody can use it to flood others with more than they send.
    require(out.size() - 1 <= message.size() + 160, "an answer is little longer than its query");
  }
  return 0;
}
