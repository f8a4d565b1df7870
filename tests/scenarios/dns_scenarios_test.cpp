// The DNS side of the real binary, asked by dig, kdig and drill. What is expected is what the RFCs
// say.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenarios/dns_wire.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

using test::framed;
using test::Message;
using test::message;
using test::question;
using test::Serving;
using test::Texts;
using test::word_at;
using Socket = test::DnsSocket;
using Place = test::DnsPlace;

/// What a tool printed of an answer.
struct Seen {
  std::string status;
  std::set<std::string> flags;
  Texts answers;  ///< blanks made one
  Texts authorities;
  std::string all;
};

std::string with_single_blanks(const std::string& line) {
  std::istringstream words(line);
  std::string text;
  for (std::string word; words >> word;) text += text.empty() ? word : " " + word;
  return text;
}

/// The text between two others; empty where the first is not there.
std::string between(const std::string& text, std::string_view first, std::string_view last) {
  const std::size_t at = text.find(first);
  if (at == std::string::npos) return {};
  const std::size_t begin = at + first.size();
  return text.substr(begin, text.find_first_of(last, begin) - begin);
}

/// The three tools print alike but for a few words.
Seen taken_apart(const std::string& text) {
  Seen seen{.all = text};
  seen.status = between(text, "status: ", ",;");
  if (seen.status.empty()) seen.status = between(text, "rcode: ", ",;");
  std::string flags = between(text, ";; flags: ", ";");
  if (flags.empty()) flags = between(text, ";; Flags: ", ";");
  std::istringstream words(flags);
  for (std::string word; words >> word;) seen.flags.insert(word);
  std::istringstream lines(text);
  Texts* section = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(";;")) {
      section = line.starts_with(";; ANSWER SECTION")      ? &seen.answers
                : line.starts_with(";; AUTHORITY SECTION") ? &seen.authorities
                                                           : nullptr;
    } else if (section != nullptr && !line.empty() && line.front() != ';') {
      section->push_back(with_single_blanks(line));
    }
  }
  return seen;
}

enum class Tool { dig, kdig, drill };
constexpr std::array kTools{Tool::dig, Tool::kdig, Tool::drill};

std::string path_of(Tool tool) {
  constexpr std::array kPaths{"/usr/bin/dig", "/usr/bin/kdig", "/usr/bin/drill"};
  return kPaths[static_cast<std::size_t>(tool)];
}

