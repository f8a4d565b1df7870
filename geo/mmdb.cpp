#include "geo/mmdb.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <span>
#include <string>
#include <utility>

#include "geo/mmdb_value.hpp"

namespace edgeward::geo {

/// The library's handle, open as long as this lives.
struct Mmdb::File {
  MMDB_s mmdb{};
  std::string path;

  explicit File(std::string name) : path(std::move(name)) {}
  ~File() { MMDB_close(&mmdb); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] std::span<const std::uint8_t> section() const {
    return {mmdb.data_section, mmdb.data_section_size};
  }
  [[nodiscard]] tl::unexpected<std::string> fault(std::string_view what) const {
    return tl::unexpected(fmt::format("{}: {}", path, what));
  }
};

namespace {

/// 128 bits of an address, for a walk bit by bit.
struct Bits {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const Bits&) const = default;

  [[nodiscard]] Bits with(unsigned depth) const {
    if (depth < 64) return {.high = high | std::uint64_t{1} << (63 - depth), .low = low};
    return {.high = high, .low = low | std::uint64_t{1} << (127 - depth)};
  }
  [[nodiscard]] IpAddress address() const {
    IpAddress result;
    const std::array<std::uint64_t, 2> words{__builtin_bswap64(high), __builtin_bswap64(low)};
    std::memcpy(result.bytes.data(), words.data(), sizeof words);
    return result;
  }
};

constexpr Bits kMapped{.high = 0, .low = std::uint64_t{0xFFFF} << 32};

/// How many networks may share a subtree, on average, before a tree is taken for one that loops:
/// write_mmdb shares those that are equal. Small trees may more.
constexpr std::uint64_t kVisitsPerNode = 64;
constexpr std::uint64_t kVisitsFree = 1'000'000;

constexpr std::string_view kLoops = "the search tree loops, or repeats itself too often";

/// A branch yet to be walked.
struct Branch {
  Bits start;
  std::uint32_t record = 0;  ///< as it stands in the tree: a node, "empty", or data
  unsigned depth = 0;
};

/// The two records of a node. `bytes` is the whole node.
template <unsigned kRecordBits>
std::pair<std::uint32_t, std::uint32_t> records(const std::uint8_t* bytes) {
  const auto at = [bytes](std::size_t i) { return std::uint32_t{bytes[i]}; };
  if constexpr (kRecordBits == 24) {
    return {at(0) << 16 | at(1) << 8 | at(2), at(3) << 16 | at(4) << 8 | at(5)};
  } else if constexpr (kRecordBits == 28) {
    return {(at(3) >> 4) << 24 | at(0) << 16 | at(1) << 8 | at(2),
            (at(3) & 15U) << 24 | at(4) << 16 | at(5) << 8 | at(6)};
  } else {
    return {at(0) << 24 | at(1) << 16 | at(2) << 8 | at(3),
            at(4) << 24 | at(5) << 16 | at(6) << 8 | at(7)};
  }
}

/// Walks the tree in the order of addresses. Depth and the number of nodes are bounded, so a tree
/// whose records point back ends with an error.
template <unsigned kRecordBits>
class Walk {
 public:
  Walk(const MMDB_s& mmdb, const std::function<void(const Mmdb::Network&)>& visitor)
      : mmdb_(mmdb),
        visitor_(visitor),
        nodes_(mmdb.metadata.node_count),
        nodes_left_(kVisitsFree + kVisitsPerNode * std::uint64_t{nodes_}),
        is_v6_(mmdb.metadata.ip_version == 6) {}

  /// What is wrong with the tree; empty if nothing.
  std::string run() {
    if (!is_v6_) {
      walk({.start = kMapped, .record = 0, .depth = kV4LengthOffset});
      return std::move(fault_);
    }
    // Where IPv4 hangs. May be no node: data or empty, from a branch that ends above.
    std::array<std::uint32_t, kV4LengthOffset> passed{};
    for (unsigned depth = 0; depth < kV4LengthOffset && v4_root_ < nodes_; ++depth) {
      passed[depth] = v4_root_;
      v4_root_ = children(v4_root_).first;
      const auto end = passed.begin() + depth + 1;
      if (std::find(passed.begin(), end, v4_root_) != end) return std::string(kLoops);
    }
    walk({});
    return std::move(fault_);
  }

