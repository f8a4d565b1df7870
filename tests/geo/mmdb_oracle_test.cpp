// Every network of every readable test database against the program mmdblookup.

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "geo/mmdb.hpp"
#include "tests/support.hpp"

namespace edgeward::geo {

namespace {

constexpr const char* kProgram = "/usr/bin/mmdblookup";

/// What the program prints of one address.
struct Answer {
  bool is_readable = true;
  bool is_map = false;
  unsigned prefix_length = 0;                 ///< of the tree: IPv4 in an IPv6 file counts from ::
  std::map<std::string, std::string> fields;  ///< by path: "location/latitude"
};

std::string trimmed(const std::string& line) {
  const std::size_t first = line.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : line.substr(first, line.find_last_not_of(' ') - first + 1);
}

/// Without quotes and the type in <> behind it.
std::string value_text(std::string line) {
  line.resize(line.rfind('<'));
  line = trimmed(line);
  if (line.starts_with('"')) return line.substr(1, line.size() - 2);
  return line;
}

Answer parse(const std::string& text) {
  constexpr std::string_view kLength = "Record prefix length: ";
  Answer answer;
  std::istringstream lines(text);
  std::vector<std::string> path;
  std::string key;
  bool is_data = false;
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line == "failed") {
      answer.is_readable = false;
    } else if (line.starts_with(kLength)) {
      answer.prefix_length = static_cast<unsigned>(std::stoul(line.substr(kLength.size())));
      is_data = true;
    } else if (!is_data || line.empty()) {
      continue;
    } else if (line == "{" || line == "[") {
      if (path.empty() && line == "{") answer.is_map = true;
      path.push_back(key);
    } else if (line == "}" || line == "]") {
      path.pop_back();
    } else if (line.ends_with("\":")) {
      key = line.substr(1, line.size() - 3);
    } else if (line.ends_with('>')) {
      std::string name;
      for (std::size_t i = 1; i < path.size(); ++i) name += path[i] + "/";
      answer.fields[name + key] = value_text(line);
    }
  }
  return answer;
}

/// What the program says of each address: one shell for all, for speed.
std::vector<Answer> ask(const std::filesystem::path& file,
                        const std::vector<IpAddress>& addresses) {
  constexpr std::string_view kEnd = "== end\n";
  const std::string script = "while read -r ip; do " + std::string(kProgram) + " -f '" +
                             file.string() +
                             "' -v --ip \"$ip\" 2>/dev/null || echo failed; echo == end; done";
  std::string input;
  for (const IpAddress& address : addresses) input += address.text() + "\n";
  const std::string out = test::run("/bin/sh", {"-c", script}, input).out;
  std::vector<Answer> answers;
  for (std::size_t begin = 0; begin < out.size();) {
    const std::size_t end = out.find(kEnd, begin);
    answers.push_back(parse(out.substr(begin, end - begin)));
    begin = end + kEnd.size();
  }
  return answers;
}

std::string field(const Answer& answer, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto found = answer.fields.find(name);
    if (found != answer.fields.end()) return found->second;
  }
  return {};
}

void check_record(const Answer& answer, const Mmdb::Record& record) {
  const std::string lat = field(answer, {"location/latitude", "latitude"});
  const std::string lon = field(answer, {"location/longitude", "longitude"});
  CHECK(record.point.has_value() == !lat.empty());
  if (record.point && !lat.empty()) {
    CHECK(record.point->lat_deg == Approx(std::stod(lat)).margin(1e-6));
    CHECK(record.point->lon_deg == Approx(std::stod(lon)).margin(1e-6));
  }
  const std::string radius = field(answer, {"location/accuracy_radius"});
  CHECK(record.accuracy_km == (radius.empty() ? 0 : std::stod(radius)));
  CHECK(to_text(record.country) ==
        field(answer, {"country/iso_code", "country_code", "registered_country/iso_code"}));
  const std::string asn = field(answer, {"autonomous_system_number"});
  CHECK(record.asn == (asn.empty() ? 0 : std::stoul(asn)));
  CHECK(record.city == field(answer, {"city/names/en", "city"}));
}

void check_address(const Mmdb& database, const IpPrefix& network, const IpAddress& address,
                   const Answer& answer) {
  INFO(network.text() << " " << address.text());
  const auto found = database.find(address);
  if (!answer.is_readable || !answer.is_map) {
    CHECK_FALSE(found);
    return;
  }
  INFO((found ? "" : found.error()));
  REQUIRE(found);
  REQUIRE(*found);
  CHECK((*found)->network == network);
  const unsigned offset = database.ip_version() == 4 ? kV4LengthOffset : 0;
  // A network that holds IPv4's place is visited in parts.
  const bool is_part = network.address.bytes[0] == 0 && network.length <= kV4LengthOffset;
  CHECK((is_part ? network.length >= answer.prefix_length
                 : network.length == answer.prefix_length + offset));
  check_record(answer, (*found)->record);
}

}  // namespace

TEST_CASE("every network of the test databases reads as mmdblookup reads it") {
  const auto data = test::shared_data();
  if (!data) return;
  if (!std::filesystem::exists(kProgram)) {
    test::skip("no mmdblookup (Debian package mmdb-bin)");
    return;
  }
  std::size_t files = 0;
  std::size_t networks = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*data / "mmdb" / "test-data")) {
    INFO(entry.path());
    const auto database = Mmdb::open(entry.path().string());
    if (!database) {
      CHECK(test::run(kProgram, {"-f", entry.path().string(), "--ip", "1.1.1.1"}).exit_code != 0);
      continue;
    }
    ++files;
    std::vector<IpPrefix> prefixes;
    std::vector<IpAddress> addresses;
    (void)database->visit([&](const Mmdb::Network& network) {
      prefixes.push_back(network.prefix);
      addresses.push_back(network.prefix.address);
      addresses.push_back(network.prefix.last());
    });
    networks += prefixes.size();
    const std::vector<Answer> answers = ask(entry.path(), addresses);
    REQUIRE(answers.size() == addresses.size());
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      check_address(*database, prefixes[i / 2], addresses[i], answers[i]);
    }
  }
  CHECK(files > 20);
  CHECK(networks > 500);
}

}  // namespace edgeward::geo
