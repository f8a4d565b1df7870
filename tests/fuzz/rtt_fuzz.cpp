// Files of measured pairs and of observations. The first byte picks which, the rest is the file.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <string_view>
#include <vector>

#include "geo/rtt_corrections.hpp"
#include "sim/rtt_lines.hpp"
#include "sim/rtt_pairs.hpp"
#include "tests/fuzz/require.hpp"

namespace {

using namespace edgeward;
using fuzz::require;

/// The fuzzer's bytes, a few at a time.
class Bytes final : public sim::ByteSource {
 public:
  explicit Bytes(std::string_view bytes) : rest_(bytes) {}
  std::size_t read(std::span<char> buffer) override {
    const std::size_t size = std::min({buffer.size(), rest_.size(), std::size_t{61}});
    std::memcpy(buffer.data(), rest_.data(), size);
    rest_.remove_prefix(size);
    return size;
  }
  [[nodiscard]] double fraction_read() const override { return 0; }

 private:
  std::string_view rest_;
};

void read_pairs(std::string_view text) {
  Bytes source(text);
  const sim::RttPairs pairs = sim::read_rtt_pairs(source, "fuzz");
  require(!pairs.pairs.empty(), "there is a pair");
  std::vector<geo::RttSample> samples;
  for (const sim::RttPair& pair : pairs.pairs) {
    require(pair.a != pair.b, "a pair has two cities");
    require(std::max(pair.a, pair.b) < pairs.cities.size(), "which are there");
    require(pair.km >= 0 && pair.km <= geo::kDistanceKmMax * 1.0001, "its distance is on Earth");
    require(std::isfinite(pair.rtt_ms), "its time is a number");
    require(pair.is_suspect || (pair.rtt_ms > 0 && pair.rtt_ms <= geo::kRttMsMax),
            "its time is in range");
    samples.push_back({.km = pair.km, .rtt_ms = pair.rtt_ms});
  }
  for (const sim::City& city : pairs.cities) {
    require(geo::is_valid(city.point) && !city.name.empty(), "a city is somewhere");
  }
  const auto faults = std::accumulate(pairs.faults.begin(), pairs.faults.end(), std::uint64_t{0});
  require(pairs.first_bad.size() == std::min<std::uint64_t>(faults, sim::RttPairs::kBadRowsShown),
          "bad rows are shown");
  const geo::RttModel model = geo::RttModel::fit(samples);
  for (double km = 0; km < 20'000; km += 1000) {
    const double rtt_ms = model.estimate_ms(km);
    require(std::isfinite(rtt_ms) && rtt_ms >= geo::light_rtt_ms(km) - 1e-9, "light is faster");
  }
}

void read_observations(std::string_view text) {
  std::vector<geo::GeoPoint> sites{{.lat_deg = 50, .lon_deg = 8}, {.lat_deg = 35, .lon_deg = 140}};
  geo::RttObservations observations(sites);
  // Edges are "0" and "1"; a client is where the last byte of its block says.
  const sim::RttLookUp look_up{
      .site = [](std::string_view edge) -> std::optional<std::uint16_t> {
        if (edge != "0" && edge != "1") return std::nullopt;
        return static_cast<std::uint16_t>(edge[0] - '0');
      },
      .location = [](const geo::IpPrefix& client) -> std::optional<geo::GeoPoint> {
        const double byte = client.address.bytes[14];
        if (byte == 255) return std::nullopt;
        return geo::GeoPoint{.lat_deg = byte / 3, .lon_deg = byte / 2};
      }};
  Bytes source(text);
  const sim::RttReading reading = sim::read_rtt_observations(source, "fuzz", look_up, observations);
  const auto sum = [](const auto& counts) {
    return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  };
  require(reading.lines == reading.accepted + sum(reading.faults) + sum(reading.rejected),
          "lines add up");
  require(reading.accepted == observations.accepted().size(), "the accepted are held");
  const auto corrections = geo::RttCorrections::build({}, observations);
  for (std::uint32_t i = 0; i < corrections.prefixes().size(); ++i) {
    require(corrections.find(corrections.prefixes()[i]) == i, "a client is found");
    for (std::uint16_t site = 0; site < 3; ++site) {
      const double rtt_ms = corrections.estimate_ms({}, i, site, 5000);
      require(rtt_ms >= geo::light_rtt_ms(5000) && rtt_ms <= geo::kRttMsMax, "an estimate is sane");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    (data[0] % 2 == 0 ? read_pairs : read_observations)(text);
  } catch (const sim::InputError&) {
    return 0;  // told, with the file's name
  }
  return 0;
}
