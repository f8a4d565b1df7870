#include "controller/dns/answerer.hpp"

#include <algorithm>
#include <string_view>

namespace edgeward::controller {

namespace {

using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kHeaderBytes = 12;
/// What a UDP answer is cut to, whatever the client takes: it passes every path whole (DNS flag
/// day 2020).
constexpr std::size_t kUdpBytesMax = 1232;
constexpr std::uint16_t kPointer = 0xC000;

bool equal(Bytes a, Bytes b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

std::uint32_t seconds(std::int64_t ms) {
  return static_cast<std::uint32_t>((ms + 999) / 1000);
}

bool is_family(const geo::IpAddress& address, DnsType type) {
  return address.is_v4() == (type == DnsType::a);
}

}  // namespace

std::optional<std::vector<std::uint8_t>> dns_wire_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::vector<std::uint8_t> wire;
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    if (end == 0 || end > 63) return std::nullopt;
    wire.push_back(static_cast<std::uint8_t>(end));
    for (const char c : name.substr(0, end)) {
      const bool is_upper = c >= 'A' && c <= 'Z';
      wire.push_back(static_cast<std::uint8_t>(is_upper ? c | 0x20 : c));
    }
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  wire.push_back(0);
  if (wire.size() > DnsQuery::kNameBytesMax) return std::nullopt;
  return wire;
}

/// Appends a message: header, question and records, then what stood in the header.
class DnsAnswerer::Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) : out_(out), start_(out.size()) {}

  void begin(const DnsQuery& query) {
    out_.insert(out_.end(), kHeaderBytes, 0);
    append(query.question);
    questions_ = query.question.empty() ? 0 : 1;
  }
  /// Forgets all records.
  void truncate(const DnsQuery& query) {
    out_.resize(start_ + kHeaderBytes + query.question.size());
    answers_ = authorities_ = additionals_ = 0;
    is_truncated_ = true;
  }

  enum class Section { answer, authority, additional };

  /// A record whose owner stands in the question, from `offset` of the name on.
  void record(Section section, std::size_t offset, DnsType type, std::uint32_t ttl_s, Bytes data) {
    word(static_cast<std::uint16_t>(kPointer | (kHeaderBytes + offset)));
    word(static_cast<std::uint16_t>(type));
    word(kDnsClassIn);
    word(static_cast<std::uint16_t>(ttl_s >> 16));
    word(static_cast<std::uint16_t>(ttl_s));
    word(static_cast<std::uint16_t>(data.size()));
    append(data);
    ++(section == Section::answer ? answers_ : authorities_);
  }

  /// What an OPT record says (RFC 6891 §6.1.2).
  struct Opt {
    unsigned scope_bits = 0;
    std::optional<DnsCookie::Server> cookie;
    std::string_view nsid;
  };
  static std::size_t opt_bytes(const DnsQuery& query, const Opt& opt) {
    if (!query.has_edns) return 0;
    return kOptBytes + (query.subnet ? 8 + subnet_bytes(*query.subnet) : 0) +
           (opt.cookie ? 4 + sizeof(DnsCookie::Client) + sizeof(DnsCookie::Server) : 0) +
           (opt.nsid.empty() ? 0 : 4 + opt.nsid.size());
  }
  void opt(const DnsQuery& query, DnsCode code, const Opt& opt) {
    out_.push_back(0);
    word(static_cast<std::uint16_t>(DnsType::opt));
    word(kUdpBytesMax);
    out_.push_back(static_cast<std::uint8_t>(static_cast<unsigned>(code) >> 4));
    out_.push_back(0);
    word(query.dnssec_ok ? 0x8000 : 0);
    word(static_cast<std::uint16_t>(opt_bytes(query, opt) - kOptBytes));
    ++additionals_;
    if (query.subnet) subnet(*query.subnet, opt.scope_bits);
    if (opt.cookie) {
      begin_option(DnsOption::cookie, sizeof(DnsCookie::Client) + sizeof(DnsCookie::Server));
      append(query.cookie->client);
      append(*opt.cookie);
    }
    if (!opt.nsid.empty()) {
      begin_option(DnsOption::nsid, opt.nsid.size());
      append(opt.nsid);
    }
  }

  void end(const DnsQuery& query, DnsCode code, bool is_authoritative) {
    const unsigned flags = 0x8000U | static_cast<unsigned>(query.opcode) << 11 |
                           (is_authoritative ? 0x0400U : 0U) | (is_truncated_ ? 0x0200U : 0U) |
                           (query.recursion_desired ? 0x0100U : 0U) |
                           (static_cast<unsigned>(code) & 0xF);
    std::size_t at = start_;
    for (const unsigned value : {static_cast<unsigned>(query.id), flags, questions_, answers_,
                                 authorities_, additionals_}) {
      out_[at++] = static_cast<std::uint8_t>(value >> 8);
      out_[at++] = static_cast<std::uint8_t>(value);
    }
  }

  [[nodiscard]] std::size_t size() const { return out_.size() - start_; }
  [[nodiscard]] unsigned answers() const { return answers_; }

 private:
  static constexpr std::size_t kOptBytes = 11;

  static std::size_t subnet_bytes(const ClientSubnet& subnet) {
    return (subnet.source_bits + 7U) / 8;
  }
  void begin_option(DnsOption option, std::size_t bytes) {
    word(static_cast<std::uint16_t>(option));
    word(static_cast<std::uint16_t>(bytes));
  }
  void subnet(const ClientSubnet& subnet, unsigned scope_bits) {
    const std::size_t bytes = subnet_bytes(subnet);
    begin_option(DnsOption::client_subnet, 4 + bytes);
    word(subnet.is_v4 ? 1 : 2);
    out_.push_back(subnet.source_bits);
    out_.push_back(static_cast<std::uint8_t>(scope_bits));
    append(Bytes(subnet.address.bytes).subspan(subnet.is_v4 ? 12 : 0, bytes));
  }
  template <class Range>
  void append(const Range& bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void word(std::uint16_t value) {
    out_.push_back(static_cast<std::uint8_t>(value >> 8));
    out_.push_back(static_cast<std::uint8_t>(value));
  }

  std::vector<std::uint8_t>& out_;
  std::size_t start_;
  unsigned questions_ = 0;
  unsigned answers_ = 0;
  unsigned authorities_ = 0;
  unsigned additionals_ = 0;
  bool is_truncated_ = false;
};

