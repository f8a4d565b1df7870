#pragma once

#include <cstdio>
#include <cstdlib>

namespace edgeward::fuzz {

/// Ends the process, so that the fuzzer keeps the input, where what must hold does not.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

}  // namespace edgeward::fuzz
