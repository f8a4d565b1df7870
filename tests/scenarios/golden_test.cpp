#include <catch2/catch.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/scenarios/golden.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

const std::filesystem::path kRoot = EDGEWARD_SOURCE_DIR;

}  // namespace

TEST_CASE("reports of the shipped sample do not change by a byte") {
  const test::TemporaryFolder folder;
  const std::string csv = (folder.path() / "report.csv").string();
  const std::string json = (folder.path() / "report.json").string();
  const test::Outcome outcome =
      test::run(EDGEWARD_BINARY,
                {"replay", (kRoot / "data/samples/access.log.gz").string(), "--policy",
                 "lru,fifo,clock,sieve,s3fifo,slru,twoq,arc,lirs,lfu,gdsf,belady", "--capacity",
                 "1%,10%", "--warmup", "10%", "--no-timing", "-o", csv, "-o", json});
  REQUIRE(outcome.exit_code == 0);
  test::check_golden("sample.txt", outcome.out);
  test::check_golden("sample.csv", test::read_file(csv));
  test::check_golden("sample.json", test::read_file(json));
}

}  // namespace edgeward
