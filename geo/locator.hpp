#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "geo/country_centres.hpp"
#include "geo/ip_prefix.hpp"
#include "geo/location.hpp"
#include "geo/mmdb.hpp"
#include "geo/prefix_map.hpp"
#include "geo/prefix_overrides.hpp"

namespace edgeward::geo {

/// What is known of an address, and from where.
struct Located {
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  /// Something that a database could not answer.
  struct Fault {
    std::size_t database = 0;
    std::string message;  ///< names the file
  };

  /// Its source is none where nothing is known of the place; country and ASN may still be.
  Location location;
  std::string city;
  /// The block for which the deciding override or database said it; the address alone where
  /// neither did.
  IpPrefix network;
  std::size_t override_entry = kNone;  ///< of PrefixOverrides::entries: the longest that holds it
  std::size_t database = kNone;        ///< of Locator::Parts::databases: it gave the place
  /// For the caller to count by file; the answer is what the others know.
  std::vector<Fault> faults;
};

/// Says where a client is. Asked in this order: the operator's overrides (the longest prefix); the
/// databases as given, of which the first that knows a point decides, the others filling in what it
/// leaves open, so that a city and an ASN database, or one for each address family, stand side by
/// side; the centre of the country, if that is all the databases know; the fallback.
///
/// IPv4 inside IPv6 is unwrapped first (IpAddress::unwrapped). Immutable, so threads may share it.
/// Cost: a look-up in the override map and one in each database, less than 2 µs together; for
/// routing, compile instead.
class Locator {
 public:
  struct Parts {
    PrefixOverrides overrides;
    std::vector<Mmdb> databases;
    CountryCentres centres;
    std::optional<GeoPoint> fallback;
  };

  explicit Locator(Parts parts);

  [[nodiscard]] Located locate(const IpAddress& address) const;

  [[nodiscard]] const PrefixOverrides& overrides() const { return parts_.overrides; }
  [[nodiscard]] const std::vector<Mmdb>& databases() const { return parts_.databases; }

 private:
  void ask_overrides(const IpAddress& address, Located& located) const;
  void ask_database(std::size_t database, const IpAddress& address, Located& located) const;

  Parts parts_;
  PrefixMap map_;
};

}  // namespace edgeward::geo
