// The DNS side of the real binary, asked over bare sockets by what no tool would send.

#include <fmt/format.h>

#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenarios/dns_wire.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

using test::code_of;
using test::framed;
using test::Message;
using test::message;
using test::name_of;
using test::opt;
using test::question;
using test::Serving;
using test::word;
using test::word_at;
using Socket = test::DnsSocket;
using Place = test::DnsPlace;

}  // namespace

TEST_CASE("what no tool would send is answered by the right code, or not at all") {
  const Place place;
  Serving serving(place.arguments());
  const Socket udp(serving, SOCK_DGRAM);
  const Message ask_www = question("www.cdn.example");
  const Message soa_of_www = [] {
    Message record{0xC0, 12};
    for (const unsigned value : {6U, 1U, 0U, 0U, 22U}) word(record, value);
    record.insert(record.end(), 22, 0);
    return record;
  }();
  const auto option = [](unsigned code, const Message& data) {
    Message out;
    word(out, code);
    word(out, static_cast<unsigned>(data.size()));
    out.insert(out.end(), data.begin(), data.end());
    return out;
  };
  const auto pointer = [](unsigned at) { return Message{0xC0, static_cast<std::uint8_t>(at)}; };
  const Message type_and_class{0, 1, 0, 1};
  const unsigned behind = 12 + static_cast<unsigned>(ask_www.size());
  const auto additional = [&](Message owner) {
    for (const unsigned value : {99U, 1U, 0U, 1U, 0U}) word(owner, value);
    return message({.additionals = 1}, {ask_www, owner});
  };
  struct Sent {
    const char* what;
    Message query;
    unsigned code = 0;
  };
  std::vector<Sent> all{
      {"plain", message({}, {ask_www}), 0},
      {"no question", message({.questions = 0}, {}), 1},
      {"two questions", message({.questions = 2}, {ask_www, ask_www}), 1},
      {"a question that is not there", message({}, {}), 1},
      {"half a question", message({}, {name_of("www.cdn.example")}), 1},
      {"an answer in a query", message({.answers = 1}, {ask_www, soa_of_www}), 1},
      {"more records than there are", message({.additionals = 65'535}, {ask_www}), 1},
      {"a question that points to itself", message({}, {pointer(12), type_and_class}), 1},
      {"a question that points forward", message({}, {pointer(20), type_and_class, Message(9)}), 1},
      {"a question that points into the header", message({}, {pointer(0), type_and_class}), 1},
      {"a label and a pointer back to it",
       message({}, {Message{1, 'a'}, pointer(12), type_and_class}), 1},
      {"an owner that points to the question", additional(pointer(12)), 0},
      {"an owner that points to itself", additional(pointer(behind)), 1},
      {"an owner that points forward", additional(pointer(behind + 4)), 1},
      {"an owner that goes round", additional({1, 'a', 0xC0, static_cast<std::uint8_t>(behind)}),
       1},
      {"a label of a kind that there is not", message({}, {Message{0x41, 0, 0}, type_and_class}),
       1},
      {"a label of 64 bytes", message({}, {question(std::string(64, 'a'))}), 1},
      {"EDNS", message({.additionals = 1}, {ask_www, opt(0)}), 0},
      {"EDNS of a later version", message({.additionals = 1}, {ask_www, opt(1)}), 0},  // 16 & 15
      {"EDNS twice", message({.additionals = 2}, {ask_www, opt(0), opt(0)}), 1},
      {"EDNS in the wrong section", message({.authorities = 1}, {ask_www, opt(0)}), 1},
      {"EDNS with half an option", message({.additionals = 1}, {ask_www, opt(0, {0, 9, 0})}), 1},
      {"EDNS with an option unknown",
       message({.additionals = 1}, {ask_www, opt(0, option(65'001, {1, 2, 3}))}), 0},
      {"a client subnet of a family that there is not",
       message({.additionals = 1}, {ask_www, opt(0, option(8, {0, 3, 0, 0}))}), 1},
      {"a client subnet with bits beyond its length",
       message({.additionals = 1}, {ask_www, opt(0, option(8, {0, 1, 23, 0, 192, 0, 3}))}), 1},
      {"a client subnet that is too short",
       message({.additionals = 1}, {ask_www, opt(0, option(8, {0, 1, 24, 0, 192, 0}))}), 1},
      {"a cookie of 9 bytes",
       message({.additionals = 1}, {ask_www, opt(0, option(10, Message(9)))}), 1},
      {"a whole zone", message({}, {question("www.cdn.example", 252)}), 5},
      {"a zone's changes",
       message({.authorities = 1}, {question("www.cdn.example", 251), soa_of_www}), 5},
      {"IQUERY", message({.flags = 1U << 11}, {ask_www}), 4},
      {"STATUS", message({.flags = 2U << 11}, {ask_www}), 4},
      {"NOTIFY",
       message({.flags = 4U << 11, .answers = 1}, {question("www.cdn.example", 6), soa_of_www}), 4},
      {"UPDATE", message({.flags = 5U << 11}, {question("www.cdn.example", 6)}), 4},
      {"DSO", message({.flags = 6U << 11, .questions = 0}, {}), 4},
      {"an opcode to come", message({.flags = 15U << 11}, {ask_www}), 4},
      {"bytes behind the message", message({}, {ask_www, Message(5)}), 0},
  };
  std::string longest;
  for (int i = 0; i < 128; ++i) longest += "a.";
  all.push_back({"a name of 257 bytes", message({}, {question(longest)}), 1});
  unsigned id = 1;
  for (Sent& sent : all) {
    INFO(sent.what);
    sent.query[0] = static_cast<std::uint8_t>(id >> 8);
    sent.query[1] = static_cast<std::uint8_t>(id);
    udp.send(sent.query);
    const Message answer = udp.receive();
    CHECK(word_at(answer, 0) == id++);
    CHECK((answer[2] & 0x80) != 0);                       // an answer
    CHECK((answer[2] & 0x78) == (sent.query[2] & 0x78));  // to that opcode
    CHECK(code_of(answer) == sent.code);
    const bool is_later = std::string_view(sent.what) == "EDNS of a later version";
    CHECK((word_at(answer, 6) > 0) == (sent.code == 0 && !is_later));
    CHECK(answer.size() <= 512);
    // The same over TCP.
    Socket tcp(serving, SOCK_STREAM);
    tcp.send(framed(sent.query));
    CHECK(tcp.receive_framed() == answer);
  }
  // Not answered at all: what is no query. The next that is one shows it.
  udp.send({});
  udp.send(Message(11));
  Message reply = message({.flags = 0x8000}, {ask_www});
  udp.send(reply);
  udp.send(message({.id = 0xABCD}, {ask_www}));
  CHECK(word_at(udp.receive(), 0) == 0xABCD);
}

TEST_CASE("the case of a name is kept, that of other questions too") {
  const Place place;
  Serving serving(place.arguments());
  const Socket udp(serving, SOCK_DGRAM);
  for (const char* name : {"wWw.CdN.eXaMpLe", "X.www.CDN.example", "ELSEWHERE.example"}) {
    INFO(name);
    const Message asked = question(name);
    udp.send(message({}, {asked}));
    const Message answer = udp.receive();
    REQUIRE(answer.size() >= 12 + asked.size());
    CHECK(std::equal(asked.begin(), asked.end(), answer.begin() + 12));
  }
}

TEST_CASE("many queries of one write, and one of many writes, are answered in order over TCP") {
  const Place place;
  Serving serving(place.arguments());
  Socket tcp(serving, SOCK_STREAM);
  const Message asked = question("www.cdn.example");
  Message stream;
  for (unsigned id = 0; id < 200; ++id) {
    const Message one = framed(message({.id = id}, {asked}));
    stream.insert(stream.end(), one.begin(), one.end());
  }
  tcp.send(stream);
  for (unsigned id = 0; id < 200; ++id) CHECK(word_at(tcp.receive_framed(), 0) == id);
  // A byte at a time, the length's two among them; what is left waits for the rest.
  const Message two = framed(message({.id = 300}, {asked}));
  stream = two;
  stream.insert(stream.end(), two.begin(), two.end());
  for (std::size_t i = 0; i + 1 < stream.size(); ++i) tcp.send({stream[i]});
  CHECK(word_at(tcp.receive_framed(), 0) == 300);
  tcp.send({stream.back()});
  CHECK(word_at(tcp.receive_framed(), 0) == 300);
  // Lengths of nothing, and of less than a header, are passed over.
  tcp.send({0, 0});
  tcp.send({0, 3, 1, 2, 3});
  tcp.send(framed(message({.id = 301}, {asked})));
  CHECK(word_at(tcp.receive_framed(), 0) == 301);
  // The other side ends; so does this one, when all is answered.
  tcp.send(two);
  CHECK(word_at(tcp.receive_framed(), 0) == 300);
}

}  // namespace edgeward