 private:
  [[nodiscard]] std::pair<std::uint32_t, std::uint32_t> children(std::uint32_t node) const {
    return records<kRecordBits>(mmdb_.file_content + std::size_t{node} * (kRecordBits / 4));
  }

  /// False at a fault.
  bool walk(const Branch& root) {
    std::array<Branch, 130> stack;  // one a level, and one more
    std::size_t size = 0;
    stack[size++] = root;
    while (size > 0) {
      // Down on the side of the zeros; the other sides are for later.
      Branch branch = stack[--size];
      while (!is_done(branch)) {
        std::pair<std::uint32_t, std::uint32_t> below{branch.record, branch.record};
        if (branch.record < nodes_) {
          if (branch.depth >= 128) return fail("the search tree is deeper than an address is long");
          if (nodes_left_-- == 0) return fail(kLoops);
          below = children(branch.record);
        }
        stack[size++] = {branch.start.with(branch.depth), below.second, branch.depth + 1};
        branch.record = below.first;
        ++branch.depth;
      }
      if (!fault_.empty()) return false;
    }
    return true;
  }

  /// Whether a branch needs no dividing: it is not to be walked here, or was visited.
  bool is_done(const Branch& branch) {
    if (is_v6_ && !is_in_v4_) {
      if (is_elsewhere(branch)) return true;
      if (is_v4_place(branch)) {
        walk_v4();
        return true;
      }
      if (holds_v4_place(branch)) return false;
    }
    if (branch.record < nodes_) return false;
    visit(branch);
    return true;
  }

  bool fail(std::string_view what) {
    fault_ = what;
    return false;
  }

  void visit(const Branch& branch) {
    if (branch.record == nodes_) return;
    const std::uint32_t offset = branch.record - nodes_;
    // The section runs on over the metadata, so the library's bound, short by the separator, is
    // never too short; what is visited can then be found.
    if (offset < kMmdbSeparatorBytes || offset >= mmdb_.data_section_size) {
      fault_ = fmt::format("the search tree points outside the data section at {}",
                           prefix(branch).text());
      return;
    }
    visitor_({.prefix = prefix(branch), .offset = offset - kMmdbSeparatorBytes});
  }

  static IpPrefix prefix(const Branch& branch) {
    return {.address = branch.start.address(), .length = branch.depth};
  }

  void walk_v4() {
    is_in_v4_ = true;
    (void)walk({.start = kMapped, .record = v4_root_, .depth = kV4LengthOffset});
    is_in_v4_ = false;
  }

  // Of the branches of an IPv6 tree outside its IPv4:

  /// Whether it is an IPv4 tree's place in the file, or a repetition of it.
  [[nodiscard]] bool is_elsewhere(const Branch& branch) const {
    if (branch.depth == kV4LengthOffset && branch.start == Bits{}) return true;
    return branch.record == v4_root_ && branch.record < nodes_ && !is_v4_place(branch);
  }
  [[nodiscard]] static bool is_v4_place(const Branch& branch) {
    return branch.depth == kV4LengthOffset && branch.start == kMapped;
  }
  /// Whether IPv4's place, or that in the file, is a part of it: such a network is visited in
  /// parts.
  [[nodiscard]] static bool holds_v4_place(const Branch& branch) {
    if (branch.depth >= kV4LengthOffset || branch.start.high != 0) return false;
    if (branch.depth <= 64) return true;
    const std::uint64_t mask = ~std::uint64_t{0} << (128 - branch.depth);
    return branch.start.low == 0 || branch.start.low == (kMapped.low & mask);
  }

