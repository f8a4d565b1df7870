#include "controller/agent/responder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "controller/network/http_date.hpp"
#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

/// How often what was to be served may turn out to be gone, or to be fresh again.
constexpr int kAttemptsMax = 4;

/// Of IPv6 a /48, of IPv4 a /24: whose network it is, not who.
geo::IpPrefix network_of(const geo::IpAddress& client) {
  constexpr unsigned kV4Bits = 24;
  constexpr unsigned kV6Bits = 48;
  return geo::IpPrefix::around(client, client.is_v4() ? geo::kV4LengthOffset + kV4Bits : kV6Bits);
}

sim::CacheKeyRules path_rules() {
  sim::CacheKeyRules rules;
  rules.use_host = false;  // an edge is asked by its own name
  return rules;
}

/// Counts a reader of an object for as long as it lives.
class Reading {
 public:
  Reading(cache::LruInventory& index, const cache::LruInventory::Entry& entry)
      : index_(index), content_(entry.content), version_(entry.meta.version) {
    ++index_.find(content_)->readers;
  }
  ~Reading() {
    auto* const entry = index_.find(content_);
    const bool is_same = entry != nullptr && entry->meta.version == version_;
    if (is_same && entry->readers > 0) --entry->readers;
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  cache::LruInventory& index_;
  cache::ContentId content_;
  std::uint64_t version_;
};

}  // namespace

Responder::Responder(Holdings& holdings, Fills& fills, Reporter& reporter)
    : holdings_(holdings), fills_(fills), reporter_(reporter), keys_(path_rules()) {}

bool Responder::refuse(int status, std::string_view detail, const HttpRequest& request,
                       ClientStream& stream, Tasks::Yield yield) {
  HttpResponse response;
  set_problem(status, detail, response);
  if (status == 405) response.allow = "GET, HEAD";
  if (status == 503) response.retry_after_s = 1;
  std::string text;
  HttpDate date;
  append(response,
         {.keep_alive = stream.may_go_on,
          .is_head = request.method == "HEAD",
          .date = date.at(wall_ms())},
         text);
  return stream.write(text, yield) && stream.may_go_on;
}

bool Responder::answer(const HttpRequest& request, const geo::IpAddress& client,
                       ClientStream& stream, Tasks::Yield yield) {
  if (request.method != "GET" && request.method != "HEAD") {
    return refuse(405, "an edge is asked by GET and HEAD", request, stream, yield);
  }
  Exchange exchange{.request = request,
                    .client = client,
                    .stream = stream,
                    .conditions = {.range = request.range,
                                   .if_range = request.if_range,
                                   .if_none_match = request.if_none_match,
                                   .if_modified_since = request.if_modified_since},
                    .key = {}};
  keys_.write("", request.target, exchange.key);
  if (exchange.key.size() > cache::kKeyBytesMax) {
    return refuse(414, fmt::format("a key has at most {} bytes", cache::kKeyBytesMax), request,
                  stream, yield);
  }
  exchange.content = cache::content_id(exchange.key);
  // What is answered to who has a password is for nobody else (RFC 9111 §3.5).
  if (!request.authorization.empty()) return answer_alone(exchange, "fwd=bypass", yield);
  return answer_shared(exchange, yield);
}

bool Responder::answer_shared(Exchange& exchange, Tasks::Yield yield) {
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    const cache::LruInventory::Entry* held = holdings_.index().find(exchange.content);
    const std::int64_t now_ms = wall_ms();
    const bool is_fresh = held != nullptr && now_ms < held->meta.fresh_until_ms;
    const bool may_be_stale = held != nullptr && now_ms < held->meta.stale_until_ms;
    if (is_fresh || may_be_stale) {
      if (!is_fresh) (void)fills_.fetch(exchange.content, exchange.key);
      if (const auto answered = answer_held(exchange, yield)) return *answered;
      if (!exchange.has_store) return answer_alone(exchange, "fwd=miss", yield);
      continue;
    }
    const std::string_view why = held != nullptr ? "fwd=stale" : "fwd=uri-miss";
    const auto fill = fills_.fetch(exchange.content, exchange.key);
    if (fill == nullptr) {
      return refuse(503, "too much is being fetched", exchange.request, exchange.stream, yield);
    }
    fills_.wait_for_head(*fill, yield);
    if (fill->is_not_modified) continue;
    const bool has_failed = fill->error || fill->head->status >= 500;
    held = has_failed ? holdings_.index().find(exchange.content) : nullptr;
    if (held != nullptr && wall_ms() < held->meta.error_stale_until_ms) {
      if (const auto answered = answer_held(exchange, yield)) return *answered;
    }
    if (fill->error) {
      return refuse(fill->error->status, fill->error->detail, exchange.request, exchange.stream,
                    yield);
    }
    // Of one that is nobody else's the first who gets to it takes it.
    if (!fill->is_shared && std::exchange(fill->is_taken, true)) {
      return answer_alone(exchange, why, yield);
    }
    return send_fill(exchange, fill, why, yield);
  }
  return refuse(503, "what is held keeps changing", exchange.request, exchange.stream, yield);
}

