#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::Outcome;

Outcome edgeward(const std::vector<std::string>& arguments, std::string_view input = {}) {
  return test::run(EDGEWARD_BINARY, arguments, input);
}

json::array located(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"geo", "--json"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Outcome outcome = edgeward(all);
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return json::parse(outcome.out).as_array();
}

constexpr const char* kTable =
    "network,lat,lon,country,asn,city\n"
    "81.2.69.0/24,51.5,-0.25,GB,20712,London\n"
    "81.2.69.128/25,52.5,13.25,DE,,\n"
    "2a00:1450::/32,48.75,2.25,FR,,\n";

}  // namespace

TEST_CASE("addresses are located out of the box, and which database says so is told") {
  const Outcome outcome = edgeward({"geo", "81.2.69.142", "2001:4860:4860::8888", "10.0.0.1"});
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  CHECK_THAT(outcome.err, Catch::Contains("world.mmdb") && Catch::Contains("https://db-ip.com"));
  CHECK_THAT(outcome.out, Catch::Contains("81.2.69.142\n"));
  CHECK_THAT(outcome.out, Catch::Contains("country   GB\n"));
  CHECK_THAT(outcome.out, Catch::Contains("source    mmdb: "));
  CHECK_THAT(outcome.out, Catch::Contains("private (RFC 1918)"));
  CHECK_THAT(outcome.out, Catch::Contains("place     not known\n"));
}

TEST_CASE("well-known networks are in their countries in the world database") {
  // Universities' own networks, which stay where they are.
  const json::array answers =
      located({"18.7.22.69", "130.60.184.1", "134.147.64.11", "2001:da8:200::1", "133.11.0.1"});
  const std::vector<std::string> countries{"US", "CH", "DE", "CN", "JP"};
  REQUIRE(answers.size() == countries.size());
  for (std::size_t i = 0; i < countries.size(); ++i) {
    INFO(answers[i].at("ip").as_string());
    CHECK(answers[i].at("country").as_string() == countries[i]);
    CHECK(answers[i].at("source").as_string() == "mmdb");
    CHECK(answers[i].at("lat").is_number());
  }
}

TEST_CASE("a table becomes a database that the geo command reads") {
  const test::TemporaryFolder folder;
  const std::string table = folder.write("networks.csv", kTable).string();
  const std::string database = (folder.path() / "own.mmdb").string();
  const Outcome built = edgeward({"geo", "build", table, "-o", database});
  INFO(built.err);
  REQUIRE(built.exit_code == 0);
  CHECK(built.out.empty());
  const json::array answers =
      located({"81.2.69.1", "81.2.69.142", "2a00:1450::1", "192.0.2.1", "--database", database});
  REQUIRE(answers.size() == 4);
  CHECK(answers[0].at("city").as_string() == "London");
  CHECK(answers[0].at("asn") == 20712);
  CHECK(answers[0].at("network").as_string() == "81.2.69.0/25");
  CHECK(answers[0].at("decided_by").as_string() == database);
  CHECK(answers[1].at("country").as_string() == "DE");
  CHECK(answers[1].at("lat") == 52.5);
  CHECK(answers[2].at("country").as_string() == "FR");
  CHECK(answers[3].at("lat").is_null());
  CHECK(answers[3].at("source").as_string() == "none");
  CHECK(answers[3].at("special_use").as_string() == "documentation (RFC 5737)");
}

TEST_CASE("databases are joined by geo build, and a table is read from standard input") {
  const test::TemporaryFolder folder;
  const std::string first = (folder.path() / "first.mmdb").string();
  const std::string second = (folder.path() / "second.mmdb").string();
  const std::string joined = (folder.path() / "joined.mmdb").string();
  REQUIRE(edgeward({"geo", "build", "-", "-o", first}, kTable).exit_code == 0);
  REQUIRE(
      edgeward({"geo", "build", "-", "-o", second}, "network,country\n8.8.8.0/24,US\n").exit_code ==
      0);
  REQUIRE(edgeward({"geo", "build", first, second, "-o", joined}).exit_code == 0);
  const json::array answers = located({"81.2.69.1", "8.8.8.8", "--database", joined});
  CHECK(answers[0].at("country").as_string() == "GB");
  CHECK(answers[1].at("country").as_string() == "US");
  // A country alone is answered with its centre, which its source and radius tell.
  CHECK(answers[1].at("source").as_string() == "country");
  CHECK(answers[1].at("accuracy_km").to_number<double>() > 100);
}

TEST_CASE("overrides decide, with their prefix and edges") {
  const test::TemporaryFolder folder;
  const std::string overrides =
      folder.write("own.csv", "prefix,lat,lon,edges\n10.0.0.0/8,1,2,\n10.1.0.0/16,3,4,fra1|ams1\n")
          .string();
  const json::array answers = located({"10.0.0.1", "10.1.0.1", "--overrides", overrides});
  CHECK(answers[0].at("lat") == 1);
  CHECK(answers[0].at("source").as_string() == "override");
  CHECK(answers[0].at("decided_by").as_string() == "10.0.0.0/8");
  CHECK(answers[1].at("lon") == 4);
  CHECK(answers[1].at("edges") == json::array{"fra1", "ams1"});
}

