#include "sim/trace/clients.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "sim/trace/load.hpp"
#include "tests/sim/trace_support.hpp"
#include "tests/support.hpp"

namespace edgeward::sim {

TEST_CASE("a client is an address in any of the ways that logs write one") {
  const auto v4 = geo::IpAddress::parse("192.0.2.7");
  const auto v6 = geo::IpAddress::parse("2001:db8::7");
  for (const char* const text :
       {"192.0.2.7", "192.0.2.7:443", " 192.0.2.7 ", "192.0.2.7, 10.0.0.1"}) {
    INFO(text);
    CHECK(parse_client(text) == TraceClient{.address = v4});
  }
  for (const char* const text : {"2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:443"}) {
    INFO(text);
    CHECK(parse_client(text) == TraceClient{.address = v6});
  }
  CHECK(parse_client("de") == TraceClient{.country = *geo::parse_country("DE")});
  for (const char* const text :
       {"", "-", "host.example.org", "host:80", "1.2.3", "[", "[]", "[:", ":", "192.0.2.x"}) {
    INFO(text);
    CHECK(parse_client(text) == TraceClient{});
  }
}

TEST_CASE("edge names are numbered as they appear, up to a limit") {
  EdgeNameTable table;
  CHECK(table.index("") == 0);
  CHECK(table.index("fra") == 1);
  CHECK(table.index("lhr") == 2);
  CHECK(table.index("fra") == 1);
  for (int i = 0; i < 70'000; ++i) (void)table.index(std::to_string(i));
  CHECK(table.index("fra") == 1);
  CHECK(table.index("one too many") == 0);
  CHECK(table.take().size() == EdgeNameTable::kNamesMax + 1);
}

TEST_CASE("a trace keeps clients, countries and edges of its requests, in replay order") {
  const test::TemporaryFolder folder;
  const std::string path = folder
                               .write("log.csv",
                                      "time,client_ip,country,path,size,edge,cache\n"
                                      "1700000300,192.0.2.1,DE,/b,20,fra,HIT\n"
                                      "1700000100,,FR,/a,10,cdg,MISS\n"
                                      "1700000200,192.0.2.1,DE,/a,10,,BYPASS\n"
                                      "1700000400,nobody,,/b,20,fra,HIT\n")
                               .string();
  MemoryBudget budget;
  test::Quiet progress;
  LoadOptions options;
  options.inputs.push_back(path);
  options.with_clients = GENERATE(true, false);
  const Trace trace = load_trace(options, budget, progress);
  REQUIRE(trace.summary.requests == 4);
  if (!options.with_clients) {
    CHECK_FALSE(trace.requesters.is_known());
    CHECK(trace.requesters.client.size() == 0);
    CHECK(trace.contents.empty());
    return;
  }
  const TraceClients& who = trace.requesters;
  const auto client = [&](std::size_t request) { return who.clients[who.client.view()[request]]; };
  const auto edge = [&](std::size_t request) { return who.edge_names[who.edge.view()[request]]; };
  const auto germany = *geo::parse_country("DE");
  CHECK(client(0) == TraceClient{.country = *geo::parse_country("FR")});
  CHECK(client(1) ==
        TraceClient{.address = geo::IpAddress::parse("192.0.2.1"), .country = germany});
  CHECK(client(2) == client(1));
  CHECK(client(3) == TraceClient{});
  CHECK(who.clients.size() == 3);
  CHECK(edge(0) == "cdg");
  CHECK(edge(1).empty());
  CHECK(edge(2) == "fra");
  CHECK(trace.contents.size() == trace.sizes_bytes.size());
  REQUIRE(trace.uncacheable.size() == 1);
  CHECK(trace.uncacheable[0].content == cache::content_id("/a"));
}

}  // namespace edgeward::sim