bool Responder::answer_alone(Exchange& exchange, std::string_view why, Tasks::Yield yield) {
  const auto fill =
      fills_.fetch_alone(exchange.content, exchange.key, exchange.request.authorization);
  if (fill == nullptr) {
    return refuse(503, "too much is being fetched", exchange.request, exchange.stream, yield);
  }
  fills_.wait_for_head(*fill, yield);
  if (fill->error) {
    return refuse(fill->error->status, fill->error->detail, exchange.request, exchange.stream,
                  yield);
  }
  return send_fill(exchange, fill, why, yield);
}

/// Nothing where it turned out not to be there, or the store does not answer.
std::optional<bool> Responder::answer_held(Exchange& exchange, Tasks::Yield yield) {
  const cache::LruInventory::Entry* const held = holdings_.index().find(exchange.content);
  if (held == nullptr) return std::nullopt;
  holdings_.index().touch(*held);
  const Reading reading(holdings_.index(), *held);
  const cache::ObjectMeta meta = held->meta;  // it may go while it is read
  return send_held(exchange, meta, yield);
}

std::optional<bool> Responder::send_held(Exchange& exchange, const cache::ObjectMeta& meta,
                                         Tasks::Yield yield) {
  const std::int64_t ttl_ms = meta.fresh_until_ms - wall_ms();
  const std::string status = fmt::format("hit; ttl={}", ttl_ms / 1000);
  const Answer answer = decide(exchange, {.etag = meta.etag, .last_modified = meta.last_modified},
                               {.fields = meta.fields,
                                .cache_status = status,
                                .stored_at_ms = meta.stored_at_ms,
                                .length_bytes = meta.length_bytes});
  const bool has_body = (answer.status == 200 || answer.status == 206) && meta.length_bytes > 0 &&
                        exchange.request.method == "GET";
  const bool is_part = answer.status == 206;
  std::uint64_t at = is_part ? answer.extent.range.first : 0;
  const std::uint64_t end = is_part ? answer.extent.range.last + 1 : meta.length_bytes;
  std::string head = head_of(exchange, answer);
  // The first piece comes before the header, which cannot be taken back.
  while (has_body && at < end) {
    const auto piece = read_piece(holdings_.store(), exchange.content, meta.version, at, yield);
    if (!piece && head.empty()) return false;
    if (!piece) {
      exchange.has_store = piece.error().status != 503;
      if (exchange.has_store) (void)holdings_.remove(exchange.content, yield);
      return std::nullopt;
    }
    const std::string_view bytes = piece->bytes.substr(0, end - at);
    const std::string sent = std::exchange(head, {});
    if (!exchange.stream.write(
            {boost::asio::buffer(sent), boost::asio::buffer(bytes.data(), bytes.size())}, yield)) {
      return false;
    }
    at += bytes.size();
    reporter_.note_sent(bytes.size());
  }
  if (!head.empty() && !exchange.stream.write(head, yield)) return false;
  note(exchange, meta.length_bytes, true);
  return exchange.stream.may_go_on;
}

bool Responder::send_fill(Exchange& exchange, const std::shared_ptr<Fill>& fill,
                          std::string_view why, Tasks::Yield yield) {
  const OriginHead& origin = *fill->head;
  const std::string status =
      fmt::format("{}; fwd-status={}{}", why, origin.status, fill->is_kept ? "; stored" : "");
  Answer answer{.status = origin.status,
                .fields = origin.fields,
                .cache_status = status,
                .stored_at_ms = fill->meta.stored_at_ms,
                .length_bytes = origin.length_bytes};
  if (origin.status == 200) {
    answer = decide(exchange, {.etag = origin.etag, .last_modified = origin.last_modified}, answer);
  }
  const bool has_length = origin.length_bytes.has_value();
  if (!has_length && exchange.request.is_http_1_0) exchange.stream.may_go_on = false;
  std::string head = head_of(exchange, answer);
  const bool has_body = exchange.request.method == "GET" && answer.status != 304 &&
                        answer.status != 416 && answer.status != 204 && origin.length_bytes != 0U;
  if (!has_body) {
    if (!exchange.stream.write(head, yield)) return false;
  } else if (!send_body(exchange, fill, answer, std::move(head), yield)) {
    return false;
  }
  if (origin.status == 200) note(exchange, origin.length_bytes.value_or(fill->have_bytes), false);
  return exchange.stream.may_go_on;
}