Seen ask(const Serving& serving, Tool tool, const Texts& words) {
  Texts arguments{"-p", fmt::format("{}", serving.dns_port()), "@127.0.0.1"};
  if (tool == Tool::dig) arguments.insert(arguments.end(), {"+tries=1", "+time=20"});
  if (tool == Tool::kdig) arguments.insert(arguments.end(), {"+retry=0", "+timeout=20"});
  arguments.insert(arguments.end(), words.begin(), words.end());
  const test::Outcome outcome = test::run(path_of(tool), arguments);
  UNSCOPED_INFO(path_of(tool) << " " << fmt::format("{}", fmt::join(words, " ")) << "\n"
                              << outcome.out << outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return taken_apart(outcome.out);
}

bool have_tools() {
  return std::all_of(kTools.begin(), kTools.end(),
                     [](Tool tool) { return std::filesystem::exists(path_of(tool)); });
}

// RFC 1035: a zone's SOA, as the tools print it.
const std::string kZoneSoa =
    "zone.example. 60 IN SOA ns1.example.net. hostmaster.zone.example. 1 3600 600 86400 60";
const std::string kServiceSoa =
    "www.cdn.example. 60 IN SOA ns1.example.net. hostmaster.www.cdn.example. 1 3600 600 86400 60";
const std::string kCname = "video.zone.example. 30 IN CNAME fra1.pop.zone.example.";

struct Case {
  std::string name;
  std::string type;
  std::string status = "NOERROR";
  Texts answers{};
  std::string soa{};  ///< of the authority section; empty: that holds nothing
};

std::vector<Case> cases() {
  std::vector<Case> all{
      {"www.cdn.example",
       "A",
       "NOERROR",
       {"www.cdn.example. 30 IN A 192.0.2.1", "www.cdn.example. 30 IN A 192.0.2.2"}},
      {"www.cdn.example",
       "AAAA",
       "NOERROR",
       {"www.cdn.example. 30 IN AAAA 2001:db8::1", "www.cdn.example. 30 IN AAAA 2001:db8::2"}},
      {"www.cdn.example", "SOA", "NOERROR", {kServiceSoa}},
      {"www.cdn.example",
       "NS",
       "NOERROR",
       {"www.cdn.example. 60 IN NS ns1.example.net.",
        "www.cdn.example. 60 IN NS ns2.example.net."}},
      // RFC 8482 §4.2: one record for all.
      {"www.cdn.example", "ANY", "NOERROR", {"www.cdn.example. 60 IN HINFO \"RFC8482\" \"\""}},
      // RFC 8020, RFC 2308 §2: below a name that is there, and beside it.
      {"x.www.cdn.example", "A", "NXDOMAIN", {}, kServiceSoa},
      {"a.b.c.www.cdn.example", "MX", "NXDOMAIN", {}, kServiceSoa},
      {"cdn.example", "A", "REFUSED"},
      {"xwww.cdn.example", "A", "REFUSED"},
      {"example.com", "A", "REFUSED"},
      {".", "NS", "REFUSED"},
      {"default", "A", "REFUSED"},
      // RFC 1034 §3.6.2: a name that is another's has all of that one's records …
      {"video.zone.example", "A", "NOERROR", {kCname, "fra1.pop.zone.example. 30 IN A 192.0.2.1"}},
      {"video.zone.example",
       "AAAA",
       "NOERROR",
       {kCname, "fra1.pop.zone.example. 30 IN AAAA 2001:db8::1"}},
      {"video.zone.example", "CNAME", "NOERROR", {kCname}},
      // RFC 8482 §4.2 makes up a record only where there is no CNAME.
      {"video.zone.example", "ANY", "NOERROR", {kCname}},
      // … or lacks what that one lacks (RFC 2308 §2.2).
      {"video.zone.example", "MX", "NOERROR", {kCname}, kZoneSoa},
      {"video.zone.example", "TXT", "NOERROR", {kCname}, kZoneSoa},
      {"x.video.zone.example", "A", "NXDOMAIN", {}, kZoneSoa},
      {"zone.example", "SOA", "NOERROR", {kZoneSoa}},
      {"zone.example",
       "NS",
       "NOERROR",
       {"zone.example. 60 IN NS ns1.example.net.", "zone.example. 60 IN NS ns2.example.net."}},
      {"zone.example", "A", "NOERROR", {}, kZoneSoa},
      {"nothing.zone.example", "A", "NXDOMAIN", {}, kZoneSoa},
      // RFC 8020: a name with names below it is there.
      {"deep.zone.example", "A", "NOERROR", {}, kZoneSoa},
      {"pop.zone.example", "AAAA", "NOERROR", {}, kZoneSoa},
      {"a.deep.zone.example",
       "A",
       "NOERROR",
       {"a.deep.zone.example. 30 IN A 192.0.2.1", "a.deep.zone.example. 30 IN A 192.0.2.2"}},
      {"a.deep.zone.example", "CNAME", "NOERROR", {}, kZoneSoa},
      {"fra1.pop.zone.example", "A", "NOERROR", {"fra1.pop.zone.example. 30 IN A 192.0.2.1"}},
      {"fra1.pop.zone.example", "TXT", "NOERROR", {}, kZoneSoa},
      {"ams1.other.example", "A", "REFUSED"},
  };
  // Names and types that there are not are told apart (RFC 2308 §2.2).
  for (const char* type :
       {"MX", "TXT", "CNAME", "PTR", "SRV", "NAPTR", "CAA", "DS", "DNSKEY", "NSEC", "RRSIG", "TLSA",
        "SSHFP", "HINFO", "LOC", "SPF", "TYPE64", "TYPE65", "TYPE65280"}) {
    all.push_back({"www.cdn.example", type, "NOERROR", {}, kServiceSoa});
  }
  return all;
}

}  // namespace

