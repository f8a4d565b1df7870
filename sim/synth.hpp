#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cache/random.hpp"
#include "policy/request.hpp"
#include "sim/zipf.hpp"

namespace edgeward::sim {

/// Sizes of objects: lognormal with that median, clamped to 1 B .. 4 GiB - 1; sigma (the standard
/// deviation of the natural logarithm) 0 makes all sizes the median.
struct SizeLaw {
  std::uint64_t median_bytes = 1;
  double sigma = 0;

  bool operator==(const SizeLaw&) const = default;
};
inline constexpr std::uint64_t kSynthSizeBytesMax = 0xFFFF'FFFF;  // what oracle_general can hold

/// Relative request rates by hour of the day, UTC. All zero but one is allowed.
using HourlyRates = std::array<double, 24>;

/// The same by day of the week, Monday first.
using WeekdayRates = std::array<double, 7>;

/// New objects that come out every day at 17:00 UTC, beside those that were always there.
struct Releases {
  std::uint32_t per_day = 0;  ///< 0: none; at most 100,000
  /// Part of the requests that ask for a release of the last days, from the first one on.
  double requests_ratio = 0.2;
  std::chrono::milliseconds half_life = std::chrono::hours{30};  ///< of what is asked of one

  bool operator==(const Releases&) const = default;
};

/// What synthetic traffic looks like; the same options give the same traffic.
struct SynthOptions {
  std::uint64_t requests = 1'000'000;  ///< below 2^32
  std::uint32_t objects = 100'000;     ///< that can be asked for; 1 .. 2^26
  double zipf_alpha = 1.0;             ///< 0 (uniform) .. 100
  SizeLaw sizes{};
  std::int64_t start_ms = 1'704'067'200'000;  ///< 2024-01-01T00:00:00Z; from 1970 to 2106
  std::chrono::milliseconds duration = std::chrono::hours{24};
  HourlyRates hourly_rates = even_rates<HourlyRates>();
  WeekdayRates weekday_rates = even_rates<WeekdayRates>();
  Releases releases{};
  std::uint64_t seed = 0;

  template <class Rates>
  [[nodiscard]] static constexpr Rates even_rates() {
    Rates rates{};
    for (double& rate : rates) rate = 1;
    return rates;
  }
};

/// A request and the rank of its object in popularity, 0 for the most popular.
struct SynthRequest {
  policy::Request request;
  std::uint32_t rank = 0;
};

/// Seeded synthetic traffic: independent Zipf draws (the independent reference model) in order of
/// time, one at a time.
///
/// Times are spaced evenly against the rate: request i comes when i / requests of the demand is
/// over, so even rates give even times and no draw is spent on them. Ids are the ranks under a
/// seeded bijection of 63 bits: unique, in no order. An object's size is drawn once from the seed.
/// Clients lie in the documentation prefixes 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24
/// (RFC 5737; three quarters of the requests) and 2001:db8::/32 (RFC 3849). Ranks, clients, sizes,
/// ids and releases come from streams of their own: other sizes leave the order of requests as it
/// is. Of the releases of a day, popularity falls as it does of the objects; their ranks come after
/// all others, day by day.
///
///     SynthTraffic traffic({.requests = 1000, .objects = 50, .seed = 7});
///     while (!traffic.done()) handle(traffic.next());
///
/// Memory: 12 bytes an object. Deterministic on one platform; another libm may round a few
/// lognormal sizes differently by a byte.
class SynthTraffic {
 public:
  /// Throws cache::ParameterError for options outside their ranges.
  explicit SynthTraffic(const SynthOptions& options);

  [[nodiscard]] bool done() const { return index_ == requests_; }
  [[nodiscard]] std::uint64_t remaining() const { return requests_ - index_; }

  /// The next request; not after done().
  [[nodiscard]] SynthRequest next();

  [[nodiscard]] std::uint32_t objects() const {
    return static_cast<std::uint32_t>(sizes_bytes_.size());
  }
  [[nodiscard]] cache::ContentId id(std::uint32_t rank) const;
  [[nodiscard]] std::uint64_t size_bytes(std::uint32_t rank) const { return sizes_bytes_[rank]; }
  /// The object's path in text logs, unique: `/o/1a2b3c/0000beef.jpg`, of the id's last 24 bits and
  /// the rank.
  [[nodiscard]] std::string key(std::uint32_t rank) const;

 private:
  struct Seeds;
  SynthTraffic(const SynthOptions& options, const Seeds& seeds);

  void draw_ahead();
  /// The rank of what is asked for at that time, if it is a release.
  [[nodiscard]] std::optional<std::uint32_t> draw_release(std::int64_t at_ms);
  [[nodiscard]] std::int64_t next_time_ms();
  [[nodiscard]] double rate(std::int64_t at_ms) const;

  ZipfTable zipf_;
  std::uint32_t objects_;  ///< that were always there
  Releases releases_;
  ZipfTable release_zipf_;
  cache::Random release_draws_;
  std::int64_t first_release_ms_;
  std::vector<std::uint32_t> sizes_bytes_;
  cache::Random ranks_;
  cache::Random clients_;
  std::uint64_t id_key_;
  std::uint64_t requests_;
  std::uint64_t index_ = 0;
  /// Ranks are drawn so many at a time that the processor waits for many table entries at once.
  static constexpr std::size_t kAhead = 256;
  std::array<std::uint32_t, kAhead> ahead_{};

  // The hour being passed through: [hour_at_ms_, hour_end_ms_) at one rate. Demand is rate × ms.
  HourlyRates rates_;
  WeekdayRates weekday_rates_;
  std::int64_t end_ms_;
  std::int64_t hour_at_ms_;
  std::int64_t hour_end_ms_;
  double demand_before_ = 0;  ///< up to hour_at_ms_
  double demand_step_ = 0;    ///< from one request to the next
};

enum class SynthFormat { combined, csv, oracle_general };

/// Throws cache::ParameterError naming the formats.
[[nodiscard]] SynthFormat parse_synth_format(std::string_view text);

/// Writes the traffic and flushes `out`, whose state tells whether that worked.
///
/// combined: as nginx logs it, with referer and agent, host www.example.com, all GET and 200.
/// csv: header `time,client,key,size`, time in whole seconds since 1970.
/// oracle_general: 24-byte little-endian records u32 time in seconds, u64 id, u32 size, i64 index
/// of the object's next request counted from 0, or -1. Makes the traffic twice, and holds 4 bytes a
/// request and an object.
void write_synth(const SynthOptions& options, SynthFormat format, std::ostream& out);

/// `constant:32KiB` or `lognormal:32KiB,1.6` (median, sigma 0 .. 10). Throws cache::ParameterError.
[[nodiscard]] SizeLaw parse_size_law(std::string_view text);

/// 24 numbers ≥ 0 for the hours 0 .. 23 UTC, separated by commas, at least one of them above 0.
/// Throws cache::ParameterError.
[[nodiscard]] HourlyRates parse_hourly_rates(std::string_view text);
/// 7 numbers ≥ 0, Monday first; the same. Throws cache::ParameterError.
[[nodiscard]] WeekdayRates parse_weekday_rates(std::string_view text);

/// `60` or `60,25%,30h`: how many a day, their part of the requests, half-life. Throws
/// cache::ParameterError.
[[nodiscard]] Releases parse_releases(std::string_view text);

}  // namespace edgeward::sim
