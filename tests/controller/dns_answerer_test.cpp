#include "controller/dns/answerer.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::controller {

namespace {

using Message = std::vector<std::uint8_t>;

/// A query as a resolver writes it.
struct Ask {
  std::string name = "www.cdn.example";
  std::uint16_t type = 1;
  std::uint16_t class_code = 1;
  bool has_edns = false;
  std::uint8_t version = 0;
  std::uint16_t udp_bytes = 1232;
  Message option{};  ///< whole options, with code and length
};

void word(Message& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

Message written(const Ask& ask) {
  Message out{0x12, 0x34, 0x01, 0x00, 0, 1, 0, 0, 0, 0, 0};
  out.push_back(ask.has_edns ? 1 : 0);
  std::string rest = ask.name;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('.'), rest.size());
    out.push_back(static_cast<std::uint8_t>(end));
    for (const char c : rest.substr(0, end)) out.push_back(static_cast<std::uint8_t>(c));
    rest.erase(0, end + 1);
  }
  out.push_back(0);
  word(out, ask.type);
  word(out, ask.class_code);
  if (!ask.has_edns) return out;
  out.push_back(0);
  word(out, 41);
  word(out, ask.udp_bytes);
  out.push_back(0);
  out.push_back(ask.version);
  word(out, 0);
  word(out, static_cast<unsigned>(ask.option.size()));
  out.insert(out.end(), ask.option.begin(), ask.option.end());
  return out;
}

Message subnet_option(unsigned family, unsigned bits, Message address, unsigned scope = 0) {
  Message out;
  word(out, 8);
  word(out, static_cast<unsigned>(4 + address.size()));
  word(out, family);
  out.push_back(static_cast<std::uint8_t>(bits));
  out.push_back(static_cast<std::uint8_t>(scope));
  out.insert(out.end(), address.begin(), address.end());
  return out;
}

/// An answer taken apart by a reader of its own.
struct Answer {
  unsigned id = 0;
  unsigned flags = 0;
  unsigned code = 0;  ///< extended
  std::string question;
  std::vector<std::string> records;  ///< data of the answer section, as text
  unsigned authorities = 0;
  std::uint32_t ttl = 0;
  unsigned soa_minimum = 0;
  int scope = -1;  ///< of the subnet option; -1: there is none
  Message subnet;  ///< that option with a scope of 0, as a query has it
  bool has_opt = false;
};

class AnswerReader {
 public:
  explicit AnswerReader(const Message& bytes) : bytes_(bytes) {}

  Answer read() {
    Answer answer;
    answer.id = word();
    answer.flags = word();
    answer.code = answer.flags & 0xF;
    const unsigned questions = word();
    const unsigned answers = word();
    answer.authorities = word();
    const unsigned additionals = word();
    for (unsigned i = 0; i < questions; ++i) {
      answer.question = name();
      at_ += 4;
    }
    for (unsigned i = 0; i < answers; ++i) record(answer, true);
    for (unsigned i = 0; i < answer.authorities; ++i) record(answer, false);
    for (unsigned i = 0; i < additionals; ++i) record(answer, false);
    REQUIRE(at_ == bytes_.size());
    return answer;
  }