  const MMDB_s& mmdb_;
  const std::function<void(const Mmdb::Network&)>& visitor_;
  std::uint32_t nodes_;
  std::uint64_t nodes_left_;
  bool is_v6_;
  std::uint32_t v4_root_ = 0;
  bool is_in_v4_ = false;
  std::string fault_;
};

std::string tree_fault(double nodes) {
  return fmt::format("its search tree of {} nodes does not fit in it", nodes);
}

/// Why the library must not be given a file; empty if it may, also where there is no metadata,
/// which MMDB_open tells. The library leaks what it has read of broken metadata, expands maps of
/// pointers to maps without an end, and looks into trees whose size in bytes it has cut to 32 bits.
std::string fault_before_opening(const std::string& path) {
  constexpr std::string_view kMarker = "\xAB\xCD\xEFMaxMind.com";
  constexpr std::streamoff kMetadataBytesMax = 128 * 1024;  // of the format
  std::ifstream file(path, std::ios::binary);
  if (!file.seekg(0, std::ios::end)) return {};
  const std::streamoff size = file.tellg();
  std::string tail(static_cast<std::size_t>(std::clamp(size, std::streamoff{0}, kMetadataBytesMax)),
                   '\0');
  file.seekg(size - static_cast<std::streamoff>(tail.size()));
  if (!file.read(tail.data(), static_cast<std::streamsize>(tail.size()))) return {};
  const std::size_t marker = tail.rfind(kMarker);
  if (marker == std::string::npos) return {};
  const std::string_view metadata = std::string_view(tail).substr(marker + kMarker.size());
  MmdbValueReader reader({reinterpret_cast<const std::uint8_t*>(metadata.data()), metadata.size()});
  const auto top = reader.value(0);
  if (!top || !reader.is_whole(*top)) return "its metadata cannot be read";
  if (top->type != MmdbValue::Type::map) return {};
  constexpr double kRecordBitsMax = 32;  // the library refuses more
  double nodes = 0;
  double bits = 0;
  const bool is_read = reader.for_each(
      *top, [](std::string_view key) { return key == "node_count" || key == "record_size"; },
      [&](std::string_view key, const MmdbValue& value) {
        // Of a key that is given twice, whichever the library takes.
        double& greatest = key == "node_count" ? nodes : bits;
        greatest = std::max(greatest, value.as_number().value_or(0));
        return true;
      });
  if (!is_read) return "its metadata cannot be read";
  const double tree_bytes = nodes * std::min(bits, kRecordBitsMax) / 4;
  return tree_bytes + kMmdbSeparatorBytes > static_cast<double>(size) ? tree_fault(nodes) : "";
}

/// What MMDB_open leaves unchecked. Empty if nothing is wrong.
std::string metadata_fault(const MMDB_s& mmdb) {
  const MMDB_metadata_s& metadata = mmdb.metadata;
  if (metadata.ip_version != 4 && metadata.ip_version != 6) {
    return fmt::format("its IP version is {}, expected 4 or 6", metadata.ip_version);
  }
  const unsigned bits = metadata.record_size;
  if (bits != 24 && bits != 28 && bits != 32) {
    return fmt::format("its record size is {} bits, expected 24, 28 or 32", bits);
  }
  const std::uint64_t tree_bytes = std::uint64_t{metadata.node_count} * (bits / 4);
  if (metadata.node_count == 0 ||
      tree_bytes + kMmdbSeparatorBytes > static_cast<std::uint64_t>(mmdb.file_size)) {
    return tree_fault(metadata.node_count);
  }
  return {};
}

/// A file descriptor, closed in the end.
struct Descriptor {
  explicit Descriptor(int opened) : number(opened) {}
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  const int number;
};

struct SocketAddress {
  sockaddr_storage storage{};

  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const IpAddress& address) {
  SocketAddress result;
  if (address.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    std::memcpy(&v4.sin_addr, address.bytes.data() + 12, 4);
    std::memcpy(&result.storage, &v4, sizeof v4);
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    std::memcpy(&v6.sin6_addr, address.bytes.data(), 16);
    std::memcpy(&result.storage, &v6, sizeof v6);
  }
  return result;
}

bool is_within_v4_place(const IpAddress& address) {
  return std::all_of(address.bytes.begin(), address.bytes.begin() + 12,
                     [](std::uint8_t byte) { return byte == 0; });
}

/// The length, in our 16-byte form, of the network that the library found. One that reaches over
/// IPv4's place, or that in the file, is narrowed to the part that visit() shows.
unsigned network_length(const IpAddress& address, unsigned netmask, unsigned ip_version) {
  if (ip_version == 4) return netmask + kV4LengthOffset;
  if (address.is_v4()) return std::max(netmask, kV4LengthOffset);
  unsigned length = netmask;
  for (const IpAddress& place : {IpAddress{}, IpAddress::v4(0)}) {
    while (length < kV4LengthOffset && IpPrefix::around(address, length).contains(place)) ++length;
  }
  return length;
}

}  // namespace

