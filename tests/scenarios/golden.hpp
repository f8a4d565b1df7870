#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support.hpp"

namespace edgeward::test {

/// Compares with the file in tests/golden, or writes it where EDGEWARD_REWRITE_GOLDEN is set.
inline void check_golden(const std::string& name, const std::string& actual) {
  const std::filesystem::path golden =
      std::filesystem::path(EDGEWARD_SOURCE_DIR) / "tests" / "golden" / name;
  if (std::getenv("EDGEWARD_REWRITE_GOLDEN") != nullptr) {
    std::ofstream(golden, std::ios::binary) << actual;
    FAIL_CHECK("rewrote " << golden << "; look at the difference and run again");
    return;
  }
  CHECK(actual == read_file(golden));
}

}  // namespace edgeward::test
