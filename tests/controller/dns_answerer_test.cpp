#include "controller/dns/answerer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/controller/dns_support.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::controller {

TEST_CASE("addresses are those of the edges that serve the client best") {
  Asked dns;
  const Answer answer = dns.ask({.name = "wWw.cDn.example"});
  CHECK(answer.id == 0x1234);
  CHECK(answer.flags == 0x8500);  // an answer, authoritative, recursion desired as asked
  CHECK(answer.question == "wWw.cDn.example.");
  CHECK(answer.records == Records{"192.0.2.1", "192.0.2.2"});
  CHECK(answer.ttl == 30);
  CHECK_FALSE(answer.has_opt);
  CHECK(dns.ask({.type = 28}).records == Records{"2001:db8::1", "2001:db8::2"});
  dns.peer = policy::World::client(1);
  CHECK(dns.ask({}).records == Records{"192.0.2.3"});
}

TEST_CASE("names and types that there are not are told apart") {
  Asked dns;
  dns.peer = policy::World::client(1);
  const Answer none = dns.ask({.type = 28});  // Tokyo has no IPv6
  CHECK(none.code == 0);
  CHECK(none.records.empty());
  CHECK(none.authorities == 1);
  CHECK(none.soa_minimum == 60);
  CHECK(dns.ask({.type = 15}).authorities == 1);
  const Answer missing = dns.ask({.name = "a.b.www.cdn.example"});
  CHECK(missing.code == 3);
  CHECK(missing.authorities == 1);
  CHECK(dns.ask({.name = "cdn.example"}).code == 0);
  CHECK(dns.ask({.name = "xcdn.example"}).code == 5);
  CHECK(dns.ask({.name = "example"}).code == 5);
  CHECK(dns.ask({.name = ""}).code == 5);
  CHECK(dns.ask({.name = "default"}).code == 5);
  CHECK(dns.ask({.class_code = 3}).code == 5);
  CHECK(dns.ask({.type = 252}).code == 5);
  CHECK(dns.ask({.type = 6}).records == Records{"ns.www.cdn.example. hostmaster.www.cdn.example."});
  CHECK(dns.ask({.type = 2}).records == Records{"ns.www.cdn.example."});
  CHECK(dns.ask({.type = 255}).records.size() == 1);
  Asked named(two_places(), {.name_servers = {"ns1.Example", "ns2.example."}});
  CHECK(named.ask({.type = 2}).records == Records{"ns1.example.", "ns2.example."});
}

namespace {

/// The same places with host names: Frankfurt's lies in a zone of ours, Tokyo's does not.
policy::World named_places() {
  policy::World world = two_places();
  world.fleet->edges[0].endpoint = "Fra1.pop.zone.example";
  world.fleet->edges[1].endpoint = "ams1.other.example";
  world.fleet->edges[2].endpoint = "nrt1.other.example";
  for (const char* name : {"video.zone.example", "a.deep.zone.example"}) {
    world.options.services.push_back(policy::Service{.name = name});
  }
  return world;
}
const DnsOptions kNamed{.zones = {"zone.example"},
                        .cnames = {"video.zone.example"},
                        .name_servers = {"ns1.example.net"}};

}  // namespace

