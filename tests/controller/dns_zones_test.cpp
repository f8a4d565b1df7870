#include "controller/dns/zones.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace edgeward::controller {

namespace {

const DnsOptions kOptions{.zones = {"Zone.example", "sub.zone.example"},
                          .cnames = {"video.zone.example"},
                          .name_servers = {"ns1.example.net"}};

cache::Fleet fleet() {
  cache::Fleet fleet;
  const auto add = [&](const char* name, const char* endpoint) {
    fleet.edges.push_back({.name = name, .endpoint = endpoint});
    fleet.edges.back().addresses.push_back(geo::IpAddress::v4(1));
  };
  add("fra1", "Fra1.pop.zone.example");
  add("ams1", "ams1.example.net");
  add("nrt1.www.cdn.example", "");
  return fleet;
}

std::vector<policy::Service> services() {
  std::vector<policy::Service> services;
  for (const char* name : {"default", "video.zone.example", "a.deep.zone.example",
                           "www.cdn.example", "x.sub.zone.example", "cdn.example"}) {
    services.push_back({.name = name});
  }
  return services;
}

/// "zone node": the number of the service, "edge N", "apex", "empty", "none".
std::string found(const DnsZones& zones, const char* name) {
  const DnsZones::Found at = zones.find(*dns_wire_name(name));
  if (at.zone == nullptr) return "refused";
  std::string text;
  for (std::size_t i = 0; at.zone->name[i] != 0;) {
    const std::size_t length = at.zone->name[i++];
    text.append(at.zone->name.begin() + static_cast<std::ptrdiff_t>(i),
                at.zone->name.begin() + static_cast<std::ptrdiff_t>(i + length));
    text += '.';
    i += length;
  }
  if (at.node == nullptr) return text + " none";
  if (at.node->is_apex) text += " apex";
  if (at.node->service)
    text += " service" + std::string(1, static_cast<char>('0' + *at.node->service));
  if (at.node->is_cname) text += " cname";
  if (at.node->edge != cache::kNoEdge) {
    text += " edge" + std::string(1, static_cast<char>('0' + cache::index(at.node->edge)));
  }
  return text;
}

}  // namespace

TEST_CASE("a name is found in the closest zone around it, with what there is at it") {
  const DnsZones zones(kOptions, fleet(), services());
  CHECK(found(zones, "zone.example") == "zone.example. apex");
  CHECK(found(zones, "video.zone.example") == "zone.example. service1 cname");
  CHECK(found(zones, "a.deep.zone.example") == "zone.example. service2");
  CHECK(found(zones, "deep.zone.example") == "zone.example.");
  CHECK(found(zones, "b.deep.zone.example") == "zone.example. none");
  CHECK(found(zones, "x.video.zone.example") == "zone.example. none");
  CHECK(found(zones, "pop.zone.example") == "zone.example.");
  CHECK(found(zones, "fra1.pop.zone.example") == "zone.example. edge0");
  CHECK(found(zones, "sub.zone.example") == "sub.zone.example. apex");
  CHECK(found(zones, "x.sub.zone.example") == "sub.zone.example. service4");
  CHECK(found(zones, "y.sub.zone.example") == "sub.zone.example. none");
  // Services outside of the zones are zones themselves, edges lie in those too.
  CHECK(found(zones, "www.cdn.example") == "www.cdn.example. apex service3");
  CHECK(found(zones, "cdn.example") == "cdn.example. apex service5");
  CHECK(found(zones, "nrt1.www.cdn.example") == "www.cdn.example. edge2");
  for (const char* name : {"ams1.example.net", "example", "azone.example", "default", "."}) {
    INFO(name);
    CHECK(found(zones, name) == "refused");
  }
}

TEST_CASE("the host name of an edge is its endpoint if that is one") {
  const auto has_host = [](const char* name, const char* endpoint) {
    return dns_host({.name = name, .endpoint = endpoint}).has_value();
  };
  CHECK(has_host("fra1", "fra1.example.net"));
  CHECK(has_host("fra1", "fra1.example.net."));
  CHECK(has_host("fra1.example.net", ""));
  CHECK(has_host("fra1", "1.2.3.4a"));
  CHECK_FALSE(has_host("fra1", ""));
  CHECK_FALSE(has_host("fra1", "fra2"));
  CHECK_FALSE(has_host("fra1", "fra1.example.net:8443"));
  CHECK_FALSE(has_host("fra1", "192.0.2.1"));
  CHECK_FALSE(has_host("fra1", "[2001:db8::1]"));
  CHECK_FALSE(has_host("fra1", "a..b"));
  CHECK(dns_host(fleet().edges[0]) == dns_wire_name("fra1.POP.zone.example"));
}

TEST_CASE("what cannot be answered by a CNAME is said with its reason") {
  const auto faults = [](const std::vector<std::string>& cnames, const cache::Fleet& of) {
    DnsOptions options = kOptions;
    options.cnames = cnames;
    return cname_faults(options, of, services());
  };
  using Texts = std::vector<std::string>;
  cache::Fleet with = fleet();
  CHECK(faults({"video.zone.example", "a.deep.zone.example"}, with).empty());
  CHECK(faults({"vide.zone.example"}, with) == Texts{"no service is named 'vide.zone.example'"});
  // An edge's name is no service, nor is a name between.
  CHECK(faults({"fra1.pop.zone.example"}, with).size() == 1);
  CHECK(faults({"deep.zone.example"}, with).size() == 1);
  const std::string top =
      "lies below none of 'zones'; a zone's own name has SOA and NS records, beside which there "
      "can "
      "be no CNAME";
  CHECK(faults({"www.cdn.example"}, with) == Texts{"'www.cdn.example' " + top});
  CHECK(faults({"default"}, with) == Texts{"'default' " + top});

  const auto fault_of_first = [&](const char* endpoint, bool has_address = true) {
    cache::Fleet other = fleet();
    other.edges[0].endpoint = endpoint;
    if (!has_address) other.edges[0].addresses.clear();
    return faults({"video.zone.example"}, other);
  };
  CHECK(fault_of_first("") ==
        Texts{"'video.zone.example' cannot point to edge 'fra1': its endpoint "
              "'fra1' is no host name such as fra1.example.net"});
  CHECK(fault_of_first("fra1.example.net:8443").size() == 1);
  CHECK(fault_of_first("fra1.example.net", false).empty());
  CHECK(fault_of_first("fra1.zone.example", false) ==
        Texts{"'video.zone.example' cannot point to edge 'fra1': its endpoint 'fra1.zone.example' "
              "lies in a zone that is answered here, so it needs addresses"});
  // Itself, or another service: a name that leads on, or round.
  CHECK(fault_of_first("video.zone.example").front().ends_with("is the name of another"));
  CHECK(fault_of_first("www.cdn.example").front().ends_with("is the name of another"));
  with.edges[1].endpoint = with.edges[0].endpoint;
  CHECK(faults({"video.zone.example"}, with).size() == 1);

  // Edges that never serve the service need no name.
  with = fleet();
  with.edges[0].endpoint.clear();
  with.edges[0].services = {"www.cdn.example"};
  CHECK(faults({"video.zone.example"}, with).empty());
  with.edges[0].services.clear();
  with.edges[0].is_shield = true;
  CHECK(faults({"video.zone.example"}, with).empty());
}

}  // namespace edgeward::controller
