#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "geo/ip_prefix.hpp"
#include "geo/point.hpp"

namespace edgeward::geo {

/// A round trip that somebody measured between a client and a site (an edge, by its index).
struct RttObservation {
  IpPrefix client;     ///< a block of at least /24 or /48: no single client is remembered
  GeoPoint client_at;  ///< where it is located
  std::uint16_t site = 0;
  double rtt_ms = 0;

  bool operator==(const RttObservation&) const = default;
};

/// Sites that observations may speak of: more than the largest fleet that is planned for.
inline constexpr std::size_t kRttSitesMax = 1024;
/// IPv4 and IPv6 blocks that count as one client; longer prefixes are widened to them.
inline constexpr unsigned kClientLengthV4 = kV4LengthOffset + 24;
inline constexpr unsigned kClientLengthV6 = 48;

/// Why an observation was not taken.
enum class RttRejection : std::uint8_t {
  bad_rtt,            ///< not finite, not positive, or above kRttMsMax
  bad_location,       ///< the client's point is no point on Earth
  unknown_site,       ///< beyond the sites given
  wide_prefix,        ///< a client prefix shorter than /16 or /32: too many to be one place
  faster_than_light,  ///< below light in fibre: a lie, or a client that is not where it is located
  client_full,        ///< this client has told kPerClientMax already
  full,               ///< kObservationsMax are held
};
inline constexpr std::size_t kRttRejections = 7;
[[nodiscard]] std::string_view name(RttRejection rejection);

/// What may be believed of the observations that come in: each is checked, its client widened to a
/// block, and what is refused is counted by reason. Ageing is the caller's: he builds a new one
/// from what is recent. Not thread-safe. Memory: at most 128 MiB.
class RttObservations {
 public:
  static constexpr std::size_t kObservationsMax = std::size_t{1} << 20;
  /// One client may not crowd out the others.
  static constexpr std::size_t kPerClientMax = 256;
  /// City databases and the great circle are that exact: so much nearer may a client be than it
  /// is located, before its time counts as faster than light.
  static constexpr double kLocationSlackKm = 50;

  explicit RttObservations(std::vector<GeoPoint> sites);
  ~RttObservations();
  RttObservations(RttObservations&&) noexcept;
  RttObservations& operator=(RttObservations&&) noexcept;

  /// Nothing if it was taken, else why not.
  std::optional<RttRejection> add(const RttObservation& observation);

  [[nodiscard]] std::span<const RttObservation> accepted() const { return accepted_; }
  [[nodiscard]] std::span<const GeoPoint> sites() const { return sites_; }
  [[nodiscard]] std::uint64_t rejected(RttRejection rejection) const {
    return rejected_[static_cast<std::size_t>(rejection)];
  }

 private:
  struct ClientCounts;

  std::vector<GeoPoint> sites_;
  std::vector<RttObservation> accepted_;
  std::array<std::uint64_t, kRttRejections> rejected_{};
  std::unique_ptr<ClientCounts> counts_;  ///< how many were taken of each client
};

/// The block that counts as one client: the prefix itself, widened if it is longer than that.
[[nodiscard]] IpPrefix client_block(const IpPrefix& prefix);

}  // namespace edgeward::geo
