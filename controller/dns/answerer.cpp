#include "controller/dns/answerer.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace edgeward::controller {

namespace {

using Bytes = std::span<const std::uint8_t>;

/// What a UDP answer is cut to, whatever the client takes: it passes every path whole (DNS flag
/// day 2020).
constexpr std::size_t kUdpBytesMax = 1232;
constexpr std::uint16_t kPointer = 0xC000;

std::uint32_t whole_seconds(std::int64_t ms) {
  return static_cast<std::uint32_t>((ms + 999) / 1000);
}

/// CPU "RFC8482", no operating system.
constexpr std::array<std::uint8_t, 9> kAnyHinfo{7, 'R', 'F', 'C', '8', '4', '8', '2', 0};

bool is_family(const geo::IpAddress& address, DnsType type) {
  return address.is_v4() == (type == DnsType::a);
}

}  // namespace

std::string_view name(DnsLimited limited) {
  constexpr std::array<std::string_view, kDnsLimitedCount> kNames{"no", "dropped", "truncated",
                                                                  "bad_cookie"};
  return kNames[static_cast<std::size_t>(limited)];
}

/// Appends a message: header, question and records, then what stood in the header.
class DnsAnswerer::Writer {
 public:
  explicit Writer(std::vector<std::uint8_t>& out) : out_(out), start_(out.size()) {}

  void begin(const DnsQuery& query) {
    out_.insert(out_.end(), kDnsHeaderBytes, 0);
    append(query.question);
    questions_ = query.question.empty() ? 0 : 1;
  }
  /// Forgets all records.
  void truncate(const DnsQuery& query) {
    out_.resize(start_ + kDnsHeaderBytes + query.question.size());
    answers_ = authorities_ = additionals_ = 0;
    is_truncated_ = true;
  }

  enum class Section { answer, authority, additional };

  /// Where a name begins that was written: in the question, or in a record's data.
  [[nodiscard]] static std::size_t question_at(std::size_t offset) {
    return kDnsHeaderBytes + offset;
  }

