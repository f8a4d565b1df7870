#include "controller/dns/query.hpp"

#include <algorithm>

namespace edgeward::controller {

namespace {

/// Reads forward through a message; past its end everything is 0 and is_good() false.
class Reader {
 public:
  explicit Reader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint8_t byte() {
    if (at_ >= bytes_.size()) {
      is_good_ = false;
      return 0;
    }
    return bytes_[at_++];
  }
  std::uint16_t word() {
    const unsigned high = byte();
    return static_cast<std::uint16_t>(high << 8 | byte());
  }
  std::span<const std::uint8_t> take(std::size_t count) {
    if (bytes_.size() - at_ < count) {
      is_good_ = false;
      at_ = bytes_.size();
      return {};
    }
    at_ += count;
    return bytes_.subspan(at_ - count, count);
  }
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] bool is_good() const { return is_good_; }
  [[nodiscard]] bool is_at_end() const { return at_ == bytes_.size(); }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool is_good_ = true;
};

/// The question's name, into lower case. False if it is none: too long, or compressed.
bool read_name(Reader& reader, DnsQuery& query) {
  std::size_t size = 0;
  while (true) {
    const std::uint8_t length = reader.byte();
    if (!reader.is_good() || length > kDnsLabelBytesMax) return false;
    if (size + length + 1 > DnsQuery::kNameBytesMax) return false;
    query.name[size++] = length;
    if (length == 0) break;
    for (const std::uint8_t byte : reader.take(length)) {
      const bool is_upper = byte >= 'A' && byte <= 'Z';
      query.name[size++] = is_upper ? static_cast<std::uint8_t>(byte | 0x20) : byte;
    }
    if (!reader.is_good()) return false;
  }
  query.name_bytes = size;
  return true;
}

/// False if it breaks a rule of RFC 7871 §6 and §7.1.2.
bool read_subnet(std::span<const std::uint8_t> option, DnsQuery& query) {
  if (query.subnet || option.size() < 4) return false;
  const unsigned family = static_cast<unsigned>(option[0] << 8 | option[1]);
  const std::uint8_t source_bits = option[2];
  const std::uint8_t scope_bits = option[3];
  const std::span<const std::uint8_t> bytes = option.subspan(4);
  const unsigned bits_max = family == 1 ? 32 : 128;
  if ((family != 1 && family != 2) || source_bits > bits_max || scope_bits != 0) return false;
  if (bytes.size() != (source_bits + 7U) / 8) return false;
  const unsigned unused = static_cast<unsigned>(8 * bytes.size()) - source_bits;
  if (unused > 0 && (bytes.back() & ((1U << unused) - 1)) != 0) return false;
  ClientSubnet subnet{.is_v4 = family == 1, .source_bits = source_bits, .address = {}};
  if (subnet.is_v4) {
    std::uint32_t address = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      address |= static_cast<std::uint32_t>(bytes[i]) << (24 - 8 * i);
    }
    subnet.address = geo::IpAddress::v4(address);
  } else {
    std::copy(bytes.begin(), bytes.end(), subnet.address.bytes.begin());
  }
  query.subnet = subnet;
  return true;
}

bool read_options(std::span<const std::uint8_t> data, DnsQuery& query) {
  Reader reader(data);
  while (!reader.is_at_end()) {
    const auto code = static_cast<DnsOption>(reader.word());
    const std::span<const std::uint8_t> option = reader.take(reader.word());
    if (!reader.is_good()) return false;
    if (code == DnsOption::nsid) query.wants_nsid = true;
    if (code == DnsOption::client_subnet && !read_subnet(option, query)) return false;
    if (code == DnsOption::cookie && !query.cookie) {
      query.cookie = DnsCookie::parse(option);
      if (!query.cookie) return false;
    }
  }
  return true;
}

