#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "tests/allocations.hpp"
#include "tests/controller/dns_support.hpp"

namespace edgeward::controller {

TEST_CASE("a DNS answer allocates nothing, whatever it is") {
  policy::World world = two_places();
  world.fleet->edges[0].endpoint = "fra1.pop.zone.example";
  world.fleet->edges[1].endpoint = "ams1.other.example";
  world.fleet->edges[2].endpoint = "nrt1.other.example";
  world.options.services.push_back(policy::Service{.name = "video.zone.example"});
  DnsAnswerer answerer({.zones = {"zone.example"},
                        .cnames = {"video.zone.example"},
                        .name_servers = {"ns1.example.net"},
                        .nsid = "fra-a",
                        .rate_limit = {.responses_per_second = 100}},
                       {DnsCookies::Secret{1}});
  answerer.install(std::make_shared<const policy::Snapshot>(world.snapshot()));
  Message options = subnet_option(1, 24, {0, 0, 1});
  const Message more{0, 3, 0, 0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
  options.insert(options.end(), more.begin(), more.end());
  std::vector<Message> queries;
  for (const char* name : {"www.cdn.example", "x.www.cdn.example", "video.zone.example",
                           "zone.example", "pop.zone.example", "elsewhere.example"}) {
    for (const int type : {1, 28, 6, 2, 255, 15, 5, 252}) {
      queries.push_back(written({.name = name, .type = static_cast<std::uint16_t>(type)}));
      queries.push_back(written({.name = name,
                                 .type = static_cast<std::uint16_t>(type),
                                 .has_edns = true,
                                 .option = options}));
    }
  }
  queries.push_back(Message(12));
  Message out;
  std::array<std::size_t, kDnsLimitedCount> limited{};
  const auto ask_all = [&](bool is_udp) {
    for (const Message& query : queries) {
      out.clear();
      const DnsAnswerer::Item item{query, policy::World::client(0)};
      std::size_t end = 0;
      for (const DnsOutcome& outcome : answerer.answer({&item, 1}, 1000, is_udp, out, {&end, 1})) {
        ++limited[static_cast<std::size_t>(outcome.limited)];
      }
    }
  };
  ask_all(false);  // the buffers grow as they have to
  const std::size_t before = test::allocations();
  for (int i = 0; i < 3; ++i) {
    ask_all(true);
    ask_all(false);
  }
  const std::size_t after = test::allocations();
  CHECK(after == before);
  for (const std::size_t count : limited) CHECK(count > 0);
  // The counter counts.
  const std::size_t before_one = test::allocations();
  const auto one = std::make_unique<int>(1);
  const std::size_t after_one = test::allocations();
  CHECK(after_one == before_one + 1);
}

}  // namespace edgeward::controller