void DnsAnswerer::install(std::shared_ptr<const policy::Snapshot> snapshot) {
  const bool is_new = snapshot_ == nullptr || snapshot_->fleet != snapshot->fleet;
  snapshot_ = std::move(snapshot);
  if (!is_new) return;
  zones_.clear();
  const std::vector<policy::Service>& services = snapshot_->fleet->options().services;
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (services[i].name.find('.') == std::string::npos) continue;
    auto name = dns_wire_name(services[i].name);
    if (!name) continue;
    Zone zone{.name = std::move(*name), .service = static_cast<policy::ServiceIndex>(i)};
    for (const std::string& server : options_.name_servers) {
      if (auto wire = dns_wire_name(server)) zone.name_servers.push_back(std::move(*wire));
    }
    if (zone.name_servers.empty()) {
      if (auto wire = dns_wire_name("ns." + services[i].name)) {
        zone.name_servers.push_back(std::move(*wire));
      }
    }
    zones_.push_back(std::move(zone));
  }
}

/// The zone whose name the question's ends with, at the start of a label; of several the longest.
const DnsAnswerer::Zone* DnsAnswerer::find_zone(const DnsQuery& query) const {
  const Bytes name = Bytes(query.name).first(query.name_bytes);
  for (std::size_t at = 0; at < name.size() && name[at] != 0; at += name[at] + 1U) {
    for (const Zone& zone : zones_) {
      if (equal(name.subspan(at), zone.name)) return &zone;
    }
  }
  return nullptr;
}