TEST_CASE("a service's name may be another name of the best edge, whatever is asked for") {
  Asked dns(named_places(), kNamed);
  const std::string video = "video.zone.example";
  const std::string fra1 = "fra1.pop.zone.example.";
  // The zone of the target is ours, so that the answer goes on there.
  Answer answer = dns.ask({.name = "Video.zone.example"});
  CHECK(answer.flags == 0x8500);
  CHECK(answer.records == Records{fra1, "192.0.2.1"});
  CHECK(answer.owners == Records{"Video.zone.example.", fra1});
  CHECK(dns.ask({.name = video, .type = 28}).records == Records{fra1, "2001:db8::1"});
  answer = dns.ask({.name = video, .type = 15});  // there is none at the target
  CHECK(answer.code == 0);
  CHECK(answer.records == Records{fra1});
  CHECK(answer.authority_owner == "zone.example.");
  for (const std::uint16_t type :
       std::vector<std::uint16_t>{5, 255}) {  // CNAME; ANY, which CNAME answers
    answer = dns.ask({.name = video, .type = type});
    CHECK(answer.records == Records{fra1});
    CHECK(answer.authorities == 0);
  }
  // It is not: resolvers go on themselves.
  dns.peer = policy::World::client(1);
  for (const std::uint16_t type : std::vector<std::uint16_t>{1, 28, 15, 5, 255, 6, 2}) {
    answer = dns.ask({.name = video, .type = type});
    CHECK(answer.code == 0);
    CHECK(answer.records == Records{"nrt1.other.example."});
    CHECK(answer.authorities == 0);
  }
  answer = dns.ask({.name = video, .has_edns = true, .option = subnet_option(1, 24, {0, 0, 1})});
  CHECK(answer.records == Records{fra1, "192.0.2.1"});
  CHECK(answer.scope == 24);
  // The names of the zone beside it.
  answer = dns.ask({.name = "fra1.pop.zone.example",
                    .has_edns = true,
                    .option = subnet_option(1, 24, {0, 0, 2})});
  CHECK(answer.records == Records{"192.0.2.1"});
  CHECK(answer.scope == 0);  // for all clients
  CHECK(dns.ask({.name = "fra1.pop.zone.example", .type = 255}).records.size() == 1);
  CHECK(dns.ask({.name = "a.deep.zone.example"}).records == Records{"192.0.2.3"});
  answer = dns.ask({.name = "a.deep.zone.example", .type = 5});
  CHECK(answer.code == 0);
  CHECK(answer.records.empty());
  for (const std::uint16_t type :
       std::vector<std::uint16_t>{1, 255}) {  // names below it, none at it (RFC 8020)
    answer = dns.ask({.name = "deep.zone.example", .type = type});
    CHECK(answer.code == 0);
    CHECK(answer.records.empty());
    CHECK(answer.authority_owner == "zone.example.");
  }
  CHECK(dns.ask({.name = "x.video.zone.example"}).code == 3);
  CHECK(dns.ask({.name = "zone.example", .type = 6}).records.size() == 1);
  CHECK(dns.ask({.name = "zone.example", .type = 2}).records == Records{"ns1.example.net."});
  CHECK(dns.ask({.name = "zone.example"}).authorities == 1);
}

TEST_CASE("a service at the top of a zone has addresses, and an edge without a name no CNAME") {
  DnsOptions options = kNamed;
  options.cnames.push_back("www.cdn.example");
  Asked apex(named_places(), options);
  CHECK(apex.ask({}).records == Records{"192.0.2.1", "192.0.2.2"});
  policy::World world = named_places();
  world.fleet->edges[0].endpoint.clear();
  Asked nameless(world, kNamed);
  const Answer answer = nameless.ask({.name = "video.zone.example"});
  CHECK(answer.code == 2);
  CHECK(answer.authorities == 0);
}

TEST_CASE("where no edge may serve the resolver is told to ask elsewhere") {
  policy::World world = two_places();
  for (cache::EdgeState& state : world.states) state.mode = cache::EdgeMode::down;
  Asked dns(world);
  const Answer answer = dns.ask({});
  CHECK(answer.code == 2);
  CHECK((answer.flags & 0x0400) == 0);  // nobody is to believe it
  CHECK(answer.records.empty());
}

TEST_CASE("the client's network counts for more than the resolver's") {
  Asked dns;
  const Message tokyo = subnet_option(1, 24, {0, 0, 2});
  Answer answer = dns.ask({.has_edns = true, .option = tokyo});
  CHECK(answer.records == Records{"192.0.2.3"});
  CHECK(answer.scope == 24);
  answer = dns.ask({.has_edns = true, .option = subnet_option(1, 0, {})});
  CHECK(answer.records == Records{"192.0.2.1", "192.0.2.2"});
  CHECK(answer.scope == 0);
  // A client that wants no network told is answered as its resolver is (RFC 7871 §7.1.2).
  dns.peer = policy::World::client(1);
  answer = dns.ask({.has_edns = true, .option = subnet_option(1, 0, {})});
  CHECK(answer.records == Records{"192.0.2.3"});
  CHECK(answer.scope == 0);
  Asked deaf(two_places(), {.takes_client_subnet = false});
  answer = deaf.ask({.has_edns = true, .option = tokyo});
  CHECK(answer.records == Records{"192.0.2.1", "192.0.2.2"});
  CHECK(answer.has_opt);
  CHECK(answer.scope == -1);
}