TEST_CASE("the fallback places what nobody knows") {
  const json::array answers = located({"10.0.0.1", "--fallback", "52.5,13.25"});
  CHECK(answers[0].at("lon") == 13.25);
  CHECK(answers[0].at("source").as_string() == "fallback");
}

TEST_CASE("what geo cannot use is a usage error that says what and where") {
  const test::TemporaryFolder folder;
  const std::string table =
      folder.write("bad.csv", "network,lat,lon\n10.0.0.0/8,91,0\n10.0.0.0/99,1,1\n").string();
  const std::string text = folder.write("text.mmdb", "no database").string();
  const std::string output = (folder.path() / "out.mmdb").string();
  struct Case {
    std::vector<std::string> arguments;
    std::string message;
  };
  const std::vector<Case> cases{
      {{"geo"}, "an IP address or a subcommand"},
      {{"geo", "8.8.8"}, "'8.8.8': expected an IPv4 or IPv6 address"},
      {{"geo", "8.8.8.8", "--database", "/no/such.mmdb"}, "/no/such.mmdb: No such file"},
      {{"geo", "8.8.8.8", "--database", text}, "text.mmdb: no MaxMind DB file"},
      {{"geo", "8.8.8.8", "--overrides", table}, "bad.csv:1: the header has no column prefix"},
      {{"geo", "8.8.8.8", "--fallback", "95,0"}, "--fallback '95,0'"},
      {{"geo", "build", table, "-o", output}, "bad.csv:2: lat is '91'"},
      {{"geo", "build", table, "-o", output}, "bad.csv:3: network is '10.0.0.0/99'"},
      {{"geo", "build", table, "-o", output, "--max-size", "1MB"}, "--max-size"},
      {{"geo", "build", text, "-o", output}, "text.mmdb: no MaxMind DB file"},
      {{"geo", "build", "/no/such.csv", "-o", output}, "/no/such.csv: cannot be read"},
  };
  for (const Case& each : cases) {
    const Outcome outcome = edgeward(each.arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK(outcome.out.empty());
    CHECK_THAT(outcome.err, Catch::Contains(each.message));
    CHECK_FALSE(std::filesystem::exists(output));
  }
}

TEST_CASE("text of files and arguments is escaped where it is shown") {
  const test::TemporaryFolder folder;
  const std::string database = (folder.path() / "own.mmdb").string();
  const std::string table = "network,country,city\n10.0.0.0/8,DE,\x1B[31mred\n";
  REQUIRE(edgeward({"geo", "build", "-", "-o", database}, table).exit_code == 0);
  const Outcome shown = edgeward({"geo", "10.0.0.1", "\x1B[31m"});
  CHECK(shown.err.find('\x1B') == std::string::npos);
  for (const bool is_json : {false, true}) {
    std::vector<std::string> arguments{"geo", "10.0.0.1", "--database", database};
    if (is_json) arguments.emplace_back("--json");
    CHECK(edgeward(arguments).out.find('\x1B') == std::string::npos);
  }
}

TEST_CASE("a database agrees with itself, and a coarsened one fits") {
  const test::TemporaryFolder folder;
  const std::string full = (folder.path() / "full.mmdb").string();
  const std::string small = (folder.path() / "small.mmdb").string();
  REQUIRE(edgeward({"geo", "build", "-", "-o", full}, kTable).exit_code == 0);
  const Outcome same = edgeward({"geo", "compare", full, "--with", full, "--json"});
  REQUIRE(same.exit_code == 0);
  const json::value agreement = json::parse(same.out);
  CHECK(agreement.at("ipv4_addresses").at("median_km") == 0);
  CHECK(agreement.at("ipv4_addresses").at("same_country_ratio") == 1);
  CHECK(agreement.at("ipv6_networks").at("not_located") == 0);
  REQUIRE(edgeward({"geo", "build", full, "--max-size", "2KB", "-o", small}).exit_code == 0);
  CHECK(std::filesystem::file_size(small) <= 2000);
  CHECK_THAT(edgeward({"geo", "compare", full, "--with", small}).out,
             Catch::Contains("IPv4 addresses"));
}

TEST_CASE("the data folder can be named") {
  const test::TemporaryFolder folder;
  const Outcome outcome =
      test::run("/usr/bin/env", {"EDGEWARD_DATA_DIR=" + (folder.path() / "absent").string(),
                                 EDGEWARD_BINARY, "geo", "8.8.8.8"});
  CHECK(outcome.exit_code == 2);
  CHECK_THAT(outcome.err, Catch::Contains("EDGEWARD_DATA_DIR"));
}

}  // namespace edgeward
