#include "controller/dns/zones.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "controller/dns/query.hpp"

namespace edgeward::controller {

namespace {

using Bytes = std::span<const std::uint8_t>;

std::string_view text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Whether an edge may be chosen for clients of the service.
bool may_serve(const cache::Edge& edge, const std::string& service) {
  const auto& all = edge.services;
  return !edge.is_shield &&
         (all.empty() || std::find(all.begin(), all.end(), service) != all.end());
}

/// The serial and timers are those of a zone that nobody transfers (RFC 1035 §3.3.13).
std::vector<std::uint8_t> soa_data(const DnsZones::Zone& zone, std::int64_t negative_ttl_ms) {
  std::vector<std::uint8_t> data = zone.name_servers.front();
  constexpr std::string_view kMailbox{"\x0ahostmaster", 11};
  data.insert(data.end(), kMailbox.begin(), kMailbox.end());
  data.insert(data.end(), zone.name.begin(), zone.name.end());
  const auto negative_ttl_s = static_cast<std::uint32_t>((negative_ttl_ms + 999) / 1000);
  for (const std::uint32_t value : {1U, 3600U, 600U, 86'400U, negative_ttl_s}) {
    for (const int shift : {24, 16, 8, 0})
      data.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  return data;
}

}  // namespace

std::optional<DnsName> dns_wire_name(std::string_view name) {
  constexpr std::size_t kNameBytesMax = 255;
  if (name.ends_with('.')) name.remove_suffix(1);
  DnsName wire;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    if (end == 0 || end > kDnsLabelBytesMax) return std::nullopt;
    wire.push_back(static_cast<std::uint8_t>(end));
    for (const char c : name.substr(0, end)) {
      const bool is_upper = c >= 'A' && c <= 'Z';
      wire.push_back(static_cast<std::uint8_t>(is_upper ? c | 0x20 : c));
    }
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  wire.push_back(0);
  if (wire.size() > kNameBytesMax) return std::nullopt;
  return wire;
}

std::optional<DnsName> dns_host(const cache::Edge& edge) {
  std::string_view text = edge.endpoint.empty() ? edge.name : edge.endpoint;
  if (text.ends_with('.')) text.remove_suffix(1);
  const std::size_t dot = text.rfind('.');
  if (dot == std::string_view::npos || text.find_first_of(":[]") != std::string_view::npos) {
    return std::nullopt;
  }
  // No top level domain is a number (RFC 3696 §2): this is an address.
  const bool is_number = text.find_first_not_of("0123456789", dot + 1) == std::string_view::npos;
  return is_number ? std::nullopt : dns_wire_name(text);
}

DnsZones::DnsZones(const DnsOptions& options, const cache::Fleet& fleet,
                   std::span<const policy::Service> services) {
  for (const std::string& zone : options.zones) {
    if (auto name = dns_wire_name(zone)) (void)add_zone(std::move(*name), options);
  }
  for (std::size_t i = 0; i < services.size(); ++i) {
    add_service(services[i], static_cast<policy::ServiceIndex>(i), options);
  }
  for (std::size_t i = 0; i < fleet.edges.size(); ++i) {
    hosts_.push_back(dns_host(fleet.edges[i]).value_or(DnsName{}));
    const Found found = find(hosts_.back());
    if (found.zone == nullptr) continue;
    Node& node = add_node(hosts_.back(), static_cast<std::uint32_t>(found.zone - zones_.data()));
    if (node.edge == cache::kNoEdge) node.edge = cache::EdgeId{static_cast<std::uint16_t>(i)};
  }
}

std::uint32_t DnsZones::add_zone(DnsName name, const DnsOptions& options) {
  Zone zone{.name = std::move(name), .name_servers = {}, .soa = {}};
  for (const std::string& server : options.name_servers) {
    if (auto wire = dns_wire_name(server)) zone.name_servers.push_back(std::move(*wire));
  }
  if (zone.name_servers.empty()) {
    DnsName server{2, 'n', 's'};
    server.insert(server.end(), zone.name.begin(), zone.name.end());
    zone.name_servers.push_back(std::move(server));
  }
  zone.soa = soa_data(zone, options.negative_ttl_ms);
  const auto index = static_cast<std::uint32_t>(zones_.size());
  zones_.push_back(std::move(zone));
  nodes_.insert_or_assign(std::string(text_of(zones_.back().name)),
                          Node{.zone = index, .is_apex = true});
  return index;
}

DnsZones::Node& DnsZones::add_node(Bytes name, std::uint32_t zone) {
  for (Bytes rest = name; rest.size() > zones_[zone].name.size();
       rest = rest.subspan(rest.front() + 1U)) {
    nodes_.try_emplace(std::string(text_of(rest)), Node{.zone = zone});
  }
  return nodes_.find(text_of(name))->second;
}

void DnsZones::add_service(const policy::Service& service, policy::ServiceIndex index,
                           const DnsOptions& options) {
  if (service.name.find('.') == std::string::npos) return;
  const auto name = dns_wire_name(service.name);
  if (!name) return;
  const Zone* const around = find(*name).zone;
  const bool is_within = around != nullptr && around < zones_.data() + options.zones.size();
  const auto zone =
      is_within ? static_cast<std::uint32_t>(around - zones_.data()) : add_zone(*name, options);
  Node& node = add_node(*name, zone);
  node.service = index;
  node.is_cname = !node.is_apex && std::find(options.cnames.begin(), options.cnames.end(),
                                             service.name) != options.cnames.end();
}

DnsZones::Found DnsZones::find(Bytes name) const {
  const auto exact = nodes_.find(text_of(name));
  if (exact != nodes_.end()) return {&zones_[exact->second.zone], &exact->second};
  while (name.size() > 1) {
    name = name.subspan(name.front() + 1U);
    const auto above = nodes_.find(text_of(name));
    if (above != nodes_.end() && above->second.is_apex) {
      return {&zones_[above->second.zone], nullptr};
    }
  }
  return {};
}

namespace {

/// Why an edge's host name is nothing to point to; empty: it is.
std::string_view target_fault(const DnsZones& zones, const cache::Fleet& fleet,
                              const cache::Edge& edge) {
  const auto host = dns_host(edge);
  if (!host) return "is no host name such as fra1.example.net";
  const DnsZones::Found target = zones.find(*host);
  if (target.zone == nullptr) return {};
  if (target.node->service || &fleet[target.node->edge] != &edge) return "is the name of another";
  if (edge.addresses.empty()) return "lies in a zone that is answered here, so it needs addresses";
  return {};
}

}  // namespace

std::vector<std::string> cname_faults(const DnsOptions& options, const cache::Fleet& fleet,
                                      std::span<const policy::Service> services) {
  std::vector<std::string> faults;
  const DnsZones zones(options, fleet, services);
  for (const std::string& name : options.cnames) {
    const bool is_service = std::any_of(services.begin(), services.end(),
                                        [&](const auto& service) { return service.name == name; });
    const auto wire = dns_wire_name(name);
    const DnsZones::Found found = wire ? zones.find(*wire) : DnsZones::Found{};
    if (!is_service) {
      faults.push_back(fmt::format("no service is named '{}'", name));
      continue;
    }
    if (found.node == nullptr || found.node->is_apex) {
      faults.push_back(
          fmt::format("'{}' lies below none of 'zones'; a zone's own name has SOA and NS records, "
                      "beside which there can be no CNAME",
                      name));
      continue;
    }
    for (const cache::Edge& edge : fleet.edges) {
      const std::string_view fault =
          may_serve(edge, name) ? target_fault(zones, fleet, edge) : std::string_view();
      if (fault.empty()) continue;
      faults.push_back(fmt::format("'{}' cannot point to edge '{}': its endpoint '{}' {}", name,
                                   edge.name, edge.endpoint.empty() ? edge.name : edge.endpoint,
                                   fault));
    }
  }
  return faults;
}

}  // namespace edgeward::controller