TEST_CASE("what breaks a rule of the wire is refused by its code or not answered at all") {
  Asked dns;
  CHECK(dns.bytes({}).empty());
  CHECK(dns.bytes(Message(11)).empty());
  Message query = written({});
  query[2] = 0x80;
  CHECK(dns.bytes(query).empty());
  CHECK_FALSE(dns.has_answer);
  const auto code = [&](const Message& message) {
    const Message out = dns.bytes(message);
    REQUIRE(dns.has_answer);
    return AnswerReader(out).read().code;
  };
  query[2] = 0x28;  // opcode 5
  CHECK(code(query) == 4);
  CHECK(dns.ask({.has_edns = true, .version = 1}).code == 16);
  for (const std::size_t at : {5U, 7U, 9U}) {
    query = written({});
    query[at] = 2;
    CHECK(code(query) == 1);
  }
  query = written({});
  for (std::size_t size = 12; size < query.size(); ++size) {
    CHECK(code(Message(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(size))) == 1);
  }
  query = written({});
  query[12] = 0xC0;  // a question that points to itself
  query[13] = 12;
  CHECK(code(query) == 1);
  CHECK(code(written({.name = std::string(64, 'a')})) == 1);
  std::string longest;
  for (int i = 0; i < 130; ++i) longest += "a.";
  CHECK(code(written({.name = longest})) == 1);
  const auto with = [&](const Message& option) {
    return code(written({.has_edns = true, .option = option}));
  };
  CHECK(with(subnet_option(3, 24, {0, 0, 2})) == 1);
  CHECK(with(subnet_option(1, 33, {0, 0, 2, 0, 0})) == 1);
  CHECK(with(subnet_option(1, 24, {0, 0})) == 1);
  CHECK(with(subnet_option(1, 24, {0, 0, 2, 0})) == 1);
  CHECK(with(subnet_option(1, 23, {0, 0, 1})) == 1);
  CHECK(with(subnet_option(1, 24, {0, 0, 2}, 24)) == 1);
  CHECK(with({0, 8, 0, 3, 0, 1, 24}) == 1);
  CHECK(with({0, 8, 0, 200}) == 1);
  CHECK(with({0, 10, 0, 2, 1, 2}) == 1);  // a cookie has 8 bytes at least
  Message twice = subnet_option(1, 0, {});
  const Message once = twice;
  twice.insert(twice.end(), once.begin(), once.end());
  CHECK(with(twice) == 1);
}

TEST_CASE("who speaks EDNS is answered in EDNS, whatever is wrong") {
  Asked dns;
  const auto read = [&](const Message& query) {
    const Message out = dns.bytes(query);
    REQUIRE(dns.has_answer);
    return AnswerReader(out).read();
  };
  const Message plain = written({});
  const Message opt{0, 0, 41, 4, 208, 0, 0, 0x80, 0, 0, 0};  // with DO set
  CHECK_FALSE(read(plain).has_opt);
  Answer answer = read(with_record(plain, kAdditionalsAt, opt));
  CHECK(answer.code == 0);
  CHECK(answer.has_opt);
  CHECK(answer.dnssec_ok);
  CHECK_FALSE(read(written({.has_edns = true})).dnssec_ok);
  answer = dns.ask({.has_edns = true, .version = 1});
  CHECK(answer.code == 16);
  CHECK(answer.has_opt);
  CHECK(answer.version == 0);
  CHECK(answer.records.empty());
  answer = dns.ask({.has_edns = true, .version = 255, .option = {0, 8, 0, 1, 7}});
  CHECK(answer.code == 16);  // what its options mean is not known
  Message other = written({.has_edns = true});
  other[2] = 0x20;  // NOTIFY
  answer = read(other);
  CHECK(answer.code == 4);
  CHECK(answer.has_opt);
  CHECK(answer.question == "www.cdn.example.");
  // Two OPT records, one in another section, one of another owner.
  for (const Message& bad :
       {with_record(written({.has_edns = true}), kAdditionalsAt, opt),
        with_record(plain, kAuthoritiesAt, opt), with_record(plain, kAnswersAt, opt)}) {
    CHECK(read(bad).code == 1);
  }
  CHECK(read(with_record(written({.has_edns = true}), kAdditionalsAt, opt)).has_opt);
  Message owned{1, 'a'};
  owned.insert(owned.end(), opt.begin(), opt.end());
  CHECK(read(with_record(plain, kAdditionalsAt, owned)).code == 1);
  // Options without a meaning here, one of them empty.
  answer = dns.ask({.has_edns = true, .option = {0xFD, 0xE9, 0, 2, 1, 2, 0, 12, 0, 0}});
  CHECK(answer.code == 0);
  CHECK(answer.records.size() == 2);
  CHECK(dns.ask({.has_edns = true, .option = {0xFD, 0xE9, 0}}).code == 1);
}

