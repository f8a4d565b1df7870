#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "tests/support.hpp"

/// ctest runs one test case a process: 0 passed, 1 failed, kSkipped skipped (and nothing failed).
int main(int argc, char** argv) {
  const int failures = Catch::Session().run(argc, argv);
  if (failures != 0) return 1;
  return edgeward::test::was_skipped() ? edgeward::test::kSkipped : 0;
}
