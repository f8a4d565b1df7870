#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cache/random.hpp"
#include "controller/dns/answerer.hpp"
#include "tests/controller/dns_support.hpp"
#include "tests/policy/worlds.hpp"

namespace edgeward::controller {

namespace {

/// An address in network order, compared as a number.
using Address = std::array<std::uint8_t, 16>;

bool agree(const Address& a, const Address& b, unsigned bits) {
  for (unsigned bit = 0; bit < bits; ++bit) {
    if (((a[bit / 8] ^ b[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  }
  return true;
}
/// The lowest or the highest address that agrees in so many bits.
Address end_of(Address address, unsigned bits, bool is_high) {
  for (unsigned bit = bits; bit < 128; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80 >> bit % 8);
    address[bit / 8] =
        static_cast<std::uint8_t>(is_high ? address[bit / 8] | mask : address[bit / 8] & ~mask);
  }
  return address;
}
/// The next address, or the one before; around at the ends.
Address next_to(Address address, bool is_after) {
  for (std::size_t i = 16; i-- > 0;) {
    address[i] = static_cast<std::uint8_t>(address[i] + (is_after ? 1 : 255));
    if (address[i] != (is_after ? 0 : 255)) break;
  }
  return address;
}

/// Where addresses lie, by trying every prefix: what AddressMap compiles.
class Places {
 public:
  explicit Places(const policy::World& world) {
    for (std::size_t i = 0; i < world.places.size(); ++i) {
      prefixes_.push_back({policy::World::client(i).bytes, 120});
    }
    bases_ = prefixes_.size();
    for (const auto& entry : world.overrides.entries) {
      prefixes_.push_back({entry.prefix.address.bytes, entry.prefix.length});
    }
  }

  /// The number of the prefix that decides: an override goes before the database, a longer one
  /// before a shorter, of equals the last.
  [[nodiscard]] std::optional<std::size_t> place(const Address& address) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
      if (!agree(prefixes_[i].address, address, prefixes_[i].bits)) continue;
      const bool is_first_override = best && *best < bases_ && i >= bases_;
      if (!best || is_first_override || prefixes_[i].bits >= prefixes_[*best].bits) best = i;
    }
    return best;
  }
  /// Whether all addresses that agree in so many bits lie in one place: it is enough to look where
  /// a prefix begins or ends.
  [[nodiscard]] bool is_one_place(const Address& address, unsigned bits) const {
    const auto expected = place(address);
    const auto differs = [&](const Address& other) {
      return agree(other, address, bits) && place(other) != expected;
    };
    if (differs(end_of(address, bits, false)) || differs(end_of(address, bits, true))) return false;
    for (const Prefix& prefix : prefixes_) {
      const Address low = end_of(prefix.address, prefix.bits, false);
      const Address high = end_of(prefix.address, prefix.bits, true);
      if (differs(low) || differs(high) || differs(next_to(low, false)) ||
          differs(next_to(high, true))) {
        return false;
      }
    }
    return true;
  }
  /// The fewest bits of which that holds.
  [[nodiscard]] unsigned widest(const Address& address) const {
    unsigned low = 0;
    unsigned high = 128;
    while (low < high) {
      const unsigned middle = (low + high) / 2;
      if (is_one_place(address, middle)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }
  /// Whether an override that is longer than /64 lies in the same /64.
  [[nodiscard]] bool is_deep(const Address& address) const {
    return std::any_of(prefixes_.begin(), prefixes_.end(), [&](const Prefix& prefix) {
      return prefix.bits > 64 && agree(prefix.address, address, 64);
    });
  }

 private:
  struct Prefix {
    Address address{};
    unsigned bits = 0;
  };
  std::vector<Prefix> prefixes_;
  std::size_t bases_ = 0;
};

constexpr std::size_t kEdges = 20;

/// Blocks within blocks, of both families, at places of their own; some with edges of their own.
policy::World scattered(cache::Random& random) {
  policy::World world = policy::World::random(random, kEdges, 40);
  for (std::size_t i = 0; i < kEdges; ++i) {
    world.fleet->edges[i].addresses = {geo::IpAddress::v4(static_cast<std::uint32_t>(i + 1))};
  }
  world.options.services = {policy::Service{.name = "www.cdn.example"}};
  world.overrides.zones = {{"e1", "e4", "e7"}};
  for (std::size_t i = 0; i < 60; ++i) {
    const bool is_v4 = i % 2 == 0;
    geo::IpAddress address = geo::IpAddress::v4(static_cast<std::uint32_t>(random.next()));
    if (!is_v4) {
      for (auto& byte : address.bytes) byte = static_cast<std::uint8_t>(random.next());
      address.bytes[0] = 0x20;
      address.bytes[1] = 0x0F;
    }
    const auto bits =
        static_cast<unsigned>(is_v4 ? 96 + 4 + random.below(28) : 16 + random.below(112));
    world.overrides.entries.push_back({.prefix = geo::IpPrefix::around(address, bits),
                                       .location = {.point = policy::random_point(random),
                                                    .source = geo::LocationSource::override},
                                       .zone = i % 5 == 0 ? 0 : geo::PrefixOverrides::kNoZone});
  }
  return world;
}

std::shared_ptr<const policy::AdmitShares> random_shares(cache::Random& random,
                                                         const policy::World& world) {
  auto shares = std::make_shared<policy::AdmitShares>(world.map()->areas(), kEdges);
  for (std::uint16_t area = 0; area < shares->areas(); ++area) {
    for (std::size_t e = 0; e < kEdges; ++e) shares->set(area, policy::edge_id(e), random.unit());
  }
  return shares;
}

/// An address in one of the blocks, or near one.
geo::IpAddress near_block(cache::Random& random, const policy::World& world, std::size_t i) {
  geo::IpAddress address =
      world.overrides.entries[i % world.overrides.entries.size()].prefix.address;
  for (std::size_t at = address.is_v4() ? 14 : 8; at < 16; ++at) {
    if (random.below(4) == 0) address.bytes[at] = static_cast<std::uint8_t>(random.next());
  }
  return address;
}

/// Asks for a client alone: /32 or /128. An IPv4 address can be written in either family.
Answer ask_for(Asked& dns, const geo::IpAddress& client, bool as_v4) {
  const Message bytes(client.bytes.begin() + (as_v4 ? 12 : 0), client.bytes.end());
  const Answer answer =
      dns.ask({.has_edns = true, .option = subnet_option(as_v4 ? 1 : 2, as_v4 ? 32 : 128, bytes)});
  REQUIRE(answer.scope >= 0);
  REQUIRE(answer.scope <= (as_v4 ? 32 : 128));
  return answer;
}

/// Another address with the same first bits: the lowest, the highest, or any.
geo::IpAddress neighbour(cache::Random& random, const geo::IpAddress& address, unsigned bits,
                         int kind) {
  if (kind < 2) return {.bytes = end_of(address.bytes, bits, kind == 1)};
  geo::IpAddress other;
  for (auto& byte : other.bytes) byte = static_cast<std::uint8_t>(random.next());
  const geo::IpAddress low{.bytes = end_of(address.bytes, bits, false)};
  const geo::IpAddress mask{.bytes = end_of({}, bits, true)};
  for (std::size_t i = 0; i < 16; ++i) {
    other.bytes[i] = static_cast<std::uint8_t>(low.bytes[i] | (other.bytes[i] & mask.bytes[i]));
  }
  return other;
}

}  // namespace

TEST_CASE("every address within a scope gets the answer that it was given for") {
  constexpr std::uint64_t kSeed = 5;
  cache::Random random(kSeed);
  INFO("seed " << kSeed);
  for (const policy::Scoring scoring :
       {policy::Scoring::weighted, policy::Scoring::nearest, policy::Scoring::random}) {
    for (const bool has_shares : {false, true}) {
      policy::World world = scattered(random);
      world.options.scoring = scoring;
      if (has_shares) world.shares = random_shares(random, world);
      Asked dns(world);
      std::set<int> scopes;
      for (std::size_t i = 0; i < 400; ++i) {
        const geo::IpAddress address = near_block(random, world, i);
        const bool as_v4 = address.is_v4() && i % 7 != 0;
        const Answer given = ask_for(dns, address, as_v4);
        scopes.insert(given.scope);
        const auto bits = static_cast<unsigned>(given.scope) + (as_v4 ? geo::kV4LengthOffset : 0);
        for (int kind = 0; kind < 40; ++kind) {
          const Answer same = ask_for(dns, neighbour(random, address, bits, kind), as_v4);
          INFO(policy::name(scoring) << " " << address.text() << "/" << given.scope);
          REQUIRE(same.records == given.records);
        }
      }
      CHECK(scopes.size() > 4);
    }
  }
}

TEST_CASE("a scope is as wide as the place of the client allows") {
  constexpr std::uint64_t kSeed = 11;
  cache::Random random(kSeed);
  INFO("seed " << kSeed);
  int wider = 0;
  int other_answers = 0;
  for (const bool has_shares : {false, true}) {
    policy::World world = scattered(random);
    if (has_shares) world.shares = random_shares(random, world);
    const Places places(world);
    Asked dns(world);
    for (std::size_t i = 0; i < 120; ++i) {
      const geo::IpAddress address = near_block(random, world, i);
      const bool as_v4 = address.is_v4();
      unsigned bits = places.widest(address.bytes);
      REQUIRE(places.is_one_place(address.bytes, bits));
      // Shares tell apart by /24 and /48. The compiled map ends at /64, and says of what lies
      // deeper that it holds for itself alone.
      if (has_shares) bits = std::max(bits, as_v4 ? geo::kV4LengthOffset + 24 : 48U);
      if (!as_v4 && places.is_deep(address.bytes)) bits = 128;
      if (as_v4) bits = std::max(bits, geo::kV4LengthOffset);
      const Answer given = ask_for(dns, address, as_v4);
      INFO(address.text());
      CHECK(static_cast<unsigned>(given.scope) + (as_v4 ? geo::kV4LengthOffset : 0) == bits);
      if (has_shares || bits <= (as_v4 ? geo::kV4LengthOffset : 0) || bits == 128) continue;
      ++wider;
      // Two places may have the same answer, for now: the other half is looked through.
      for (int kind = 0; kind < 200; ++kind) {
        const geo::IpAddress far = neighbour(random, address, bits - 1, kind);
        if (ask_for(dns, far, as_v4).records == given.records) continue;
        ++other_answers;
        break;
      }
    }
  }
  CHECK(wider > 60);
  CHECK(other_answers > wider / 2);
}

}  // namespace edgeward::controller