unsigned DnsAnswerer::scope_bits(const ClientSubnet& subnet) const {
  const unsigned offset = subnet.is_v4 ? geo::kV4LengthOffset : 0;
  unsigned bits = snapshot_->fleet->map().block(subnet.address).length;
  bits = bits > offset ? bits - offset : 0;
  // Shares tell clients apart by their /24 or /48.
  const unsigned told_apart = subnet.is_v4 ? 24 : 48;
  return snapshot_->shares != nullptr ? std::max(bits, told_apart) : bits;
}

void DnsAnswerer::write_addresses(const DnsQuery& query, const policy::Decision& decision,
                                  Writer& writer) const {
  const auto type = static_cast<DnsType>(query.type);
  unsigned named = 0;
  const auto name_edge = [&](cache::EdgeId id) {
    if (id == cache::kNoEdge || named == options_.answers_max) return;
    bool has_one = false;
    for (const geo::IpAddress& address : snapshot_->fleet->fleet()[id].addresses) {
      if (!is_family(address, type)) continue;
      has_one = true;
      const Bytes bytes = Bytes(address.bytes).subspan(type == DnsType::a ? 12 : 0);
      writer.record(Writer::Section::answer, 0, type, seconds(options_.ttl_ms), bytes);
    }
    named += has_one ? 1 : 0;
  };
  name_edge(decision.edge);
  for (const policy::Decision::RunnerUp& next : decision.runners_up) name_edge(next.edge);
}

