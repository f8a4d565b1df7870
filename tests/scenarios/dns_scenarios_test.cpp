// The DNS side of the real binary, asked by dig, kdig and drill, and over bare sockets by what none
// of them would send. What is expected is what the RFCs say.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

using test::Serving;
using Texts = std::vector<std::string>;
using Message = std::vector<std::uint8_t>;

/// Three edges: Frankfurt, named in a zone of ours; Amsterdam and Tokyo, named elsewhere; Tokyo has
/// no IPv6. This machine is in Frankfurt, 198.51.100.0/24 in Tokyo.
class Place {
 public:
  explicit Place(const std::string& dns = {}) {
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
  test::TemporaryFolder folder_;
};

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

// --- bare sockets ---

void word(Message& out, unsigned value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

Message name_of(std::string_view name) {
  Message out;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    out.push_back(static_cast<std::uint8_t>(end));
    out.insert(out.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  out.push_back(0);
  return out;
}

struct Header {
  unsigned id = 0x1234;
  unsigned flags = 0;
  unsigned questions = 1;
  unsigned answers = 0;
  unsigned authorities = 0;
  unsigned additionals = 0;
};

Message message(const Header& header, const std::vector<Message>& parts) {
  Message out;
  for (const unsigned value : {header.id, header.flags, header.questions, header.answers,
                               header.authorities, header.additionals}) {
    word(out, value);
  }
  for (const Message& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

Message question(std::string_view name, unsigned type = 1, unsigned class_code = 1) {
  Message out = name_of(name);
  word(out, type);
  word(out, class_code);
  return out;
}

Message opt(unsigned version, const Message& options = {}, unsigned udp_bytes = 1232) {
  Message out{0};
  word(out, 41);
  word(out, udp_bytes);
  out.insert(out.end(), {0, static_cast<std::uint8_t>(version), 0, 0});
  word(out, static_cast<unsigned>(options.size()));
  out.insert(out.end(), options.begin(), options.end());
  return out;
}

unsigned word_at(const Message& bytes, std::size_t at) {
  return static_cast<unsigned>(bytes.at(at) << 8 | bytes.at(at + 1));
}
unsigned code_of(const Message& answer) {
  return word_at(answer, 2) & 0xF;
}

/// A socket of either kind at the service's DNS port: blocking, with a deadline.
class Socket {
 public:
  Socket(const Serving& serving, int kind) : socket_(::socket(AF_INET, kind | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(serving.dns_port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  }
  ~Socket() { ::close(socket_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

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

Message framed(const Message& query) {
  Message out;
  word(out, static_cast<unsigned>(query.size()));
  out.insert(out.end(), query.begin(), query.end());
  return out;
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
