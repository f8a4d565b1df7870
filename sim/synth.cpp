#include "sim/synth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>

#include "cache/parameters.hpp"
#include "sim/logs/timestamp.hpp"

namespace edgeward::sim {

namespace {

using cache::ParameterError;
using cache::Random;

constexpr std::int64_t kDayMs = 24 * kHourMs;
constexpr std::int64_t kReleaseMs = 17 * kHourMs;      ///< into the day
constexpr std::uint32_t kReleasesMax = 100'000;        ///< a day
constexpr std::int64_t kEndMs = 0x1'0000'0000 * 1000;  // 2106: seconds have 32 bits in traces
constexpr std::uint32_t kObjectsMax = 1U << 26;        // 0.8 GiB of tables
constexpr double kSigmaMax = 10;
constexpr double kAlphaMax = 100;
constexpr double kRateMax = 1e9;
constexpr double kHoursMax = 1e6;

void check_size_law(const SizeLaw& law) {
  if (law.median_bytes < 1 || law.median_bytes > kSynthSizeBytesMax) {
    throw ParameterError(fmt::format("sizes: {} bytes: expected from 1 to {}", law.median_bytes,
                                     kSynthSizeBytesMax));
  }
  if (!(law.sigma >= 0 && law.sigma <= kSigmaMax)) {
    throw ParameterError(
        fmt::format("sizes: sigma {}: expected a number from 0 to {}", law.sigma, kSigmaMax));
  }
}

/// `unit`: hour or weekday.
template <class Rates>
void check_rates(const Rates& rates, std::string_view unit) {
  for (std::size_t at = 0; at < rates.size(); ++at) {
    if (rates[at] >= 0 && rates[at] <= kRateMax) continue;
    throw ParameterError(fmt::format("rate by {}: {} {} has {}: expected a number from 0 to {}",
                                     unit, unit, at, rates[at], kRateMax));
  }
  if (std::all_of(rates.begin(), rates.end(), [](double rate) { return rate == 0; })) {
    throw ParameterError(
        fmt::format("rate by {}: all are 0: at least one {} needs requests", unit, unit));
  }
}

template <class Rates>
Rates parse_rates(std::string_view text, std::string_view unit, std::string_view which) {
  Rates rates{};
  std::size_t count = 0;
  for (std::size_t from = 0; from <= text.size(); ++count) {
    const std::size_t to = std::min(text.find(',', from), text.size());
    const std::string_view item = text.substr(from, to - from);
    double rate = 0;
    const char* const end = item.data() + item.size();
    const auto parsed = std::from_chars(item.data(), end, rate);
    if (parsed.ec != std::errc{} || parsed.ptr != end) {
      throw ParameterError(fmt::format("rate by {}: '{}' ({} {}): expected a number from 0 to {}",
                                       unit, item, unit, count, kRateMax));
    }
    if (count < rates.size()) rates[count] = rate;
    from = to + 1;
  }
  if (count != rates.size()) {
    throw ParameterError(
        fmt::format("rate by {}: found {} numbers, expected {} separated by commas, for {}", unit,
                    count, rates.size(), which));
  }
  check_rates(rates, unit);
  return rates;
}

void check_releases(const Releases& releases) {
  if (releases.per_day > kReleasesMax) {
    throw ParameterError(
        fmt::format("releases: {} a day: expected at most {}", releases.per_day, kReleasesMax));
  }
  if (!(releases.requests_ratio >= 0 && releases.requests_ratio <= 1)) {
    throw ParameterError(fmt::format("releases: {} of the requests: expected a part from 0 to 1",
                                     releases.requests_ratio));
  }
  if (releases.half_life.count() <= 0) {
    throw ParameterError("releases: half-life: expected more than nothing");
  }
}

/// The first at or after the start.
std::int64_t first_release_ms(std::int64_t start_ms) {
  const std::int64_t at_ms = start_ms / kDayMs * kDayMs + kReleaseMs;
  return at_ms >= start_ms ? at_ms : at_ms + kDayMs;
}

std::uint64_t release_count(const SynthOptions& options) {
  const std::int64_t span_ms =
      options.start_ms + options.duration.count() - first_release_ms(options.start_ms);
  if (span_ms <= 0) return 0;
  return static_cast<std::uint64_t>((span_ms + kDayMs - 1) / kDayMs) * options.releases.per_day;
}

void check_options(const SynthOptions& options) {
  if (options.requests > 0xFFFF'FFFF) {
    throw ParameterError(
        fmt::format("requests: {}: expected at most {}", options.requests, 0xFFFF'FFFF));
  }
  if (options.objects < 1 || options.objects > kObjectsMax) {
    throw ParameterError(
        fmt::format("objects: {}: expected from 1 to {}", options.objects, kObjectsMax));
  }
  if (!(options.zipf_alpha >= 0 && options.zipf_alpha <= kAlphaMax)) {
    throw ParameterError(
        fmt::format("alpha: {}: expected a number from 0 to {}", options.zipf_alpha, kAlphaMax));
  }
  if (options.start_ms < 0 || options.start_ms >= kEndMs) {
    throw ParameterError("start: expected a time from 1970 to 2106");
  }
  if (options.duration.count() <= 0 || options.duration.count() > kEndMs - options.start_ms) {
    throw ParameterError("duration: expected more than nothing, and an end before 2106");
  }
  check_size_law(options.sizes);
  check_rates(options.hourly_rates, "hour");
  check_rates(options.weekday_rates, "weekday");
  check_releases(options.releases);
  if (options.objects + release_count(options) > kObjectsMax) {
    throw ParameterError(
        fmt::format("releases: with them there are more than {} objects", kObjectsMax));
  }
}

/// A bijection of 63 bits: each step (xor with a key, odd factor, xor of the upper half into the
/// lower) can be undone modulo 2^63.
std::uint64_t scramble(std::uint64_t value, std::uint64_t key) {
  constexpr std::uint64_t kMask = ~std::uint64_t{0} >> 1;
  value = (value ^ key) & kMask;
  for (const std::uint64_t factor : {0xBF58476D1CE4E5B9U, 0x94D049BB133111EBU}) {
    value ^= value >> 32;
    value = (value * factor) & kMask;
  }
  return value ^ (value >> 32);
}

std::vector<std::uint32_t> draw_sizes(std::uint32_t objects, const SizeLaw& law, Random random) {
  std::vector<std::uint32_t> sizes(objects, static_cast<std::uint32_t>(law.median_bytes));
  if (law.sigma == 0) return sizes;
  for (std::uint32_t& size : sizes) {
    const double radius = std::sqrt(-2 * std::log(1 - random.unit()));  // Box and Muller 1958
    const double normal = radius * std::cos(2 * std::numbers::pi * random.unit());
    const double drawn = static_cast<double>(law.median_bytes) * std::exp(law.sigma * normal);
    size = static_cast<std::uint32_t>(
        std::clamp(std::round(drawn), 1.0, static_cast<double>(kSynthSizeBytesMax)));
  }
  return sizes;
}

/// A documentation prefix, and which bits of bytes 4 and 5 name one of its networks.
struct ClientPrefix {
  geo::IpAddress base;
  std::uint8_t network_bits = 0;
};

geo::IpAddress draw_client(Random& random) {
  static const std::array<ClientPrefix, 4> kPrefixes{{
      {.base = geo::IpAddress::v4(0xC0000200)},  // 192.0.2.0
      {.base = geo::IpAddress::v4(0xC6336400)},  // 198.51.100.0
      {.base = geo::IpAddress::v4(0xCB007100)},  // 203.0.113.0
      {.base = {{0x20, 0x01, 0x0d, 0xb8}}, .network_bits = 0x3F},
  }};
  const std::uint64_t bits = random.next();
  const ClientPrefix& prefix = kPrefixes[bits % kPrefixes.size()];
  geo::IpAddress address = prefix.base;
  address.bytes[4] |= static_cast<std::uint8_t>(bits >> 24) & prefix.network_bits;
  address.bytes[5] |= static_cast<std::uint8_t>(bits >> 32) & prefix.network_bits;
  address.bytes[15] = static_cast<std::uint8_t>(1 + ((bits >> 8) & 0xFFFF) * 254 / 0x10000);
  return address;
}

}  // namespace

/// One seed a stream, so that a change of options disturbs no other stream.
struct SynthTraffic::Seeds {
  std::uint64_t ranks, clients, sizes, ids, releases;

  explicit Seeds(Random random)
      : ranks(random.next()),
        clients(random.next()),
        sizes(random.next()),
        ids(random.next()),
        releases(random.next()) {}
};

SynthTraffic::SynthTraffic(const SynthOptions& options)
    : SynthTraffic((check_options(options), options), Seeds(Random(options.seed))) {}

SynthTraffic::SynthTraffic(const SynthOptions& options, const Seeds& seeds)
    : zipf_(options.objects, options.zipf_alpha),
      objects_(options.objects),
      releases_(options.releases),
      release_zipf_(std::max(options.releases.per_day, 1U), options.zipf_alpha),
      release_draws_(seeds.releases),
      first_release_ms_(first_release_ms(options.start_ms)),
      sizes_bytes_(draw_sizes(static_cast<std::uint32_t>(options.objects + release_count(options)),
                              options.sizes, Random(seeds.sizes))),
      ranks_(seeds.ranks),
      clients_(seeds.clients),
      id_key_(seeds.ids),
      requests_(options.requests),
      rates_(options.hourly_rates),
      weekday_rates_(options.weekday_rates),
      end_ms_(options.start_ms + options.duration.count()),
      hour_at_ms_(options.start_ms),
      hour_end_ms_(std::min(end_ms_, (options.start_ms / kHourMs + 1) * kHourMs)) {
  double demand = 0;
  for (std::int64_t at = options.start_ms; at < end_ms_;) {
    const std::int64_t hour_end = std::min(end_ms_, (at / kHourMs + 1) * kHourMs);
    demand += rate(at) * static_cast<double>(hour_end - at);
    at = hour_end;
  }
  if (demand == 0) throw ParameterError("rate by hour: 0 in all hours that the duration spans");
  demand_step_ = demand / static_cast<double>(std::max<std::uint64_t>(1, requests_));
}

double SynthTraffic::rate(std::int64_t at_ms) const {
  // The epoch began on a Thursday.
  const auto weekday = static_cast<std::size_t>((at_ms / kDayMs + 3) % 7);
  return rates_[static_cast<std::size_t>(at_ms / kHourMs % 24)] * weekday_rates_[weekday];
}

std::int64_t SynthTraffic::next_time_ms() {
  const double demand = static_cast<double>(index_) * demand_step_;
  while (true) {
    const double here = rate(hour_at_ms_);
    const double length = static_cast<double>(hour_end_ms_ - hour_at_ms_);
    const double hour_demand = here * length;
    if (demand - demand_before_ < hour_demand) {
      const double passed = (demand - demand_before_) / here;
      return hour_at_ms_ + static_cast<std::int64_t>(std::clamp(passed, 0.0, length - 1));
    }
    if (hour_end_ms_ == end_ms_) return end_ms_ - 1;  // rounding of the demand's sum
    demand_before_ += hour_demand;
    hour_at_ms_ = hour_end_ms_;
    hour_end_ms_ = std::min(end_ms_, hour_at_ms_ + kHourMs);
  }
}

void SynthTraffic::draw_ahead() {
  for (std::uint32_t& rank : ahead_) rank = zipf_.draw(ranks_);
  for (const std::uint32_t rank : ahead_) __builtin_prefetch(&sizes_bytes_[rank]);
}

std::optional<std::uint32_t> SynthTraffic::draw_release(std::int64_t at_ms) {
  if (releases_.per_day == 0 || release_draws_.unit() >= releases_.requests_ratio) {
    return std::nullopt;
  }
  // So old is what is asked for; what would be older than the first release is none.
  const double age_ms =
      -std::log2(1 - release_draws_.unit()) * static_cast<double>(releases_.half_life.count());
  const double since_first_ms = static_cast<double>(at_ms - first_release_ms_) - age_ms;
  const std::uint32_t which = release_zipf_.draw(release_draws_);
  if (since_first_ms < 0) return std::nullopt;
  const auto day = static_cast<std::uint32_t>(since_first_ms / static_cast<double>(kDayMs));
  return objects_ + day * releases_.per_day + which;
}

SynthRequest SynthTraffic::next() {
  assert(!done());
  if (index_ % kAhead == 0) draw_ahead();
  const std::int64_t at_ms = next_time_ms();
  const std::uint32_t rank = draw_release(at_ms).value_or(ahead_[index_ % kAhead]);
  const SynthRequest result{.request = {.at_ms = at_ms,
                                        .client = draw_client(clients_),
                                        .content = id(rank),
                                        .size_bytes = sizes_bytes_[rank]},
                            .rank = rank};
  ++index_;
  return result;
}

cache::ContentId SynthTraffic::id(std::uint32_t rank) const {
  return cache::ContentId{scramble(rank, id_key_)};
}

std::string SynthTraffic::key(std::uint32_t rank) const {
  return fmt::format("/o/{:06x}/{:08x}.jpg", static_cast<std::uint64_t>(id(rank)) & 0xFF'FFFF,
                     rank);
}

SizeLaw parse_size_law(std::string_view text) {
  const auto fail = [text](std::string_view why) {
    throw ParameterError(fmt::format(
        "sizes '{}': {}: expected constant:BYTES or lognormal:MEDIAN,SIGMA, for example "
        "constant:32KiB or lognormal:32KiB,1.6",
        text, why));
  };
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  if (name != "constant" && name != "lognormal") fail("unknown law");
  if (colon == std::string_view::npos) fail("no size given");
  const std::string_view settings = text.substr(colon + 1);
  const std::size_t comma = settings.find(',');
  SizeLaw law{.median_bytes = cache::parse_bytes(settings.substr(0, comma))};
  if ((comma != std::string_view::npos) != (name == "lognormal")) {
    fail(name == "constant" ? "one number too many" : "no sigma given");
  }
  if (name == "lognormal") {
    const std::string_view sigma = settings.substr(comma + 1);
    const char* const end = sigma.data() + sigma.size();
    const auto parsed = std::from_chars(sigma.data(), end, law.sigma);
    if (parsed.ec != std::errc{} || parsed.ptr != end) fail("sigma is no number");
  }
  check_size_law(law);
  return law;
}

HourlyRates parse_hourly_rates(std::string_view text) {
  return parse_rates<HourlyRates>(text, "hour", "hours 0 to 23 UTC");
}

WeekdayRates parse_weekday_rates(std::string_view text) {
  return parse_rates<WeekdayRates>(text, "weekday", "Monday to Sunday");
}

Releases parse_releases(std::string_view text) {
  const auto fail = [text] {
    throw ParameterError(fmt::format(
        "releases '{}': expected COUNT or COUNT,PERCENT%,HALF-LIFE, for example 60,25%,30h", text));
  };
  Releases releases;
  const std::size_t comma = text.find(',');
  const std::string_view count = text.substr(0, comma);
  const char* const count_end = count.data() + count.size();
  const auto counted = std::from_chars(count.data(), count_end, releases.per_day);
  if (counted.ec != std::errc{} || counted.ptr != count_end) fail();
  if (comma != std::string_view::npos) {
    const std::string_view rest = text.substr(comma + 1);
    const std::size_t sign = rest.find("%,");
    if (sign == std::string_view::npos || !rest.ends_with('h')) fail();
    double percent = 0;
    double hours = 0;
    const auto part = std::from_chars(rest.data(), rest.data() + sign, percent);
    const char* const hours_end = rest.data() + rest.size() - 1;
    const auto life = std::from_chars(rest.data() + sign + 2, hours_end, hours);
    if (part.ec != std::errc{} || part.ptr != rest.data() + sign || life.ec != std::errc{} ||
        life.ptr != hours_end || !(hours < kHoursMax)) {
      fail();
    }
    releases.requests_ratio = percent / 100;
    releases.half_life =
        std::chrono::milliseconds(static_cast<std::int64_t>(hours * static_cast<double>(kHourMs)));
  }
  check_releases(releases);
  return releases;
}

}  // namespace edgeward::sim