 private:
  unsigned byte() { return bytes_.at(at_++); }
  unsigned word() {
    const unsigned high = byte();
    return high << 8 | byte();
  }
  std::string name() {
    std::string text;
    std::size_t back = 0;
    while (true) {
      const unsigned length = byte();
      if (length == 0) break;
      if (length >= 0xC0) {
        const std::size_t target = (length & 0x3F) << 8 | byte();
        REQUIRE(target < at_ - 2);
        if (back == 0) back = at_;
        at_ = target;
        continue;
      }
      for (unsigned i = 0; i < length; ++i) text += static_cast<char>(byte());
      text += '.';
    }
    if (back != 0) at_ = back;
    return text;
  }
  void record(Answer& answer, bool is_answer) {
    (void)name();
    const unsigned type = word();
    const unsigned class_code = word();
    const unsigned high = word();
    const unsigned low = word();
    const unsigned size = word();
    const std::size_t end = at_ + size;
    if (type == 41) {
      answer.has_opt = true;
      answer.code |= (high >> 8) << 4;
      CHECK(class_code >= 512);
      while (at_ < end) {
        const unsigned code = word();
        const unsigned length = word();
        REQUIRE(code == 8);
        answer.scope = bytes_.at(at_ + 3);
        REQUIRE(at_ + length <= end);
        controller::word(answer.subnet, code);
        controller::word(answer.subnet, length);
        for (unsigned i = 0; i < length; ++i) {
          answer.subnet.push_back(i == 3 ? std::uint8_t{0} : bytes_.at(at_ + i));
        }
        at_ += length;
      }
      return;
    }
    if (is_answer) answer.ttl = high << 16 | low;
    std::string text;
    if (type == 1 || type == 28) {
      geo::IpAddress address;
      if (type == 1) {
        REQUIRE(size == 4);
        std::uint32_t bits = 0;
        for (int i = 0; i < 4; ++i) bits = bits << 8 | byte();
        address = geo::IpAddress::v4(bits);
      } else {
        REQUIRE(size == 16);
        for (auto& one : address.bytes) one = static_cast<std::uint8_t>(byte());
      }
      text = address.text();
    } else if (type == 2 || type == 6) {
      text = name();
      if (type == 6) {
        text += " " + name();
        at_ = end - 4;
        answer.soa_minimum = word() << 16 | word();
      }
    }
    at_ = end;
    if (is_answer) answer.records.push_back(text);
  }

  const Message& bytes_;
  std::size_t at_ = 0;
};

/// Two edges in Europe, one in Tokyo that has no IPv6; clients of 0.0.1.0/24 in Frankfurt,
/// 0.0.2.0/24 in Tokyo.
policy::World two_places() {
  policy::World world;
  world.add_edge("fra1", {50.03, 8.57});
  world.add_edge("ams1", {52.31, 4.76});
  world.add_edge("nrt1", {35.76, 140.39});
  const auto give = [&](std::size_t edge, std::initializer_list<const char*> texts) {
    for (const char* text : texts) {
      world.fleet->edges[edge].addresses.push_back(*geo::IpAddress::parse(text));
    }
  };
  give(0, {"192.0.2.1", "2001:db8::1"});
  give(1, {"192.0.2.2", "2001:db8::2"});
  give(2, {"192.0.2.3"});
  world.add_place({50.11, 8.68});
  world.add_place({35.68, 139.69});
  world.options.spread_epsilon_score = 0;
  world.options.candidates_min = 1;
  world.options.services = {policy::Service{.name = "default"},
                            policy::Service{.name = "WWW.cdn.example"},
                            policy::Service{.name = "cdn.example"}};
  return world;
}

class Asked {
 public:
  explicit Asked(const policy::World& world = two_places(), DnsOptions options = {})
      : answerer_(std::move(options)) {
    answerer_.install(std::make_shared<const policy::Snapshot>(world.snapshot()));
  }
  Message bytes(const Message& query, bool is_udp = true) {
    Message out;
    const DnsAnswerer::Item item{query, peer};
    std::size_t end = 0;
    has_answer = !answerer_.answer({&item, 1}, 0, is_udp, out, {&end, 1}).empty();
    REQUIRE(end == out.size());
    return out;
  }
  Answer ask(const Ask& ask) {
    const Message out = bytes(written(ask));
    REQUIRE(has_answer);
    return AnswerReader(out).read();
  }

  geo::IpAddress peer = policy::World::client(0);
  bool has_answer = false;

 private:
  DnsAnswerer answerer_;
};

using Records = std::vector<std::string>;

}  // namespace

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

