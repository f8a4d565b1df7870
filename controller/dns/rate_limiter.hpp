#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "controller/dns/options.hpp"
#include "geo/ip_address.hpp"

namespace edgeward::controller {

/// Limits what goes to one network (/24, /56): who writes another's address on its queries cannot
/// have the answers flood it. A network may be answered a second's worth at once, and gets its rate
/// from then on (the generic cell rate algorithm: of each network only the time at which it will
/// have used up what it was given is kept).
///
/// A table of fixed size, one a worker: no lock, no allocation, no clock. Four networks share a
/// row; a fifth takes the place of the one that has used least.
class DnsRateLimiter {
 public:
  explicit DnsRateLimiter(const DnsRateLimits& limits);

  enum class Verdict : std::uint8_t {
    pass,
    slip,  ///< too many, but this one gets a short answer that leads a true client on
    drop,
  };
  [[nodiscard]] Verdict judge(const geo::IpAddress& client, std::int64_t now_ms);

  static constexpr std::size_t kRows = 1U << 14;
  static constexpr std::size_t kWays = 4;

 private:
  struct Entry {
    std::uint64_t network = 0;    ///< hashed
    std::int64_t used_up_ns = 0;  ///< when it may be answered as if it had never been
    std::uint32_t limited = 0;    ///< answers it did not get since
  };

  DnsRateLimits limits_;
  std::int64_t interval_ns_ = 0;
  std::array<std::uint8_t, 16> seed_{};  ///< so that nobody knows who shares a row
  std::vector<std::array<Entry, kWays>> rows_;
};

}  // namespace edgeward::controller
