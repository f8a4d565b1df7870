#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;

}  // namespace

TEST_CASE("every real trace and log replays without a flag, and its lines add up") {
  const auto data = test::shared_data();
  if (!data) return;
  std::size_t files = 0;
  for (const char* const folder : {"traces", "logs", "logs/samples"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*data / folder)) {
      if (!entry.is_regular_file()) continue;
      ++files;
      INFO(entry.path());
      // The largest trace takes only the cheap policies, so that the test stays short.
      const bool is_large = entry.file_size() > (std::uintmax_t{4} << 20);
      const test::Outcome outcome =
          test::run(EDGEWARD_BINARY, {"replay", entry.path().string(), "--json", "--policy",
                                      is_large ? "lru,s3fifo" : "lru,s3fifo,gdsf,belady"});
      INFO(outcome.err);
      REQUIRE(outcome.exit_code == 0);
      const json::value report = json::parse(outcome.out);
      const json::object& trace = report.at("trace").as_object();
      std::int64_t sum = trace.at("requests").as_int64();
      for (const auto& reason : trace.at("skipped").as_object()) sum += reason.value().as_int64();
      if (!trace.at("lines").is_null()) CHECK(trace.at("lines") == sum);
      for (const json::value& run : report.at("runs").as_array()) {
        CHECK(run.at("hits").as_int64() <= run.at("requests").as_int64());
        CHECK(run.at("hit_bytes").as_int64() + run.at("origin_bytes").as_int64() ==
              run.at("bytes").as_int64());
        if (run.at("policy") != "recorded") CHECK(run.at("requests") == trace.at("requests"));
      }
    }
  }
  CHECK(files >= 24);
}

}  // namespace edgeward
