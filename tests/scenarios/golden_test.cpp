#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward {

namespace {

const std::filesystem::path kRoot = EDGEWARD_SOURCE_DIR;

/// Compares with the file in tests/golden, or writes it where EDGEWARD_REWRITE_GOLDEN is set.
void check_golden(const std::string& name, const std::string& actual) {
  const std::filesystem::path golden = kRoot / "tests" / "golden" / name;
  if (std::getenv("EDGEWARD_REWRITE_GOLDEN") != nullptr) {
    std::ofstream(golden, std::ios::binary) << actual;
    FAIL_CHECK("rewrote " << golden << "; look at the difference and run again");
    return;
  }
  CHECK(actual == test::read_file(golden));
}

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
  check_golden("sample.txt", outcome.out);
  check_golden("sample.csv", test::read_file(csv));
  check_golden("sample.json", test::read_file(json));
}

}  // namespace edgeward