TEST_CASE("a cookie is answered with one that is taken from then on, there and then alone") {
  Asked dns(two_places(), {}, {DnsCookies::Secret{1, 2, 3}});
  dns.now_ms = 1'700'000'000'999;
  const auto option = [](const Message& cookie) {
    Message out;
    word(out, 10);
    word(out, static_cast<unsigned>(cookie.size()));
    out.insert(out.end(), cookie.begin(), cookie.end());
    return out;
  };
  const Message client{1, 2, 3, 4, 5, 6, 7, 8};
  const auto ask = [&](const Message& cookie) {
    return dns.ask({.has_edns = true, .option = option(cookie)});
  };
  /// Asks for nothing but a cookie.
  const auto ask_alone = [&](const Message& options) {
    Message query{0x12, 0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0};
    query.push_back(static_cast<std::uint8_t>(options.size()));
    query.insert(query.end(), options.begin(), options.end());
    const Message out = dns.bytes(query);
    REQUIRE(dns.has_answer);
    return AnswerReader(out).read();
  };
  const Message given = ask(client).cookie;
  REQUIRE(given.size() == 24);
  CHECK(std::equal(client.begin(), client.end(), given.begin()));
  CHECK(Message(given.begin() + 8, given.begin() + 12) == Message{1, 0, 0, 0});
  CHECK(Message(given.begin() + 12, given.begin() + 16) == Message{0x65, 0x53, 0xF1, 0x00});
  Answer answer = ask(given);
  CHECK(answer.code == 0);
  CHECK(answer.records.size() == 2);
  CHECK(answer.cookie == given);
  answer = ask_alone(option(client));
  CHECK(answer.code == 0);
  CHECK(answer.question.empty());
  CHECK((answer.flags & 0x0400) == 0);
  CHECK(answer.cookie == given);
  CHECK(ask_alone(option(given)).code == 0);
  // From elsewhere it counts for nothing, which hinders nobody's question.
  dns.peer = geo::IpAddress::v4(0x0A00'0001);
  CHECK(ask(given).code == 0);
  CHECK(ask(given).cookie != given);
  answer = ask_alone(option(given));
  CHECK(answer.code == 23);
  CHECK(answer.cookie.size() == 24);
  // Not the address that an address carries.
  dns.peer = *geo::IpAddress::parse("2002:a00:1::1");
  CHECK(ask_alone(option(ask(client).cookie)).code == 0);
  const Message carried = ask(client).cookie;
  dns.peer = *geo::IpAddress::parse("2002:a00:1::2");
  CHECK(ask_alone(option(carried)).code == 23);
  for (const std::size_t size : {0U, 7U, 9U, 15U, 41U}) {
    answer = ask(Message(size));
    CHECK(answer.code == 1);
    CHECK(answer.has_opt);
    CHECK(answer.cookie.empty());
  }
  // Of several the first counts (RFC 7873 §5.2).
  Message several = option(client);
  word(several, 10);
  word(several, 1);
  several.push_back(7);
  CHECK(dns.ask({.has_edns = true, .option = several}).code == 0);
  // Names that are not ours, and what is not done: a cookie all the same.
  CHECK(dns.ask({.name = "x", .has_edns = true, .option = option(client)}).cookie.size() == 24);
  // Nothing asked, and no cookie.
  CHECK(ask_alone({}).code == 1);
  CHECK(Asked().ask({.has_edns = true, .option = option(client)}).cookie.empty());
}

TEST_CASE("who answers is told to those who ask for it") {
  Asked dns(two_places(), {.nsid = "fra-a"});
  CHECK(dns.ask({.has_edns = true, .option = {0, 3, 0, 0}}).nsid == "fra-a");
  CHECK(dns.ask({.name = "x", .has_edns = true, .option = {0, 3, 0, 0}}).nsid == "fra-a");
  // What it holds in a query does not count (RFC 5001 §2.1).
  CHECK(dns.ask({.has_edns = true, .option = {0, 3, 0, 2, 1, 2}}).nsid == "fra-a");
  CHECK(dns.ask({.has_edns = true}).nsid.empty());
  CHECK_FALSE(dns.ask({}).has_opt);
  CHECK(Asked().ask({.has_edns = true, .option = {0, 3, 0, 0}}).nsid.empty());
}

TEST_CASE("the longest of everything fits into the shortest answer") {
  std::string name = "www.cdn.example";
  while (name.size() < 190) name = std::string(60, 'a') + "." + name;
  Asked dns(two_places(), {.nsid = std::string(64, 'n')}, {DnsCookies::Secret{}});
  Message options = subnet_option(2, 128, Message(16, 1));
  const Message more{0, 3, 0, 0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
  options.insert(options.end(), more.begin(), more.end());
  const Message out =
      dns.bytes(written({.name = name, .has_edns = true, .udp_bytes = 512, .option = options}));
  CHECK(out.size() <= 512);
  const Answer answer = AnswerReader(out).read();
  CHECK(answer.code == 3);
  CHECK(answer.nsid.size() == 64);
  CHECK(answer.cookie.size() == 24);
  CHECK(answer.scope == 0);
}

TEST_CASE("owners of records that do not matter are passed over if they are names") {
  Asked dns;
  const Message query = written({});
  const auto code_with = [&](Message owner) {
    // Of a type that says nothing here: 1 second, no data.
    for (const int byte : {0, 99, 0, 1, 0, 0, 0, 1, 0, 0}) {
      owner.push_back(static_cast<std::uint8_t>(byte));
    }
    const Message out = dns.bytes(with_record(query, kAdditionalsAt, owner));
    return AnswerReader(out).read().code;
  };
  const auto here = static_cast<std::uint8_t>(query.size());
  CHECK(code_with({0}) == 0);
  CHECK(code_with({1, 'a', 0}) == 0);
  CHECK(code_with({0xC0, 12}) == 0);  // the question's name
  CHECK(code_with({1, 'a', 0xC0, 12}) == 0);
  CHECK(code_with({0xC0, here}) == 1);                                 // itself
  CHECK(code_with({1, 'a', 0xC0, here}) == 1);                         // round and round
  CHECK(code_with({0xC0, static_cast<std::uint8_t>(here + 2)}) == 1);  // forward
  CHECK(code_with({0xFF, 0xFF}) == 1);                                 // beyond the message
  CHECK(code_with({0xC0, 3}) == 1);                                    // the header is no name
  CHECK(code_with({0x40, 0}) == 1);  // neither a length nor a pointer
  CHECK(code_with({0x80, 0}) == 1);
}

TEST_CASE("who asks for a change of zone is refused, with what it has or without") {
  Asked dns;
  const Message soa{0xC0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 22, 0, 0, 0, 0, 0,
                    1,    0,  0, 0, 1, 0, 0, 0, 1, 0, 0, 0,  1, 0, 0, 0, 1};
  const auto code = [&](const Message& query) {
    return AnswerReader(dns.bytes(query)).read().code;
  };
  CHECK(code(written({.type = 251})) == 5);
  CHECK(code(with_record(written({.type = 251}), kAuthoritiesAt, soa)) == 5);
  CHECK(code(with_record(written({}), kAuthoritiesAt, soa)) == 1);
}

TEST_CASE("an answer for all classes has no authority") {
  Asked dns;
  const Answer answer = dns.ask({.class_code = 255});
  CHECK(answer.records.size() == 2);
  CHECK(answer.flags == 0x8100);
}

TEST_CASE("many at once are answered as they would be one by one") {
  const policy::World world = two_places();
  Asked alone(world);
  DnsAnswerer together({});
  together.install(std::make_shared<const policy::Snapshot>(world.snapshot()));
  const std::vector<Message> queries{
      written({}),
      Message(3),
      written({.name = "x.cdn.example"}),
      written({.name = "other"}),
      written({.has_edns = true, .option = subnet_option(1, 24, {0, 0, 2})}),
      Message(12)};
  std::vector<DnsAnswerer::Item> items;
  Message expected;
  for (const Message& query : queries) {
    items.push_back({query, alone.peer});
    const Message one = alone.bytes(query);
    expected.insert(expected.end(), one.begin(), one.end());
  }
  Message out;
  std::vector<std::size_t> ends(items.size());
  const auto outcomes = together.answer(items, 0, true, out, ends);
  CHECK(out == expected);
  CHECK(outcomes.size() == 5);
  CHECK(ends[1] == ends[0]);
  CHECK(ends.back() == out.size());
  CHECK(outcomes[1].code == DnsCode::nxdomain);
  CHECK(outcomes[4].code == DnsCode::formerr);
}

TEST_CASE("over UDP an answer that is too long is cut and over TCP it is whole") {
  policy::World world = two_places();
  for (std::size_t e = 0; e < 2; ++e) {
    for (std::uint32_t i = 0; i < 20; ++i) {
      world.fleet->edges[e].addresses.push_back(geo::IpAddress::v4(0x0A00'0000U + i));
    }
  }
  Asked dns(world);
  const Message cut = dns.bytes(written({}));
  CHECK(cut.size() <= 512);
  CHECK((AnswerReader(cut).read().flags & 0x0200) != 0);
  CHECK(AnswerReader(cut).read().records.empty());
  CHECK(AnswerReader(dns.bytes(written({}), false)).read().records.size() == 42);
  CHECK(dns.ask({.has_edns = true, .udp_bytes = 1232}).records.size() == 42);
  CHECK(dns.ask({.has_edns = true, .udp_bytes = 100}).records.empty());
}

TEST_CASE("the subnet option comes back as it was asked but for the scope") {
  Asked dns;
  // RFC 7871 §7.2.1: family, source prefix length and address match those of the query.
  for (const Message& option :
       {subnet_option(1, 24, {0, 0, 2}), subnet_option(1, 23, {0, 0, 2}), subnet_option(1, 0, {}),
        subnet_option(1, 32, {0, 0, 2, 9}), subnet_option(1, 1, {0x80}),
        subnet_option(2, 48, {0x20, 0x01, 0x0D, 0xB8, 0, 1}),
        subnet_option(2, 33, {0x20, 0x01, 0x0D, 0xB8, 0x80})}) {
    CHECK(dns.ask({.has_edns = true, .option = option}).subnet == option);
  }
}

TEST_CASE("a time to live is in whole seconds, rounded up, however long") {
  const auto ttl_s = [](std::int64_t ttl_ms) {
    return Asked(two_places(), {.ttl_ms = ttl_ms}).ask({}).ttl;
  };
  CHECK(ttl_s(30'000) == 30);
  CHECK(ttl_s(30'001) == 31);
  CHECK(ttl_s(1) == 1);
  CHECK(ttl_s(86'400'000) == 86'400);
}

TEST_CASE("an answer names as many edges as it may, all addresses of each") {
  policy::World world = two_places();
  world.options.candidates_min = 3;
  world.fleet->edges[0].addresses.push_back(*geo::IpAddress::parse("192.0.2.11"));
  const auto records = [&](unsigned answers_max) {
    return Asked(world, {.answers_max = answers_max}).ask({}).records;
  };
  CHECK(records(1) == Records{"192.0.2.1", "192.0.2.11"});
  CHECK(records(2) == Records{"192.0.2.1", "192.0.2.11", "192.0.2.2"});
  CHECK(records(3) == Records{"192.0.2.1", "192.0.2.11", "192.0.2.2", "192.0.2.3"});
}

TEST_CASE("no answer over UDP is longer than its client takes, nor than passes every path") {
  const Message option =
      subnet_option(2, 128, {0x20, 0x01, 0x0D, 0xB8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  for (std::uint32_t count = 1; count <= 80; ++count) {
    policy::World world = two_places();
    world.fleet->edges[0].addresses.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
      world.fleet->edges[0].addresses.push_back(geo::IpAddress::v4(0x0A00'0000U + i));
    }
    Asked dns(world, {.answers_max = 1});
    for (const unsigned udp_bytes : {0U, 100U, 512U, 700U, 1232U, 4096U}) {
      CAPTURE(count, udp_bytes);
      const Message out = dns.bytes(written({.has_edns = true,
                                             .udp_bytes = static_cast<std::uint16_t>(udp_bytes),
                                             .option = option}));
      // Less than 512 counts as 512 (RFC 6891 §6.2.3).
      const std::size_t room = std::clamp<std::size_t>(udp_bytes, 512, 1232);
      REQUIRE(out.size() <= room);
      const Answer answer = AnswerReader(out).read();
      const bool is_cut = (answer.flags & 0x0200) != 0;
      REQUIRE(answer.records.size() == (is_cut ? 0 : count));
      // Cut only where the records, 16 bytes each, leave no room.
      if (12 + 21 + 16 * count + 35 <= room) REQUIRE_FALSE(is_cut);
    }
  }
}

}  // namespace edgeward::controller