/// The serial and timers are those of a zone that nobody transfers (RFC 1035 §3.3.13).
std::vector<std::uint8_t> DnsAnswerer::soa(const Zone& zone) const {
  std::vector<std::uint8_t> data = zone.name_servers.front();
  constexpr std::string_view kMailbox{"\x0ahostmaster", 11};
  data.insert(data.end(), kMailbox.begin(), kMailbox.end());
  data.insert(data.end(), zone.name.begin(), zone.name.end());
  for (const std::uint32_t value : {std::uint32_t{1}, std::uint32_t{3600}, std::uint32_t{600},
                                    std::uint32_t{86'400}, seconds(options_.negative_ttl_ms)}) {
    for (const int shift : {24, 16, 8, 0})
      data.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  return data;
}

/// Whether the client has a cookie of ours, and which it is to have.
void DnsAnswerer::check_cookie(const Item& item, std::int64_t now_ms, Pending& pending) const {
  const DnsQuery& query = *pending.query;
  const auto now_s = static_cast<std::uint32_t>(now_ms / 1000);
  const DnsCookies::Standing standing = cookies_.check(*query.cookie, item.peer, now_s);
  pending.cookie = cookies_.next(*query.cookie, standing, item.peer, now_s);
  const bool is_wrong = !query.cookie->server.empty() && standing == DnsCookies::Standing::unknown;
  // Who asks for nothing else wants to know it (RFC 7873 §5.4); others are answered all the same.
  if (is_wrong && query.question.empty() && query.fault == DnsCode::noerror) {
    pending.outcome.code = DnsCode::badcookie;
  }
}

/// Reads the query, says what is wrong with it, and locates the client where an address is wanted.
void DnsAnswerer::prepare(const Item& item, std::int64_t now_ms, Pending& pending) const {
  pending.zone = nullptr;
  pending.wants_addresses = false;
  pending.cookie.reset();
  pending.outcome = {};
  pending.query = parse_dns_query(item.message);
  if (!pending.query) return;
  DnsQuery& query = *pending.query;
  // Who does not take it says nothing of it (RFC 7871 §7.2.1).
  if (!options_.takes_client_subnet) query.subnet.reset();
  if (query.question.empty() && !cookies_.are_taken() && query.fault == DnsCode::noerror) {
    query.fault = DnsCode::formerr;
  }
  pending.outcome.code = query.fault;
  if (query.cookie && cookies_.are_taken()) check_cookie(item, now_ms, pending);
  if (query.fault != DnsCode::noerror || query.question.empty()) return;
  const auto type = static_cast<DnsType>(query.type);
  const bool is_transfer = type == DnsType::axfr || type == DnsType::ixfr;
  const bool is_in = query.class_code == kDnsClassIn || query.class_code == kDnsClassAny;
  if (!is_transfer && is_in) pending.zone = find_zone(query);
  if (pending.zone == nullptr) {
    pending.outcome.code = DnsCode::refused;
    return;
  }
  const bool is_apex = query.name_bytes == pending.zone->name.size();
  if (!is_apex) pending.outcome.code = DnsCode::nxdomain;
  pending.wants_addresses = is_apex && (type == DnsType::a || type == DnsType::aaaa);
  if (!pending.wants_addresses) return;
  const bool by_subnet = query.subnet && query.subnet->source_bits > 0;
  policy::Request& request = pending.outcome.request;
  request = {.at_ms = now_ms,
             .client = by_subnet ? query.subnet->address : item.peer.unwrapped(),
             .service = pending.zone->service};
  pending.outcome.client = policy::locate(request.client, snapshot_->fleet->map());
  policy::prefetch(request, pending.outcome.client, *snapshot_);
}

void DnsAnswerer::write(Pending& pending, bool is_udp, std::vector<std::uint8_t>& out) const {
  const DnsQuery& query = *pending.query;
  DnsOutcome& outcome = pending.outcome;
  const auto type = static_cast<DnsType>(query.type);
  Writer writer(out);
  writer.begin(query);
  Writer::Opt opt{.cookie = pending.cookie,
                  .nsid = query.wants_nsid ? std::string_view(options_.nsid) : ""};
  if (pending.wants_addresses) {
    outcome.decision = policy::route(outcome.request, outcome.client, *snapshot_);
    // A resolver that gets no answer asks another server, or goes on with what it had.
    if (outcome.decision->edge == cache::kNoEdge) outcome.code = DnsCode::servfail;
    if (query.subnet && query.subnet->source_bits > 0) {
      opt.scope_bits = scope_bits(*query.subnet);
    }
    write_addresses(query, *outcome.decision, writer);
  } else if (pending.zone != nullptr && outcome.code == DnsCode::noerror) {
    const std::uint32_t ttl_s = seconds(options_.negative_ttl_ms);
    if (type == DnsType::soa) {
      writer.record(Writer::Section::answer, 0, type, ttl_s, soa(*pending.zone));
    } else if (type == DnsType::ns) {
      for (const auto& server : pending.zone->name_servers) {
        writer.record(Writer::Section::answer, 0, type, ttl_s, server);
      }
    } else if (type == DnsType::any) {
      // One record, however many there are (RFC 8482 §4.2).
      constexpr std::string_view kHinfo{"\x07RFC8482\x00", 9};
      const std::vector<std::uint8_t> data(kHinfo.begin(), kHinfo.end());
      writer.record(Writer::Section::answer, 0, DnsType::hinfo, ttl_s, data);
    }
  }
  const bool is_negative = pending.zone != nullptr && writer.answers() == 0;
  if (is_negative && outcome.code != DnsCode::servfail) {
    writer.record(Writer::Section::authority, query.name_bytes - pending.zone->name.size(),
                  DnsType::soa, seconds(options_.negative_ttl_ms), soa(*pending.zone));
  }
  const std::size_t room =
      std::min<std::size_t>(query.udp_bytes_max, kUdpBytesMax) - Writer::opt_bytes(query, opt);
  if (is_udp && writer.size() > room) writer.truncate(query);
  if (query.has_edns) writer.opt(query, outcome.code, opt);
  // Of all classes together nobody has the last word (RFC 1035 §6.2).
  const bool is_authoritative = pending.zone != nullptr && query.class_code == kDnsClassIn &&
                                outcome.code != DnsCode::servfail;
  writer.end(query, outcome.code, is_authoritative);
}

std::span<const DnsOutcome> DnsAnswerer::answer(std::span<const Item> items, std::int64_t now_ms,
                                                bool is_udp, std::vector<std::uint8_t>& out,
                                                std::span<std::size_t> ends) {
  outcomes_.clear();
  for (std::size_t i = 0; i < items.size(); ++i) prepare(items[i], now_ms, pending_[i]);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (pending_[i].query) {
      write(pending_[i], is_udp, out);
      outcomes_.push_back(pending_[i].outcome);
    }
    ends[i] = out.size();
  }
  return outcomes_;
}

}  // namespace edgeward::controller
