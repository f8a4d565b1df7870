#include "geo/rtt_observations.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "geo/rtt_model.hpp"

namespace edgeward::geo {

namespace {

constexpr unsigned kWidestV4 = kV4LengthOffset + 16;
constexpr unsigned kWidestV6 = 32;

struct PrefixHash {
  std::size_t operator()(const IpPrefix& prefix) const {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    std::memcpy(&high, prefix.address.bytes.data(), sizeof high);
    std::memcpy(&low, prefix.address.bytes.data() + sizeof high, sizeof low);
    // SplitMix64's finaliser (Steele, Lea, Flood 2014) over both halves.
    std::uint64_t z = (high * 0x9E3779B97F4A7C15 + low) ^ (std::uint64_t{prefix.length} << 56);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return static_cast<std::size_t>(z ^ (z >> 31));
  }
};

}  // namespace

struct RttObservations::ClientCounts {
  std::unordered_map<IpPrefix, std::uint16_t, PrefixHash> of;
};

std::string_view name(RttRejection rejection) {
  switch (rejection) {
    case RttRejection::bad_rtt:
      return "bad_rtt";
    case RttRejection::bad_location:
      return "bad_location";
    case RttRejection::unknown_site:
      return "unknown_site";
    case RttRejection::wide_prefix:
      return "wide_prefix";
    case RttRejection::faster_than_light:
      return "faster_than_light";
    case RttRejection::client_full:
      return "client_full";
    case RttRejection::full:
      return "full";
  }
  return "";
}

IpPrefix client_block(const IpPrefix& prefix) {
  const unsigned longest = prefix.address.is_v4() ? kClientLengthV4 : kClientLengthV6;
  return IpPrefix::around(prefix.address, std::min(prefix.length, longest));
}

RttObservations::RttObservations(std::vector<GeoPoint> sites)
    : sites_(std::move(sites)), counts_(std::make_unique<ClientCounts>()) {
  assert(sites_.size() <= kRttSitesMax);
}

RttObservations::~RttObservations() = default;
RttObservations::RttObservations(RttObservations&&) noexcept = default;
RttObservations& RttObservations::operator=(RttObservations&&) noexcept = default;

std::optional<RttRejection> RttObservations::add(const RttObservation& observation) {
  const auto reject = [&](RttRejection rejection) {
    ++rejected_[static_cast<std::size_t>(rejection)];
    return rejection;
  };
  if (!(observation.rtt_ms > 0 && observation.rtt_ms <= kRttMsMax)) {
    return reject(RttRejection::bad_rtt);
  }
  if (!is_valid(observation.client_at)) return reject(RttRejection::bad_location);
  if (observation.site >= sites_.size()) return reject(RttRejection::unknown_site);
  const IpPrefix& client = observation.client;
  if (client.length < (client.address.is_v4() ? kWidestV4 : kWidestV6)) {
    return reject(RttRejection::wide_prefix);
  }
  const double km = distance_km(observation.client_at, sites_[observation.site]);
  if (observation.rtt_ms < light_rtt_ms(km - kLocationSlackKm)) {
    return reject(RttRejection::faster_than_light);
  }
  if (accepted_.size() >= kObservationsMax) return reject(RttRejection::full);
  const IpPrefix block = client_block(client);
  std::uint16_t& count = counts_->of[block];
  if (count >= kPerClientMax) return reject(RttRejection::client_full);
  ++count;
  RttObservation taken = observation;
  taken.client = block;
  taken.rtt_ms = std::max(taken.rtt_ms, light_rtt_ms(km));
  accepted_.push_back(taken);
  return std::nullopt;
}

}  // namespace edgeward::geo
