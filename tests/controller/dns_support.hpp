#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "controller/dns/answerer.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::controller {

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

inline void word(Message& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

inline Message written(const Ask& ask) {
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

/// The query with one more record in the section whose count stands there.
inline Message with_record(Message query, std::size_t count_at, const Message& record) {
  ++query[count_at + 1];
  query.insert(query.end(), record.begin(), record.end());
  return query;
}
inline constexpr std::size_t kAnswersAt = 6;
inline constexpr std::size_t kAuthoritiesAt = 8;
inline constexpr std::size_t kAdditionalsAt = 10;

inline Message subnet_option(unsigned family, unsigned bits, Message address, unsigned scope = 0) {
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
  std::vector<std::string> owners;   ///< of the same
  std::string authority_owner;
  unsigned authorities = 0;
  std::uint32_t ttl = 0;
  unsigned soa_minimum = 0;
  int scope = -1;    ///< of the subnet option; -1: there is none
  Message subnet{};  ///< that option with a scope of 0, as a query has it
  Message cookie{};
  std::string nsid;
  bool has_opt = false;
  unsigned version = 0;    ///< of the OPT record
  bool dnssec_ok = false;  ///< its DO bit
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
    const std::string owner = name();
    const unsigned type = word();
    const unsigned class_code = word();
    const unsigned high = word();
    const unsigned low = word();
    const unsigned size = word();
    const std::size_t end = at_ + size;
    if (type == 41) {
      answer.has_opt = true;
      answer.code |= (high >> 8) << 4;
      answer.version = high & 0xFF;
      answer.dnssec_ok = (low & 0x8000) != 0;
      CHECK((low & 0x7FFF) == 0);
      CHECK(class_code >= 512);
      while (at_ < end) {
        const unsigned code = word();
        const unsigned length = word();
        const auto data = bytes_.begin() + static_cast<std::ptrdiff_t>(at_);
        at_ += length;
        REQUIRE(at_ <= end);
        if (code == 8) {
          answer.scope = data[3];
          controller::word(answer.subnet, code);
          controller::word(answer.subnet, length);
          answer.subnet.insert(answer.subnet.end(), data, data + length);
          answer.subnet[4 + 3] = 0;
        } else if (code == 10) {
          answer.cookie.assign(data, data + length);
        } else {
          REQUIRE(code == 3);
          answer.nsid.assign(data, data + length);
        }
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
    } else if (type == 2 || type == 5 || type == 6) {
      text = name();
      if (type == 6) {
        text += " " + name();
        at_ = end - 4;
        answer.soa_minimum = word() << 16 | word();
      }
    }
    at_ = end;
    if (!is_answer) answer.authority_owner = owner;
    if (!is_answer) return;
    answer.records.push_back(text);
    answer.owners.push_back(owner);
  }

  const Message& bytes_;
  std::size_t at_ = 0;
};

/// Two edges in Europe, one in Tokyo that has no IPv6; clients of 0.0.1.0/24 in Frankfurt,
/// 0.0.2.0/24 in Tokyo.
inline policy::World two_places() {
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
  explicit Asked(const policy::World& world = two_places(), DnsOptions options = {},
                 std::vector<DnsCookies::Secret> secrets = {})
      : answerer_(std::move(options), std::move(secrets)) {
    answerer_.install(std::make_shared<const policy::Snapshot>(world.snapshot()));
  }
  Message bytes(const Message& query, bool is_udp = true) {
    Message out;
    const DnsAnswerer::Item item{query, peer};
    std::size_t end = 0;
    has_answer = !answerer_.answer({&item, 1}, now_ms, is_udp, out, {&end, 1}).empty();
    REQUIRE(end == out.size());
    return out;
  }
  Answer ask(const Ask& ask) {
    const Message out = bytes(written(ask));
    REQUIRE(has_answer);
    return AnswerReader(out).read();
  }

  geo::IpAddress peer = policy::World::client(0);
  std::int64_t now_ms = 0;
  bool has_answer = false;

 private:
  DnsAnswerer answerer_;
};

using Records = std::vector<std::string>;

}  // namespace edgeward::controller
