#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "geo/ip_address.hpp"
#include "geo/ip_prefix.hpp"
#include "geo/mmdb_record.hpp"

namespace edgeward::geo {

/// A geolocation database in the MaxMind DB format 2.0: city, country or ASN.
///
/// The file is mapped, and every byte of it is mistrusted: what the format does not allow is an
/// error that names the file. Replace a file that is in use by renaming another over it; one that
/// is truncated in place ends the process, as with any mapping. A copy is safe from that.
///
/// Immutable, so threads may share it. find costs 1 to 2 µs, the record included, in a city
/// database that is not in the processor's cache.
///
///     auto database = Mmdb::open("city.mmdb");
///     if (!database) throw std::runtime_error(database.error());
///     const auto found = database->find(*IpAddress::parse("81.2.69.142"));
class Mmdb {
 public:
  using Record = MmdbRecord;

  struct Found {
    Record record;
    IpPrefix network;  ///< around the address, all of which has this record
  };

  /// A network with data, and where its record begins: the same for networks that share it.
  struct Network {
    IpPrefix prefix;
    std::uint32_t offset = 0;
  };

  [[nodiscard]] static tl::expected<Mmdb, std::string> open(const std::string& path);
  /// The same of a copy in memory, for a service that lives longer than its files: 50 ms for 130
  /// MB.
  [[nodiscard]] static tl::expected<Mmdb, std::string> open_copy(const std::string& path);
  Mmdb(Mmdb&&) noexcept;
  Mmdb& operator=(Mmdb&&) noexcept;
  ~Mmdb();

  /// What is known of an address; nothing where the file has no record for it, as for IPv6 in an
  /// IPv4 file. In an IPv6 file IPv4 is found at ::/96, where the format keeps it; an IPv6 address
  /// within ::/96, like ::1, is therefore nowhere.
  [[nodiscard]] tl::expected<std::optional<Found>, std::string> find(
      const IpAddress& address) const;

  /// Calls `visitor` once for every network with data, in the order of addresses; they do not
  /// overlap. IPv4 is visited once, at ::ffff:0:0/96: other places where an IPv6 tree repeats it
  /// (2002::/16, Teredo) are passed over. An error, after some visits perhaps, where the tree is
  /// broken; a tree that loops ends so too. 8 million nodes take about 0.1 s.
  [[nodiscard]] tl::expected<void, std::string> visit(
      const std::function<void(const Network&)>& visitor) const;

  /// The record at a visited network's offset; about 0.7 µs.
  [[nodiscard]] tl::expected<Record, std::string> read(std::uint32_t offset) const;

  [[nodiscard]] const std::string& path() const;
  [[nodiscard]] unsigned ip_version() const;         ///< 4 or 6
  [[nodiscard]] std::uint32_t node_count() const;    ///< of the search tree
  [[nodiscard]] std::string_view type() const;       ///< what the file calls itself
  [[nodiscard]] std::uint64_t build_time_s() const;  ///< Unix time, as the file says

 private:
  /// `name` is what errors call it.
  [[nodiscard]] static tl::expected<Mmdb, std::string> open_at(const std::string& path,
                                                               const std::string& name);
  struct File;
  explicit Mmdb(std::unique_ptr<File> file);

  std::unique_ptr<File> file_;
};

}  // namespace edgeward::geo