Mmdb::Mmdb(std::unique_ptr<File> file) : file_(std::move(file)) {}
Mmdb::Mmdb(Mmdb&&) noexcept = default;
Mmdb& Mmdb::operator=(Mmdb&&) noexcept = default;
Mmdb::~Mmdb() = default;

tl::expected<Mmdb, std::string> Mmdb::open(const std::string& path) {
  return open_at(path, path);
}

tl::expected<Mmdb, std::string> Mmdb::open_copy(const std::string& path) {
  const File named(path);
  const Descriptor from(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const Descriptor copy(::memfd_create("mmdb", MFD_CLOEXEC));
  if (from.number < 0 || copy.number < 0) return named.fault(std::strerror(errno));
  while (true) {
    constexpr std::size_t kBytesAtOnce = std::size_t{1} << 30;
    const ssize_t count = ::sendfile(copy.number, from.number, nullptr, kBytesAtOnce);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) return named.fault(std::strerror(errno));
  }
  return open_at(fmt::format("/proc/self/fd/{}", copy.number), path);
}

tl::expected<Mmdb, std::string> Mmdb::open_at(const std::string& path, const std::string& name) {
  auto file = std::make_unique<File>(name);
  const std::string early_fault = fault_before_opening(path);
  if (!early_fault.empty()) return file->fault(early_fault);
  const int status = MMDB_open(path.c_str(), MMDB_MODE_MMAP, &file->mmdb);
  if (status != MMDB_SUCCESS) {
    const int error = errno;
    file->mmdb = {};  // the library has freed what it had
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR) {
      return file->fault(std::strerror(error));
    }
    return file->fault(fmt::format("no MaxMind DB file: {}", MMDB_strerror(status)));
  }
  const std::string fault = metadata_fault(file->mmdb);
  if (!fault.empty()) return file->fault(fault);
  return Mmdb(std::move(file));
}

tl::expected<std::optional<Mmdb::Found>, std::string> Mmdb::find(const IpAddress& address) const {
  const bool is_v4 = address.is_v4();
  if (!is_v4 && (ip_version() == 4 || is_within_v4_place(address))) return std::nullopt;
  int status = MMDB_SUCCESS;
  const SocketAddress socket = socket_address(address);
  const MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&file_->mmdb, socket.get(), &status);
  if (status != MMDB_SUCCESS) {
    return file_->fault(fmt::format("{}: {}", address.text(), MMDB_strerror(status)));
  }
  if (!found.found_entry) return std::nullopt;
  auto record = read(found.entry.offset);
  if (!record) return tl::unexpected(std::move(record.error()));
  const unsigned length = network_length(address, found.netmask, ip_version());
  return Found{.record = std::move(*record), .network = IpPrefix::around(address, length)};
}

tl::expected<void, std::string> Mmdb::visit(
    const std::function<void(const Network&)>& visitor) const {
  const MMDB_s& mmdb = file_->mmdb;
  const unsigned bits = mmdb.metadata.record_size;
  const std::string fault = bits == 24   ? Walk<24>(mmdb, visitor).run()
                            : bits == 28 ? Walk<28>(mmdb, visitor).run()
                                         : Walk<32>(mmdb, visitor).run();
  if (!fault.empty()) return file_->fault(fault);
  return {};
}

tl::expected<Mmdb::Record, std::string> Mmdb::read(std::uint32_t offset) const {
  auto record = read_mmdb_record(file_->section(), offset);
  if (!record) {
    return file_->fault(
        fmt::format("the record at byte {} of the data: {}", offset, record.error()));
  }
  return std::move(*record);
}

const std::string& Mmdb::path() const {
  return file_->path;
}
unsigned Mmdb::ip_version() const {
  return file_->mmdb.metadata.ip_version;
}
std::uint32_t Mmdb::node_count() const {
  return file_->mmdb.metadata.node_count;
}
std::string_view Mmdb::type() const {
  return file_->mmdb.metadata.database_type;
}
std::uint64_t Mmdb::build_time_s() const {
  return file_->mmdb.metadata.build_epoch;
}

}  // namespace edgeward::geo
