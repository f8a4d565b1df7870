#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/edge.hpp"
#include "controller/dns/options.hpp"
#include "policy/routing_options.hpp"

namespace edgeward::controller {

/// A name in wire form (RFC 1035 §3.1), in lower case.
using DnsName = std::vector<std::uint8_t>;

/// Of a host name; nothing if it is none.
[[nodiscard]] std::optional<DnsName> dns_wire_name(std::string_view name);
/// Where a CNAME can point to for an edge: its endpoint, if that is a host name of two labels at
/// least and neither an address nor with a port.
[[nodiscard]] std::optional<DnsName> dns_host(const cache::Edge& edge);

/// The names that are answered for, as one look-up finds them. A zone of the options holds the
/// services whose names lie in it; every other service whose name has a dot is a zone of its own.
/// Host names of edges that lie in a zone are names of it, with the edge's addresses. Compiled once
/// a fleet; immutable then.
class DnsZones {
 public:
  struct Zone {
    DnsName name;
    std::vector<DnsName> name_servers;
    std::vector<std::uint8_t> soa;  ///< data of its SOA record
  };
  /// What there is at a name, beside what an apex has; nothing: there are names below it alone.
  struct Node {
    std::uint32_t zone = 0;
    bool is_apex = false;
    bool is_cname = false;  ///< the service is answered by the name of an edge
    std::optional<policy::ServiceIndex> service;
    cache::EdgeId edge = cache::kNoEdge;
  };
  struct Found {
    const Zone* zone = nullptr;  ///< the closest around the name; none: it is not ours
    const Node* node = nullptr;  ///< none: there is no such name
  };

  DnsZones() = default;
  DnsZones(const DnsOptions& options, const cache::Fleet& fleet,
           std::span<const policy::Service> services);

  /// Of a name in wire form and lower case.
  [[nodiscard]] Found find(std::span<const std::uint8_t> name) const;
  /// By edge: dns_host, empty where there is none.
  [[nodiscard]] const DnsName& host(cache::EdgeId edge) const { return hosts_[cache::index(edge)]; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>()(text);
    }
  };

  std::uint32_t add_zone(DnsName name, const DnsOptions& options);
  /// With all names between it and the apex.
  Node& add_node(std::span<const std::uint8_t> name, std::uint32_t zone);
  void add_service(const policy::Service& service, policy::ServiceIndex index,
                   const DnsOptions& options);

  std::vector<Zone> zones_;
  std::unordered_map<std::string, Node, Hash, std::equal_to<>> nodes_;
  std::vector<DnsName> hosts_;
};

/// What keeps services that the options want to be answered by CNAME from being so.
[[nodiscard]] std::vector<std::string> cname_faults(const DnsOptions& options,
                                                    const cache::Fleet& fleet,
                                                    std::span<const policy::Service> services);

}  // namespace edgeward::controller