  /// A record whose owner begins there. Returns where its data does.
  std::size_t record(Section section, std::size_t owner_at, DnsType type, std::uint32_t ttl_s,
                     Bytes data) {
    word(static_cast<std::uint16_t>(kPointer | owner_at));
    return finish_record(section, type, ttl_s, data);
  }
  /// The same with the owner written out.
  void record(Section section, Bytes owner, DnsType type, std::uint32_t ttl_s, Bytes data) {
    append(owner);
    (void)finish_record(section, type, ttl_s, data);
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

  std::size_t finish_record(Section section, DnsType type, std::uint32_t ttl_s, Bytes data) {
    word(static_cast<std::uint16_t>(type));
    word(kDnsClassIn);
    word(static_cast<std::uint16_t>(ttl_s >> 16));
    word(static_cast<std::uint16_t>(ttl_s));
    word(static_cast<std::uint16_t>(data.size()));
    append(data);
    ++(section == Section::answer ? answers_ : authorities_);
    return size() - data.size();
  }

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
  const policy::FleetPart& fleet = *snapshot_->fleet;
  zones_ = DnsZones(options_, fleet.fleet(), fleet.options().services);
}

unsigned DnsAnswerer::scope_bits(const ClientSubnet& subnet) const {
  const policy::FleetPart& fleet = *snapshot_->fleet;
  unsigned bits = fleet.map().block(subnet.address).length;
  // Shares, and random choice, tell clients apart by their /24 or /48 (policy::locate).
  const policy::Scoring scoring = fleet.options().scoring;
  const bool has_shares = snapshot_->shares != nullptr && scoring != policy::Scoring::nearest;
  if (has_shares || scoring == policy::Scoring::random) {
    bits = std::max(bits, subnet.address.is_v4() ? geo::kV4LengthOffset + 24 : 48U);
  }
  const unsigned offset = subnet.is_v4 ? geo::kV4LengthOffset : 0;
  return bits > offset ? bits - offset : 0;
}

bool DnsAnswerer::write_addresses(const cache::Edge& edge, DnsType type, std::size_t owner_at,
                                  Writer& writer) const {
  if (type != DnsType::a && type != DnsType::aaaa) return false;
  bool has_one = false;
  for (const geo::IpAddress& address : edge.addresses) {
    if (!is_family(address, type)) continue;
    has_one = true;
    const Bytes bytes = Bytes(address.bytes).subspan(type == DnsType::a ? 12 : 0);
    writer.record(Writer::Section::answer, owner_at, type, whole_seconds(options_.ttl_ms), bytes);
  }
  return has_one;
}

void DnsAnswerer::write_edges(const policy::Decision& decision, DnsType type,
                              Writer& writer) const {
  unsigned named = 0;
  const auto name_edge = [&](cache::EdgeId id) {
    if (id == cache::kNoEdge || named == options_.answers_max) return;
    const bool has_one =
        write_addresses(snapshot_->fleet->fleet()[id], type, Writer::question_at(0), writer);
    named += has_one ? 1 : 0;
  };
  name_edge(decision.edge);
  for (const policy::Decision::RunnerUp& next : decision.runners_up) name_edge(next.edge);
}

/// The service's name is another name of the edge, whatever is asked for but CNAME itself; where
/// that lies in a zone of ours, the question goes on there (RFC 1034 §4.3.2, RFC 2308 §2.2).
void DnsAnswerer::write_cname(Pending& pending, Writer& writer) const {
  const auto type = static_cast<DnsType>(pending.query->type);
  const cache::EdgeId edge = pending.outcome.decision->edge;
  const DnsName& host = zones_.host(edge);
  if (host.empty()) {
    pending.outcome.code = DnsCode::servfail;
    return;
  }
  const std::size_t host_at = writer.record(Writer::Section::answer, Writer::question_at(0),
                                            DnsType::cname, whole_seconds(options_.ttl_ms), host);
  if (type == DnsType::cname || type == DnsType::any) return;
  const DnsZones::Zone* const zone = zones_.find(host).zone;
  if (zone == nullptr) return;
  if (!write_addresses(snapshot_->fleet->fleet()[edge], type, host_at, writer)) {
    writer.record(Writer::Section::authority, zone->name, DnsType::soa,
                  whole_seconds(options_.negative_ttl_ms), zone->soa);
  }
}

/// What names have without a decision: an apex its SOA and NS, an edge its addresses.
void DnsAnswerer::write_zone(const DnsQuery& query, const DnsZones::Found& name,
                             Writer& writer) const {
  const auto type = static_cast<DnsType>(query.type);
  const std::uint32_t ttl_s = whole_seconds(options_.negative_ttl_ms);
  const std::size_t owner_at = Writer::question_at(0);
  const bool is_edge = name.node->edge != cache::kNoEdge;
  if (name.node->is_apex && type == DnsType::soa) {
    writer.record(Writer::Section::answer, owner_at, type, ttl_s, name.zone->soa);
  } else if (name.node->is_apex && type == DnsType::ns) {
    for (const DnsName& server : name.zone->name_servers) {
      writer.record(Writer::Section::answer, owner_at, type, ttl_s, server);
    }
  } else if (type == DnsType::any && (name.node->is_apex || name.node->service || is_edge)) {
    // One record, however many there are (RFC 8482 §4.2).
    writer.record(Writer::Section::answer, owner_at, DnsType::hinfo, ttl_s, kAnyHinfo);
  } else if (is_edge && !name.node->service) {
    write_addresses(snapshot_->fleet->fleet()[name.node->edge], type, owner_at, writer);
  }
}

bool DnsAnswerer::check_cookie(const Item& item, std::int64_t now_ms, Pending& pending) const {
  const DnsQuery& query = *pending.query;
  const auto now_s = static_cast<std::uint32_t>(now_ms / 1000);
  const DnsCookies::Standing standing = cookies_.check(*query.cookie, item.peer, now_s);
  pending.cookie = cookies_.next(*query.cookie, standing, item.peer, now_s);
  const bool is_wrong = !query.cookie->server.empty() && standing == DnsCookies::Standing::unknown;
  // Who asks for nothing else wants to know it (RFC 7873 §5.4); others are answered all the same.
  if (is_wrong && query.question.empty() && query.fault == DnsCode::noerror) {
    pending.outcome.code = DnsCode::badcookie;
  }
  return standing != DnsCookies::Standing::unknown;
}

/// Reads the query, says what is wrong with it, and locates the client where an address is wanted.
void DnsAnswerer::prepare(const Item& item, std::int64_t now_ms, bool is_udp, Pending& pending) {
  pending.name = {};
  pending.needs_edge = false;
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
  const bool takes_cookie = query.cookie && cookies_.are_taken();
  const bool is_known = takes_cookie && check_cookie(item, now_ms, pending);
  if (is_udp && !is_known) {
    const DnsRateLimiter::Verdict verdict = limiter_.judge(item.peer, now_ms);
    if (verdict == DnsRateLimiter::Verdict::drop) pending.outcome.limited = DnsLimited::dropped;
    if (verdict == DnsRateLimiter::Verdict::slip) {
      pending.outcome.limited = takes_cookie ? DnsLimited::bad_cookie : DnsLimited::truncated;
      pending.outcome.code = takes_cookie ? DnsCode::badcookie : DnsCode::noerror;
    }
    if (verdict != DnsRateLimiter::Verdict::pass) return;
  }
  if (query.fault == DnsCode::noerror && !query.question.empty()) {
    find_name(item, now_ms, pending);
  }
}

void DnsAnswerer::find_name(const Item& item, std::int64_t now_ms, Pending& pending) const {
  const DnsQuery& query = *pending.query;
  const auto type = static_cast<DnsType>(query.type);
  const bool is_transfer = type == DnsType::axfr || type == DnsType::ixfr;
  const bool is_in = query.class_code == kDnsClassIn || query.class_code == kDnsClassAny;
  if (!is_transfer && is_in) pending.name = zones_.find(Bytes(query.name).first(query.name_bytes));
  const DnsZones::Node* const node = pending.name.node;
  if (pending.name.zone == nullptr) pending.outcome.code = DnsCode::refused;
  if (pending.name.zone != nullptr && node == nullptr) pending.outcome.code = DnsCode::nxdomain;
  const bool is_address = type == DnsType::a || type == DnsType::aaaa;
  pending.needs_edge = node != nullptr && node->service && (node->is_cname || is_address);
  if (!pending.needs_edge) return;
  const bool by_subnet = query.subnet && query.subnet->source_bits > 0;
  policy::Request& request = pending.outcome.request;
  request = {.at_ms = now_ms,
             .client = by_subnet ? query.subnet->address : item.peer.unwrapped(),
             .service = *node->service};
}

/// The answer and authority sections of what was asked about a name of ours.
void DnsAnswerer::write_records(Pending& pending, Writer& writer) const {
  const DnsQuery& query = *pending.query;
  DnsOutcome& outcome = pending.outcome;
  const DnsZones::Found& name = pending.name;
  if (pending.needs_edge) {
    outcome.decision = policy::route(outcome.request, outcome.client, *snapshot_);
    // A resolver that gets no answer asks another server, or goes on with what it had.
    if (outcome.decision->edge == cache::kNoEdge) {
      outcome.code = DnsCode::servfail;
    } else if (name.node->is_cname) {
      write_cname(pending, writer);
    } else {
      write_edges(*outcome.decision, static_cast<DnsType>(query.type), writer);
    }
  } else if (name.node != nullptr) {
    write_zone(query, name, writer);
  }
  if (writer.answers() > 0 || outcome.code == DnsCode::servfail) return;
  writer.record(Writer::Section::authority,
                Writer::question_at(query.name_bytes - name.zone->name.size()), DnsType::soa,
                whole_seconds(options_.negative_ttl_ms), name.zone->soa);
}

void DnsAnswerer::write(Pending& pending, bool is_udp, std::vector<std::uint8_t>& out) const {
  const DnsQuery& query = *pending.query;
  DnsOutcome& outcome = pending.outcome;
  Writer writer(out);
  writer.begin(query);
  Writer::Opt opt{.cookie = pending.cookie,
                  .nsid = query.wants_nsid ? std::string_view(options_.nsid) : ""};
  if (pending.name.zone != nullptr) write_records(pending, writer);
  if (pending.needs_edge && query.subnet && query.subnet->source_bits > 0) {
    opt.scope_bits = scope_bits(*query.subnet);
  }
  const std::size_t room =
      std::min<std::size_t>(query.udp_bytes_max, kUdpBytesMax) - Writer::opt_bytes(query, opt);
  const bool is_short = outcome.limited == DnsLimited::truncated;
  if (is_short || (is_udp && writer.size() > room)) writer.truncate(query);
  if (query.has_edns) writer.opt(query, outcome.code, opt);
  // Of all classes together nobody has the last word (RFC 1035 §6.2).
  const bool is_authoritative = pending.name.zone != nullptr && query.class_code == kDnsClassIn &&
                                outcome.code != DnsCode::servfail;
  writer.end(query, outcome.code, is_authoritative);
}

void DnsAnswerer::locate(std::span<Pending> batch) {
  // Step by step for all, so that they wait for memory together.
  const geo::AddressMap& map = snapshot_->fleet->map();
  clients_.clear();
  for (const Pending& pending : batch) {
    if (pending.needs_edge) clients_.push_back(pending.outcome.request.client);
  }
  map.prefetch(clients_);
  for (Pending& pending : batch) {
    if (!pending.needs_edge) continue;
    DnsOutcome& outcome = pending.outcome;
    outcome.client = policy::locate(outcome.request.client, map);
    policy::prefetch(outcome.request, outcome.client, *snapshot_);
  }
}

std::span<const DnsOutcome> DnsAnswerer::answer(std::span<const Item> items, std::int64_t now_ms,
                                                bool is_udp, std::vector<std::uint8_t>& out,
                                                std::span<std::size_t> ends) {
  outcomes_.clear();
  for (std::size_t i = 0; i < items.size(); ++i) prepare(items[i], now_ms, is_udp, pending_[i]);
  locate({pending_.data(), items.size()});
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (pending_[i].query) {
      if (pending_[i].outcome.limited != DnsLimited::dropped) write(pending_[i], is_udp, out);
      outcomes_.push_back(pending_[i].outcome);
    }
    ends[i] = out.size();
  }
  return outcomes_;
}

}  // namespace edgeward::controller