TEST_CASE("dig, kdig and drill all see what the RFCs say of every name and type") {
  if (!have_tools()) return test::skip("dig, kdig and drill are not all installed");
  const Place place;
  Serving serving(place.arguments());
  for (const Case& one : cases()) {
    for (const Tool tool : kTools) {
      for (const bool is_tcp : {false, true}) {
        Texts words;
        if (is_tcp) words.push_back(tool == Tool::drill ? "-t" : "+tcp");
        words.insert(words.end(), {one.name, one.type});
        const Seen seen = ask(serving, tool, words);
        INFO(path_of(tool) << " " << one.name << " " << one.type << "\n" << seen.all);
        CHECK(seen.status == one.status);
        CHECK(seen.answers == one.answers);
        CHECK(seen.authorities == (one.soa.empty() ? Texts{} : Texts{one.soa}));
        CHECK(seen.flags.contains("qr"));
        CHECK(seen.flags.contains("aa") == (one.status != "REFUSED"));
        CHECK_FALSE(seen.flags.contains("ra"));
        CHECK_FALSE(seen.flags.contains("tc"));
      }
    }
  }
}

TEST_CASE("classes, transfers and the client's network, as dig and kdig ask for them") {
  if (!have_tools()) return test::skip("dig, kdig and drill are not all installed");
  const Place place;
  Serving serving(place.arguments());
  for (const Tool tool : {Tool::dig, Tool::kdig}) {
    INFO(path_of(tool));
    for (const char* class_name : {"CH", "CLASS2", "CLASS4"}) {
      CHECK(ask(serving, tool, {"-c", class_name, "-t", "A", "www.cdn.example"}).status ==
            "REFUSED");
    }
    CHECK(ask(serving, tool, {"-c", "CH", "-t", "TXT", "version.bind"}).status == "REFUSED");
    // Of all classes at once no server has the last word (RFC 1035 §6.2).
    const Seen all = ask(serving, tool, {"-c", "ANY", "-t", "A", "www.cdn.example"});
    CHECK(all.status == "NOERROR");
    CHECK(all.answers.size() == 2);
    CHECK_FALSE(all.flags.contains("aa"));

    const Seen tokyo = ask(serving, tool, {"video.zone.example", "A", "+subnet=198.51.100.0/24"});
    CHECK(tokyo.answers == Texts{"video.zone.example. 30 IN CNAME nrt1.other.example."});
    CHECK(tokyo.all.find("198.51.100.0/24/24") != std::string::npos);
    const Seen six = ask(serving, tool, {"www.cdn.example", "A", "+subnet=2001:db8:81::/48"});
    CHECK(six.answers == Texts{"www.cdn.example. 30 IN A 192.0.2.3"});
    CHECK(six.all.find("2001:db8:81::/48/48") != std::string::npos);
    const Seen none = ask(serving, tool, {"www.cdn.example", "AAAA", "+subnet=198.51.100.0/24"});
    CHECK(none.status == "NOERROR");
    CHECK(none.answers.empty());
    CHECK(none.authorities == Texts{kServiceSoa});
  }
}