/// Passes over a record's owner; true with `is_root` if it is well-formed. A pointer ends it and
/// points to what stood before it, behind the header (RFC 1035 §4.1.4), so that none leads in
/// circles; where to does not matter here.
bool skip_owner(Reader& reader, bool& is_root) {
  const std::size_t start = reader.at();
  std::uint8_t length = reader.byte();
  is_root = length == 0;
  for (; length != 0; length = reader.byte()) {
    if (length >= 0xC0) {
      const std::size_t target = static_cast<std::size_t>(length & 0x3F) << 8 | reader.byte();
      return reader.is_good() && target >= kDnsHeaderBytes && target < start;
    }
    if (length > kDnsLabelBytesMax || !reader.is_good()) return false;
    (void)reader.take(length);
  }
  return reader.is_good();
}

/// One record; of these only OPT matters, which the additional section alone may hold, once
/// (RFC 6891 §6.1.1).
bool read_record(Reader& reader, bool is_additional, DnsQuery& query) {
  bool is_root = false;
  if (!skip_owner(reader, is_root)) return false;
  const std::uint16_t type = reader.word();
  const std::uint16_t class_code = reader.word();
  (void)reader.byte();  // the extended code
  const std::uint8_t version = reader.byte();
  const std::uint16_t flags = reader.word();
  const std::span<const std::uint8_t> data = reader.take(reader.word());
  if (!reader.is_good()) return false;
  if (type != static_cast<std::uint16_t>(DnsType::opt)) return true;
  if (!is_additional || query.has_edns || !is_root) return false;
  query.has_edns = true;
  query.edns_version = version;
  query.dnssec_ok = (flags & 0x8000) != 0;
  query.udp_bytes_max = std::max<std::uint16_t>(class_code, 512);
  // What the options of another version mean is not known.
  return version != 0 || read_options(data, query);
}

/// All sections, so that an OPT record is found whatever is wrong beside it: who sent one is to get
/// one (RFC 6891 §6.1.1). False if the message breaks a rule.
bool read_sections(std::span<const std::uint8_t> message, Reader& reader, DnsQuery& query) {
  const unsigned questions = reader.word();
  const unsigned answers = reader.word();
  const unsigned authorities = reader.word();
  const unsigned additionals = reader.word();
  for (unsigned i = 0; i < questions; ++i) {
    if (!read_name(reader, query)) return false;
    query.type = reader.word();
    query.class_code = reader.word();
    if (!reader.is_good()) return false;
  }
  if (questions == 1) {
    query.question = message.subspan(kDnsHeaderBytes, reader.at() - kDnsHeaderBytes);
  }
  for (unsigned i = 0; i < answers + authorities + additionals; ++i) {
    if (!read_record(reader, i >= answers + authorities, query)) return false;
  }
  // Nothing may be asked for but a cookie (RFC 7873 §5.4).
  if (questions + answers + authorities == 0) return query.cookie.has_value();
  // A question is one (RFC 9619); who asks for a change of zone says what it has (RFC 1995 §3).
  const bool is_ixfr = query.type == static_cast<std::uint16_t>(DnsType::ixfr);
  return questions == 1 && answers == 0 && (authorities == 0 || is_ixfr);
}

}  // namespace

std::optional<DnsQuery> parse_dns_query(std::span<const std::uint8_t> message) {
  if (message.size() < kDnsHeaderBytes) return std::nullopt;
  Reader reader(message);
  DnsQuery query;
  query.id = reader.word();
  const std::uint16_t flags = reader.word();
  if ((flags & 0x8000) != 0) return std::nullopt;
  query.opcode = static_cast<std::uint8_t>(flags >> 11 & 0xF);
  query.recursion_desired = (flags & 0x0100) != 0;
  const bool is_good = read_sections(message, reader, query);
  if (query.opcode != 0) {
    query.fault = DnsCode::notimp;
  } else if (!is_good) {
    query.fault = DnsCode::formerr;
  } else if (query.edns_version != 0) {
    query.fault = DnsCode::badvers;
  }
  return query;
}

}  // namespace edgeward::controller
