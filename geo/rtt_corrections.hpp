#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "geo/ip_prefix.hpp"
#include "geo/point.hpp"
#include "geo/rtt_field.hpp"
#include "geo/rtt_model.hpp"
#include "geo/rtt_observations.hpp"

namespace edgeward::geo {

/// Round-trip times from every client to every site: the distance model, corrected by what was
/// measured. Without observations it is the model. Immutable, deterministic in (model,
/// observations); no estimate is below light in fibre.
///
///   estimate = model(km) + field(place of the client, site) + the client's own height + the
///              client's own correction for that site
///
/// A place is a group of clients near each other (cells of a quarter degree, doubled until there
/// are at most kRttPlacesMax). A place's time to a site is the median over its clients, each of
/// which counts once however often it measured: half of them must lie to move it. One client's
/// word moves the field as far as its neighbourhood agrees (RttField), and its own estimates by
/// n/(n+1) of what n measurements say beyond that, less where they are far out and fewer than
/// kQuorum. So a liar harms mostly himself.
class RttCorrections {
 public:
  /// Measurements of one client to one site after which it is believed whatever others say.
  static constexpr std::size_t kQuorum = 3;
  /// Clients of one place beyond which its median does not become more certain.
  static constexpr std::size_t kCrowd = 8;

  /// A client's correction for one site.
  struct OwnSite {
    std::uint16_t site = 0;
    float correction_ms = 0;
  };

  /// One client's view of all sites: made once, asked for many sites. Lives no longer than the
  /// corrections it was made from.
  class Client {
   public:
    /// About 20 ns. km is the distance from the client to the site.
    [[nodiscard]] double estimate_ms(std::uint16_t site, double km) const noexcept;

   private:
    friend class RttCorrections;
    Client() = default;

    const RttCorrections* all_ = nullptr;
    RttField::Anchor anchor_;
    double height_ms_ = 0;
    std::span<const OwnSite> own_;
  };

  RttCorrections() = default;
  explicit RttCorrections(const RttModel& model) : model_(model) {}
  /// Cost: sorting the observations, and RttField::fit: 0.1 s for ten thousand observations, some
  /// ten seconds for the most there can be.
  [[nodiscard]] static RttCorrections build(const RttModel& model,
                                            const RttObservations& observations);

  /// A client known by its block is what was measured of it; `client_at` then says nothing. One
  /// that is not, nullopt, is what its neighbourhood is (3 µs).
  [[nodiscard]] Client client(const GeoPoint& client_at,
                              std::optional<std::uint32_t> known = std::nullopt) const;
  /// For a single question; for many sites ask client() once.
  [[nodiscard]] double estimate_ms(const GeoPoint& client_at, std::optional<std::uint32_t> known,
                                   std::uint16_t site, double km) const noexcept {
    return client(client_at, known).estimate_ms(site, km);
  }

  /// The number of the client whose block holds this one: the longest that was measured, of the
  /// same address family; nothing if there is none.
  [[nodiscard]] std::optional<std::uint32_t> find(const IpPrefix& prefix) const;
  /// Blocks with measurements of their own, by address and length; the number is the position.
  [[nodiscard]] std::span<const IpPrefix> prefixes() const { return prefixes_; }
  [[nodiscard]] std::span<const GeoPoint> places() const { return field_.places(); }
  [[nodiscard]] const RttModel& model() const { return model_; }

 private:
  struct Own {
    std::uint16_t place = 0;
    float height_ms = 0;
    std::uint32_t first_site = 0;  ///< into own_sites_, up to the next one's
  };

  RttModel model_;
  RttField field_;
  std::vector<IpPrefix> prefixes_;  ///< sorted
  std::vector<unsigned> lengths_;   ///< that prefixes_ have, longest first
  std::vector<Own> own_;            ///< one a prefix, and one past the last
  std::vector<OwnSite> own_sites_;  ///< by prefix, then site
};

}  // namespace edgeward::geo