TEST_CASE("EDNS as dig speaks it: versions, cookies, who answers, options to come") {
  if (!have_tools()) return test::skip("dig, kdig and drill are not all installed");
  const Place place;
  Serving serving(place.arguments());
  const std::string name = "www.cdn.example";
  const Seen later = ask(serving, Tool::dig, {name, "+edns=1", "+noednsnegotiation"});
  CHECK(later.status == "BADVERS");
  CHECK(later.answers.empty());
  CHECK(later.all.find("EDNS: version: 0,") != std::string::npos);
  // dig goes on with the version that it is told.
  CHECK(ask(serving, Tool::dig, {name, "+edns=99"}).answers.size() == 2);
  CHECK(ask(serving, Tool::dig, {name, "+noedns"}).all.find("EDNS") == std::string::npos);
  CHECK(ask(serving, Tool::dig, {name, "+ednsopt=65001:0102"}).answers.size() == 2);
  CHECK(ask(serving, Tool::dig, {name, "+ednsflags=0x40"}).answers.size() == 2);
  CHECK(ask(serving, Tool::dig, {name, "+dnssec"}).all.find("flags: do;") != std::string::npos);
  CHECK(ask(serving, Tool::dig, {name, "+nodnssec"}).all.find("flags: do;") == std::string::npos);

  CHECK(ask(serving, Tool::dig, {name, "+nsid"}).all.find("(\"test-1\")") != std::string::npos);
  CHECK(ask(serving, Tool::kdig, {name, "+nsid"}).all.find("\"test-1\"") != std::string::npos);
  CHECK(ask(serving, Tool::dig, {name, "+nonsid"}).all.find("NSID") == std::string::npos);

  const Seen first = ask(serving, Tool::dig, {name, "+cookie=0102030405060708"});
  const std::string cookie = between(first.all, "; COOKIE: ", " ");
  INFO(first.all);
  CHECK(cookie.size() == 48);
  CHECK(cookie.starts_with("010203040506070801000000"));
  CHECK(first.all.find("(good)") != std::string::npos);  // it has what dig sent
  const Seen again = ask(serving, Tool::dig, {name, "+cookie=" + cookie});
  CHECK(between(again.all, "; COOKIE: ", " ") == cookie);
  CHECK(ask(serving, Tool::kdig, {name, "+cookie"}).answers.size() == 2);
  // A cookie alone is asked for by a query without a question (RFC 7873 §5.4).
  const Seen alone = ask(serving, Tool::dig, {"+header-only", "+cookie=" + cookie, "+nobadcookie"});
  CHECK(alone.status == "NOERROR");
  std::string other = cookie;
  other.back() = cookie.back() == '0' ? '1' : '0';
  CHECK(ask(serving, Tool::dig, {"+header-only", "+cookie=" + other, "+nobadcookie"}).status ==
        "BADCOOKIE");
  CHECK(ask(serving, Tool::dig, {name, "+cookie=" + other, "+nobadcookie"}).answers.size() == 2);
  for (const char* bad : {"01", "01020304050607", "010203040506070809"}) {
    CHECK(ask(serving, Tool::dig, {name, fmt::format("+ednsopt=10:{}", bad), "+nocookie"}).status ==
          "FORMERR");
  }
  // Another that has the same secret takes it.
  Serving second(place.arguments());
  CHECK(between(ask(second, Tool::dig, {name, "+cookie=" + cookie}).all, "; COOKIE: ", " ") ==
        cookie);
}

TEST_CASE("who asks too much is led to TCP or to a cookie, and counted") {
  if (!have_tools()) return test::skip("dig, kdig and drill are not all installed");
  const Place place(", rate_limit: {responses_per_second: 1, slip: 1}");
  Serving serving(place.arguments());
  const Socket udp(serving, SOCK_DGRAM);  // one port: one worker
  const Message query = message({}, {question("www.cdn.example")});
  int whole = 0;
  int truncated = 0;
  for (int i = 0; i < 60; ++i) {
    udp.send(query);
    const Message answer = udp.receive();
    const bool is_truncated = (answer[2] & 2) != 0;
    CHECK((word_at(answer, 6) == 2) != is_truncated);
    (is_truncated ? truncated : whole) += 1;
  }
  CHECK(whole >= 1);
  CHECK(truncated >= 30);  // as many as go past in half a minute
  Socket tcp(serving, SOCK_STREAM);
  for (int i = 0; i < 20; ++i) {
    tcp.send(framed(query));
    CHECK(word_at(tcp.receive_framed(), 6) == 2);
  }
  // dig asks again with the cookie that it is given, or over TCP if it has none.
  for (int i = 0; i < 4; ++i) {
    CHECK(ask(serving, Tool::dig, {"www.cdn.example", "+cookie"}).answers.size() == 2);
    CHECK(ask(serving, Tool::dig, {"www.cdn.example", "+nocookie"}).answers.size() == 2);
  }
  test::HttpConnection admin(serving.admin_port());
  const auto counted = [&](const std::string& result) {
    const std::string name = fmt::format("edgeward_dns_limited_total{{result=\"{}\"}} ", result);
    const std::string text = between(admin.get("/metrics").body, name, "\n");
    return text.empty() ? 0 : std::stoi(text);
  };
  int limited = 0;
  for (int i = 0; i < 200'000 && limited < truncated; ++i) limited = counted("truncated");
  CHECK(limited >= truncated);
  CHECK(counted("bad_cookie") >= 1);
  CHECK(counted("dropped") == 0);
}

}  // namespace edgeward
