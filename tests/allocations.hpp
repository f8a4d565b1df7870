#pragma once

#include <cstddef>

namespace edgeward::test {

/// How often this program has asked for memory. Its allocator is replaced by one that counts, so
/// that tests which use it are programs of their own.
[[nodiscard]] std::size_t allocations();

}  // namespace edgeward::test