/// Pieces as they come; in chunks of HTTP where their sum is not known (RFC 9112 §7.1).
bool Responder::send_body(Exchange& exchange, const std::shared_ptr<Fill>& fill,
                          const Answer& answer, std::string head, Tasks::Yield yield) {
  const bool is_part = answer.status == 206;
  std::uint64_t at = is_part ? answer.extent.range.first : 0;
  const std::uint64_t end =
      is_part ? answer.extent.range.last + 1 : answer.length_bytes.value_or(UINT64_MAX);
  const bool is_chunked = !answer.length_bytes && !exchange.request.is_http_1_0;
  Fills::Reader reader(fills_, fill, at);
  while (at < end) {
    const auto piece = reader.next(yield);
    // What has begun can only be cut off, so that the client sees that it is not whole.
    if (!piece) return false;
    if (piece->bytes.empty()) break;
    const std::string_view bytes = piece->bytes.substr(0, end - at);
    if (is_chunked) head += fmt::format("{:x}\r\n", bytes.size());
    const std::string sent = std::exchange(head, is_chunked ? "\r\n" : "");
    if (!exchange.stream.write(
            {boost::asio::buffer(sent), boost::asio::buffer(bytes.data(), bytes.size())}, yield)) {
      return false;
    }
    at += bytes.size();
    reporter_.note_sent(bytes.size());
  }
  if (answer.length_bytes && at < end) return false;
  if (is_chunked) head += "0\r\n\r\n";
  return head.empty() || exchange.stream.write(head, yield);
}

Responder::Answer Responder::decide(const Exchange& exchange, const Validators& validators,
                                    Answer answer) const {
  if (is_not_modified(exchange.conditions, validators)) {
    answer.status = 304;
    return answer;
  }
  if (!answer.length_bytes || exchange.request.method != "GET") return answer;
  answer.extent = extent_of(exchange.conditions, validators, *answer.length_bytes);
  if (answer.extent.kind == Extent::Kind::part) answer.status = 206;
  if (answer.extent.kind == Extent::Kind::unsatisfiable) answer.status = 416;
  return answer;
}

std::string Responder::head_of(const Exchange& exchange, const Answer& answer) const {
  const std::int64_t now_ms = wall_ms();
  HttpDate date;
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", answer.status,
                                 reason_phrase(answer.status), date.at(now_ms));
  auto to = std::back_inserter(head);
  head += answer.fields;
  const bool is_content = answer.status == 200 || answer.status == 206;
  if (is_content || answer.status == 304) {
    fmt::format_to(to, "Age: {}\r\n",
                   std::max<std::int64_t>(now_ms - answer.stored_at_ms, 0) / 1000);
  }
  if (is_content) head += "Accept-Ranges: bytes\r\n";
  const ByteRange& range = answer.extent.range;
  if (answer.status == 206) {
    fmt::format_to(to, "Content-Range: bytes {}-{}/{}\r\nContent-Length: {}\r\n", range.first,
                   range.last, *answer.length_bytes, range.last - range.first + 1);
  } else if (answer.status == 416) {
    fmt::format_to(to, "Content-Range: bytes */{}\r\nContent-Length: 0\r\n", *answer.length_bytes);
  } else if (answer.status != 304 && answer.status != 204) {
    if (answer.length_bytes) {
      fmt::format_to(to, "Content-Length: {}\r\n", *answer.length_bytes);
    } else if (!exchange.request.is_http_1_0) {
      head += "Transfer-Encoding: chunked\r\n";
    }
  }
  fmt::format_to(to, "Cache-Status: edgeward; {}\r\n", answer.cache_status);
  if (!exchange.stream.may_go_on) head += "Connection: close\r\n";
  return head += "\r\n";
}

void Responder::note(const Exchange& exchange, std::uint64_t size_bytes, bool is_hit) {
  reporter_.note({.at_ms = wall_ms(),
                  .client = network_of(exchange.client),
                  .key = exchange.key,
                  .content = exchange.content,
                  .size_bytes = size_bytes,
                  .is_hit = is_hit});
}

}  // namespace edgeward::controller
