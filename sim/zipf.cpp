#include "sim/zipf.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace edgeward::sim {

namespace {

/// Shares of the ranks times their number: 1 is average. Summed from the smallest.
std::vector<double> relative_shares(std::uint32_t objects, double alpha) {
  std::vector<double> shares(objects);
  double sum = 0;
  for (std::uint32_t rank = objects; rank-- > 0;) {
    shares[rank] = std::pow(static_cast<double>(rank) + 1, -alpha);
    sum += shares[rank];
  }
  for (double& share : shares) share *= static_cast<double>(objects) / sum;
  return shares;
}

}  // namespace

ZipfTable::ZipfTable(std::uint32_t objects, double alpha) : columns_(objects) {
  assert(objects >= 1 && objects <= 1U << 26 && alpha >= 0 && alpha <= 100);
  std::vector<double> shares = relative_shares(objects, alpha);
  for (std::uint32_t rank = 0; rank < objects; ++rank) columns_[rank].alias = rank;
  // Shares fall with the rank: the first ranks are rich (at least average), the others poor. A rich
  // rank fills up poor columns until it is poor itself and is filled up by the next rich one. When
  // none is left, what remains is average but for rounding and stands for itself.
  const auto rich_end = static_cast<std::uint32_t>(
      std::partition_point(shares.begin(), shares.end(), [](double share) { return share >= 1; }) -
      shares.begin());
  std::uint32_t rich = 0;
  const auto fill = [&](std::uint32_t column) {
    const double share = std::max(0.0, shares[column]);
    columns_[column] = {.threshold = static_cast<std::uint32_t>(share * 0x1p32), .alias = rich};
    shares[rich] -= 1 - share;
  };
  for (std::uint32_t poor = objects; poor-- > rich_end && rich < rich_end;) {
    fill(poor);
    while (shares[rich] < 1 && ++rich < rich_end) fill(rich - 1);
  }
}

}  // namespace edgeward::sim
