#include "cache/store/backoff.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace edgeward::cache {

TEST_CASE("pauses double up to their limit and start anew after a success") {
  const BackoffOptions options{.first_ms = 100, .max_ms = 1000};
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    INFO("seed " << seed);
    Backoff backoff(options, seed);
    for (int round = 0; round < 2; ++round) {
      std::int64_t whole_ms = 100;
      for (int i = 0; i < 8; ++i) {
        const std::int64_t pause_ms = backoff.next_ms();
        CHECK(pause_ms >= whole_ms / 2);
        CHECK(pause_ms <= whole_ms);
        whole_ms = std::min<std::int64_t>(2 * whole_ms, 1000);
      }
      backoff.reset();
    }
  }
}

TEST_CASE("those who failed together do not come back together") {
  Backoff one({.first_ms = 1000, .max_ms = 1000}, 1);
  Backoff other({.first_ms = 1000, .max_ms = 1000}, 2);
  Backoff same({.first_ms = 1000, .max_ms = 1000}, 1);
  const std::int64_t first_ms = one.next_ms();
  CHECK(first_ms != other.next_ms());
  CHECK(first_ms == same.next_ms());
}

}  // namespace edgeward::cache
