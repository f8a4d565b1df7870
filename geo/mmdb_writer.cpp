#include "geo/mmdb_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <optional>
#include <unordered_map>

#include "geo/prefix_trie.hpp"

namespace edgeward::geo {

namespace {

using Child = PrefixTrie::Child;

std::string big_endian(std::uint64_t number, unsigned bytes) {
  std::string result(bytes, '\0');
  for (unsigned i = bytes; i-- > 0; number >>= 8) result[i] = static_cast<char>(number & 0xFF);
  return result;
}

// Type numbers of the format.
constexpr unsigned kText = 2;
constexpr unsigned kUint16 = 5;
constexpr unsigned kUint32 = 6;
constexpr unsigned kMap = 7;
constexpr unsigned kUint64 = 9;
constexpr unsigned kArray = 11;
constexpr unsigned kFloat32 = 15;

std::string control(unsigned type, std::size_t size) {
  std::string bytes;
  std::string more;
  std::size_t small = size;
  if (size >= 65'821) {
    small = 31;
    more = big_endian(size - 65'821, 3);
  } else if (size >= 285) {
    small = 30;
    more = big_endian(size - 285, 2);
  } else if (size >= 29) {
    small = 29;
    more = big_endian(size - 29, 1);
  }
  bytes += static_cast<char>((type < 8 ? type << 5 : 0U) | small);
  if (type >= 8) bytes += static_cast<char>(type - 7);
  return bytes + more;
}

std::string text(std::string_view value) {
  return control(kText, value.size()) + std::string(value);
}
std::string float32(double value) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return control(kFloat32, 4) + big_endian(bits, 4);
}
/// Without leading zeros, as the format allows.
std::string integer(unsigned type, std::uint64_t value) {
  const auto bytes = static_cast<unsigned>((std::bit_width(value) + 7) / 8);
  return control(type, bytes) + big_endian(value, bytes);
}

/// Empty where the format has no pointer that reaches so far.
std::string pointer(std::size_t offset) {
  const auto leading = [](unsigned kind, std::size_t bits) {
    return std::string{static_cast<char>(1U << 5 | kind << 3 | bits)};
  };
  if (offset < 2048) return leading(0, offset >> 8) + big_endian(offset & 0xFF, 1);
  if (offset < 526'336) {
    offset -= 2048;
    return leading(1, offset >> 16) + big_endian(offset & 0xFFFF, 2);
  }
  if (offset < 134'744'064) {
    offset -= 526'336;
    return leading(2, offset >> 24) + big_endian(offset & 0xFF'FFFF, 3);
  }
  return offset <= 0xFFFF'FFFF ? leading(3, 0) + big_endian(offset, 4) : std::string{};
}

/// Gathers records, each once, and within them each value once.
class DataSection {
 public:
  std::size_t add(const MmdbRecord& record) {
    const auto fields = fields_of(record);
    std::string whole;
    for (const auto& [key, value] : fields) whole += key + value;
    const auto [known, is_new] = records_.emplace(std::move(whole), bytes_.size());
    if (!is_new) return known->second;
    bytes_ += control(kMap, fields.size());
    for (const auto& [key, value] : fields) {
      put(key);
      put(value);
    }
    return known->second;
  }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  static std::vector<std::pair<std::string, std::string>> fields_of(const MmdbRecord& record) {
    std::vector<std::pair<std::string, std::string>> fields;
    const auto add = [&fields](std::string_view key, std::string value) {
      fields.emplace_back(text(key), std::move(value));
    };
    if (record.country != Country::none) add("country_code", text(to_text(record.country)));
    if (record.point) {
      add("latitude", float32(record.point->lat_deg));
      add("longitude", float32(record.point->lon_deg));
    }
    if (!record.city.empty()) add("city", text(record.city));
    if (record.asn != 0) add("autonomous_system_number", integer(kUint32, record.asn));
    return fields;
  }

  /// The value, or a pointer to where it is already, whichever is shorter.
  void put(const std::string& value) {
    const auto [known, is_new] = values_.emplace(value, bytes_.size());
    if (!is_new) {
      const std::string there = pointer(known->second);
      if (!there.empty() && there.size() < value.size()) {
        bytes_ += there;
        return;
      }
    }
    bytes_ += value;
  }

  std::string bytes_;
  std::unordered_map<std::string, std::size_t> records_;
  std::unordered_map<std::string, std::size_t> values_;
};

/// A child in the written tree: a node's number, nothing, IPv4, or data.
struct Target {
  enum class Kind : std::uint8_t { empty, node, data };
  Kind kind = Kind::empty;
  std::uint32_t number = 0;  ///< of a node; or the record's offset

  bool operator==(const Target&) const = default;
};

/// The tree with equal siblings merged and equal subtrees stored once; the root is number 0.
class CompactTree {
 public:
  using Node = std::array<Target, 2>;

  CompactTree(const PrefixTrie& trie, const std::vector<std::uint32_t>& offsets, Child v4_place)
      : trie_(trie), offsets_(offsets), v4_place_(v4_place) {
    v4_root_ = compact(trie.v4_root(), true);
    root_ = compact(trie.v6_root(), true);
    number();
  }

  [[nodiscard]] const std::vector<Node>& nodes() const { return ordered_; }

 private:
  /// A root is not shared: a part of IPv6 that happens to look like all of IPv4 would be taken for
  /// an alias of it.
  Target compact(Child child, bool is_root) {
    if (child == v4_place_) return v4_root_;
    if (child.is_empty()) return {};
    if (child.is_value()) {
      return {.kind = Target::Kind::data, .number = offsets_[child.value()]};
    }
    const Target left = compact(trie_.node(child)[0], false);
    const Target right = compact(trie_.node(child)[1], false);
    if (left == right && left.kind != Target::Kind::node) return left;
    return node({left, right}, is_root);
  }

  Target node(const Node& children, bool is_root) {
    const auto next = static_cast<std::uint32_t>(nodes_.size());
    if (!is_root) {
      const auto [known, is_new] = known_.emplace(children, next);
      if (!is_new) return {.kind = Target::Kind::node, .number = known->second};
    }
    nodes_.push_back(children);
    return {.kind = Target::Kind::node, .number = next};
  }

  /// Numbers the nodes as a walk from the root meets them, so that neighbours lie together.
  void number() {
    if (root_.kind != Target::Kind::node) {  // one record for all, or none
      ordered_.push_back({root_, root_});
      return;
    }
    constexpr std::uint32_t kUnseen = 0xFFFF'FFFF;
    std::vector<std::uint32_t> numbers(nodes_.size(), kUnseen);
    std::vector<std::uint32_t> stack{root_.number};
    std::vector<std::uint32_t> order;
    while (!stack.empty()) {
      const std::uint32_t at = stack.back();
      stack.pop_back();
      if (numbers[at] != kUnseen) continue;
      numbers[at] = static_cast<std::uint32_t>(order.size());
      order.push_back(at);
      for (const std::size_t side : {1U, 0U}) {
        if (nodes_[at][side].kind == Target::Kind::node) stack.push_back(nodes_[at][side].number);
      }
    }
    ordered_.reserve(order.size());
    for (const std::uint32_t at : order) {
      Node node = nodes_[at];
      for (Target& child : node) {
        if (child.kind == Target::Kind::node) child.number = numbers[child.number];
      }
      ordered_.push_back(node);
    }
  }

  struct Hash {
    std::size_t operator()(const Node& node) const {
      std::uint64_t hash = 0;
      for (const Target& child : node) {
        hash = (hash ^ child.number ^ std::uint64_t{static_cast<std::uint8_t>(child.kind)} << 32) *
               0x9E3779B97F4A7C15;
        hash ^= hash >> 29;
      }
      return hash;
    }
  };

  const PrefixTrie& trie_;
  const std::vector<std::uint32_t>& offsets_;
  Child v4_place_;
  Target v4_root_;
  Target root_;
  std::vector<Node> nodes_;
  std::unordered_map<Node, std::uint32_t, Hash> known_;
  std::vector<Node> ordered_;
};

std::string tree_bytes(const std::vector<CompactTree::Node>& nodes, unsigned record_bits) {
  const auto count = static_cast<std::uint32_t>(nodes.size());
  const auto record = [count](const Target& target) -> std::uint64_t {
    if (target.kind == Target::Kind::node) return target.number;
    if (target.kind == Target::Kind::empty) return count;
    return std::uint64_t{count} + kMmdbSeparatorBytes + target.number;
  };
  std::string bytes;
  bytes.reserve(nodes.size() * record_bits / 4);
  for (const CompactTree::Node& node : nodes) {
    const std::uint64_t left = record(node[0]);
    const std::uint64_t right = record(node[1]);
    if (record_bits == 28) {
      bytes += big_endian(left & 0xFF'FFFF, 3);
      bytes += static_cast<char>(left >> 24 << 4 | right >> 24);
      bytes += big_endian(right & 0xFF'FFFF, 3);
    } else {
      bytes += big_endian(left, record_bits / 8) + big_endian(right, record_bits / 8);
    }
  }
  return bytes;
}

std::string metadata(const MmdbContents& contents, std::size_t node_count, unsigned record_bits) {
  std::string bytes = "\xAB\xCD\xEFMaxMind.com";
  bytes += control(kMap, 9);
  bytes += text("binary_format_major_version") + integer(kUint16, 2);
  bytes += text("binary_format_minor_version") + integer(kUint16, 0);
  bytes += text("build_epoch") + integer(kUint64, contents.build_time_s);
  bytes += text("database_type") + text(contents.type);
  bytes += text("description") + control(kMap, 1) + text("en") + text(contents.description);
  bytes += text("ip_version") + integer(kUint16, 6);
  bytes += text("languages") + control(kArray, 1) + text("en");
  bytes += text("node_count") + integer(kUint32, node_count);
  bytes += text("record_size") + integer(kUint16, record_bits);
  return bytes;
}

const std::array<IpPrefix, 4>& v4_places() {
  static const std::array<IpPrefix, 4> places{
      *IpPrefix::parse("::/96"), *IpPrefix::parse("::ffff:0:0/96"), *IpPrefix::parse("2002::/16"),
      *IpPrefix::parse("2001::/32")};
  return places;
}

}  // namespace

std::string_view mmdb_network_fault(const IpPrefix& prefix) {
  if (prefix.address.is_v4() && prefix.length >= kV4LengthOffset) return {};
  for (const IpPrefix& place : v4_places()) {
    if (place.length <= prefix.length && place.contains(prefix.address)) {
      return "lies where the format keeps or repeats IPv4 (::/96, 2002::/16, 2001::/32)";
    }
  }
  return {};
}

tl::expected<std::string, std::string> write_mmdb(const MmdbContents& contents) {
  DataSection data;
  std::vector<std::uint32_t> offsets(contents.records.size());
  std::vector<bool> is_used(contents.records.size());
  for (const auto& network : contents.networks) {
    if (const std::string_view fault = mmdb_network_fault(network.prefix); !fault.empty()) {
      return tl::unexpected(fmt::format("{} {}", network.prefix.text(), fault));
    }
    is_used[network.record] = true;
  }
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    if (is_used[i]) offsets[i] = static_cast<std::uint32_t>(data.add(contents.records[i]));
  }

  std::vector<std::uint32_t> order(contents.networks.size());
  std::iota(order.begin(), order.end(), 0U);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return contents.networks[a].prefix.length < contents.networks[b].prefix.length;
  });
  PrefixTrie trie;
  for (const std::uint32_t i : order) {
    trie.set(contents.networks[i].prefix, Child::of_value(contents.networks[i].record));
  }
  const Child v4_place = Child::of_value(static_cast<std::uint32_t>(contents.records.size()));
  for (const IpPrefix& place : v4_places()) trie.set_v6(place, v4_place);

  if (contents.build_time_s == 0) return tl::unexpected(std::string("a build time of 0"));
  const CompactTree tree(trie, offsets, v4_place);
  const std::uint64_t largest = tree.nodes().size() + kMmdbSeparatorBytes + data.bytes().size();
  if (largest > 0xFFFF'FFFF) {
    return tl::unexpected(
        fmt::format("{} nodes and {} bytes of data are more than the format holds",
                    tree.nodes().size(), data.bytes().size()));
  }
  const unsigned record_bits = largest < 1U << 24 ? 24 : largest < 1U << 28 ? 28 : 32;
  return tree_bytes(tree.nodes(), record_bits) + std::string(kMmdbSeparatorBytes, '\0') +
         data.bytes() + metadata(contents, tree.nodes().size(), record_bits);
}

}  // namespace edgeward::geo
