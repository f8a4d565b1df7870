#include "geo/huge_blocks.hpp"

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <thread>
#include <vector>

#include "geo/huge_array.hpp"

namespace edgeward::geo {

namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

/// Keeps blocks while it lives.
struct Keeping {
  Keeping() { HugeBlocks::keep(true); }
  ~Keeping() { HugeBlocks::keep(false); }
  Keeping(const Keeping&) = delete;
  Keeping& operator=(const Keeping&) = delete;
};

}  // namespace

TEST_CASE("a kept block serves the next of about its size, and no larger or much smaller one") {
  const Keeping keeping;
  void* const first = HugeBlocks::allocate(20 * kMebibyte);
  CHECK(reinterpret_cast<std::uintptr_t>(first) % HugeBlocks::kHugePageBytes == 0);
  std::memset(first, 1, 20 * kMebibyte);
  HugeBlocks::deallocate(first, 20 * kMebibyte);
  void* const larger = HugeBlocks::allocate(25 * kMebibyte);
  void* const smaller = HugeBlocks::allocate(3 * kMebibyte);
  CHECK(larger != first);
  CHECK(smaller != first);
  void* const like = HugeBlocks::allocate(21 * kMebibyte);
  CHECK(like == first);
  std::memset(like, 2, 21 * kMebibyte);
  void* const another = HugeBlocks::allocate(21 * kMebibyte);
  CHECK(another != like);
  HugeBlocks::deallocate(like, 21 * kMebibyte);
  HugeBlocks::deallocate(another, 21 * kMebibyte);
  HugeBlocks::deallocate(larger, 25 * kMebibyte);
  HugeBlocks::deallocate(smaller, 3 * kMebibyte);
}

TEST_CASE("more blocks than are kept are given back, and all are usable") {
  const Keeping keeping;
  for (int round = 0; round < 2; ++round) {
    std::vector<HugeArray<unsigned>> arrays(100);
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      arrays[i].assign(kMebibyte, static_cast<unsigned>(i));
    }
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      REQUIRE(arrays[i].front() == i);
      REQUIRE(arrays[i].back() == i);
    }
  }
}

TEST_CASE("threads may take and give blocks") {
  const Keeping keeping;
  const auto work = [] {
    for (unsigned i = 0; i < 50; ++i) {
      const HugeArray<unsigned> array(kMebibyte, i);
      if (array.front() != i || array.back() != i) throw std::runtime_error("another wrote to it");
    }
  };
  std::thread other(work);
  work();
  other.join();
}

}  // namespace edgeward::geo