TEST_CASE("where no edge may serve the resolver is told to ask elsewhere") {
  policy::World world = two_places();
  for (cache::EdgeState& state : world.states) state.mode = cache::EdgeMode::down;
  Asked dns(world);
  const Answer answer = dns.ask({});
  CHECK(answer.code == 2);
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

TEST_CASE("every address within a scope gets the answer that it was given for") {
  cache::Random random(5);
  for (const bool has_shares : {false, true}) {
    policy::World world = policy::World::random(random, 20, 40);
    for (std::size_t i = 0; i < world.fleet->edges.size(); ++i) {
      world.fleet->edges[i].addresses = {geo::IpAddress::v4(static_cast<std::uint32_t>(i + 1))};
    }
    world.options.services = {policy::Service{.name = "www.cdn.example"}};
    // Blocks within blocks, of both families, at places of their own.
    for (std::size_t i = 0; i < 60; ++i) {
      const bool is_v4 = i % 2 == 0;
      geo::IpAddress address = geo::IpAddress::v4(static_cast<std::uint32_t>(random.next()));
      if (!is_v4) {
        for (auto& byte : address.bytes) byte = static_cast<std::uint8_t>(random.next());
        address.bytes[0] = 0x20;
        address.bytes[1] = 0x0F;
      }
      const auto bits =
          static_cast<unsigned>(is_v4 ? 96 + 4 + random.below(28) : 16 + random.below(112));
      world.overrides.entries.push_back({.prefix = geo::IpPrefix::around(address, bits),
                                         .location = {.point = policy::random_point(random),
                                                      .source = geo::LocationSource::override}});
    }
    if (has_shares) {
      auto shares = std::make_shared<policy::AdmitShares>(world.map()->areas(), 20);
      for (std::uint16_t area = 0; area < world.map()->areas(); ++area) {
        for (std::size_t e = 0; e < 20; ++e) shares->set(area, policy::edge_id(e), random.unit());
      }
      world.shares = shares;
    }
    Asked dns(world);
    std::set<int> scopes;
    for (std::size_t i = 0; i < 400; ++i) {
      const bool is_v4 = i % 2 == 0;
      // In a block of the operator's, or near one.
      const geo::IpPrefix& block = world.overrides.entries[i % 60].prefix;
      Message address(block.address.bytes.begin() + (is_v4 ? 12 : 0), block.address.bytes.end());
      for (std::size_t at = address.size() / 2; at < address.size(); ++at) {
        if (random.below(4) == 0) address[at] = static_cast<std::uint8_t>(random.next());
      }
      const unsigned whole = is_v4 ? 32 : 128;
      const auto option = [&](const Message& of) {
        return subnet_option(is_v4 ? 1 : 2, whole, of);
      };
      const Answer given = dns.ask({.has_edns = true, .option = option(address)});
      REQUIRE(given.scope >= 0);
      REQUIRE(given.scope <= static_cast<int>(whole));
      scopes.insert(given.scope);
      for (int k = 0; k < 40; ++k) {
        Message other = address;
        for (unsigned bit = static_cast<unsigned>(given.scope); bit < whole; ++bit) {
          // Near either end, where another block begins, or anywhere.
          const bool flips = k == 0 ? false : k == 1 ? true : random.below(2) == 0;
          const std::uint8_t mask = static_cast<std::uint8_t>(0x80 >> bit % 8);
          other[bit / 8] = static_cast<std::uint8_t>(
              k < 2 ? (flips ? other[bit / 8] | mask : other[bit / 8] & ~mask)
                    : (flips ? other[bit / 8] ^ mask : other[bit / 8]));
        }
        const Answer same = dns.ask({.has_edns = true, .option = option(other)});
        REQUIRE(same.records == given.records);
      }
    }
    CHECK(scopes.size() > 4);
  }
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
  CHECK(with({0, 10, 0, 2, 1, 2}) == 0);  // a cookie is passed over
  Message twice = subnet_option(1, 0, {});
  const Message once = twice;
  twice.insert(twice.end(), once.begin(), once.end());
  CHECK(with(twice) == 1);
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
