#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "controller/dns/cookie.hpp"
#include "controller/dns/options.hpp"
#include "controller/dns/query.hpp"
#include "controller/dns/rate_limiter.hpp"
#include "controller/dns/zones.hpp"
#include "geo/ip_address.hpp"
#include "policy/router.hpp"

namespace edgeward::controller {

/// What became of an answer to a network that has had its share; the spelling of metrics.
enum class DnsLimited : std::uint8_t {
  no,
  dropped,
  truncated,   ///< nothing but the wish to be asked over TCP …
  bad_cookie,  ///< … or, to who takes cookies, with the one that is given here
};
inline constexpr std::size_t kDnsLimitedCount = 4;
[[nodiscard]] std::string_view name(DnsLimited limited);

/// What a query led to, for the counts.
struct DnsOutcome {
  DnsCode code = DnsCode::noerror;
  DnsLimited limited = DnsLimited::no;
  /// The decision and what was decided on; nothing where the answer needed none.
  std::optional<policy::Decision> decision;
  policy::Request request;
  policy::Client client;
};

/// Answers for the names of DnsZones: SOA, NS, and the addresses or the name of the edges that
/// should serve the client. Everything else is REFUSED. Pure but for its buffer; one a worker.
///
/// The scope of an answer that used a client subnet is the widest block around it of which every
/// address gets the same answer by the snapshot: that of its cell, and no wider than /24 (/48)
/// while admit shares or random choice tell neighbours apart.
class DnsAnswerer {
 public:
  /// Without secrets, cookies are passed over.
  explicit DnsAnswerer(DnsOptions options, std::vector<DnsCookies::Secret> cookie_secrets = {})
      : options_(std::move(options)),
        cookies_(std::move(cookie_secrets)),
        limiter_(options_.rate_limit) {}

  /// By which snapshot to answer from now on.
  void install(std::shared_ptr<const policy::Snapshot> snapshot);

  /// What there is to answer: a message, and the resolver that sent it.
  struct Item {
    std::span<const std::uint8_t> message;
    geo::IpAddress peer;  ///< as it stands in the packet
  };
  static constexpr std::size_t kItemsMax = 64;

  /// Appends the answers to `out`, in the order of the items, of which there are kItemsMax at most;
  /// ends[i] is where that of item i ends, which is where it begins if none is due. Returns what
  /// they led to, valid until the next call. Over UDP an answer is never longer than the client
  /// takes, and a network gets no more than the options allow; who shows a cookie of ours does.
  /// Many at once cost less each than one by one: they wait for memory together.
  std::span<const DnsOutcome> answer(std::span<const Item> items, std::int64_t now_ms, bool is_udp,
                                     std::vector<std::uint8_t>& out, std::span<std::size_t> ends);

 private:
  class Writer;

  /// A query on its way to its answer.
  struct Pending {
    std::optional<DnsQuery> query;
    DnsZones::Found name;
    bool needs_edge = false;
    std::optional<DnsCookie::Server> cookie;  ///< to answer with
    DnsOutcome outcome;
  };

  void prepare(const Item& item, std::int64_t now_ms, bool is_udp, Pending& pending);
  /// Whether the client has a cookie of ours.
  bool check_cookie(const Item& item, std::int64_t now_ms, Pending& pending) const;
  void find_name(const Item& item, std::int64_t now_ms, Pending& pending) const;
  void locate(std::span<Pending> batch);
  void write(Pending& pending, bool is_udp, std::vector<std::uint8_t>& out) const;
  void write_records(Pending& pending, Writer& writer) const;
  void write_edges(const policy::Decision& decision, DnsType type, Writer& writer) const;
  /// False if the edge has none of the family.
  bool write_addresses(const cache::Edge& edge, DnsType type, std::size_t owner_at,
                       Writer& writer) const;
  void write_cname(Pending& pending, Writer& writer) const;
  void write_zone(const DnsQuery& query, const DnsZones::Found& name, Writer& writer) const;
  [[nodiscard]] unsigned scope_bits(const ClientSubnet& subnet) const;

  DnsOptions options_;
  DnsCookies cookies_;
  DnsRateLimiter limiter_;
  std::shared_ptr<const policy::Snapshot> snapshot_;
  DnsZones zones_;
  std::vector<geo::IpAddress> clients_;  ///< of a batch
  std::vector<Pending> pending_ = std::vector<Pending>(kItemsMax);
  std::vector<DnsOutcome> outcomes_;
};

}  // namespace edgeward::controller
