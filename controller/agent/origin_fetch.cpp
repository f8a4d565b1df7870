#include "controller/agent/origin_fetch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>
#include <iterator>
#include <utility>

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kHeaderBytesMax = 64 << 10;
/// Of the fields that are kept with an object.
constexpr std::size_t kFieldBytesMax = 16 << 10;

/// Fields of one connection (RFC 9110 §7.6.1), and those that an edge writes itself.
bool is_own(http::field name, beast::string_view text) {
  switch (name) {
    case http::field::connection:
    case http::field::keep_alive:
    case http::field::proxy_authenticate:
    case http::field::proxy_connection:
    case http::field::te:
    case http::field::trailer:
    case http::field::transfer_encoding:
    case http::field::upgrade:
    case http::field::content_length:
    case http::field::content_range:
    case http::field::accept_ranges:
    case http::field::date:
    case http::field::age:
      return true;
    default:
      return beast::iequals(text, "Cache-Status");
  }
}

bool is_printable(beast::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7F;
  });
}

std::string text_of(beast::string_view text) {
  return {text.data(), text.size()};
}

void join(std::string& list, beast::string_view value) {
  if (!list.empty()) list += ", ";
  list.append(value.data(), value.size());
}

void take_field(http::field name, beast::string_view value, OriginHead& head) {
  switch (name) {
    case http::field::cache_control:
      return join(head.cache_control, value);
    case http::field::vary:
      return join(head.vary, value);
    case http::field::expires:
      head.expires = text_of(value);
      return;
    case http::field::date:
      head.date = text_of(value);
      return;
    case http::field::age:
      head.age = text_of(value);
      return;
    case http::field::etag:
      head.etag = text_of(value);
      return;
    case http::field::last_modified:
      head.last_modified = text_of(value);
      return;
    case http::field::set_cookie:
      head.sets_cookie = true;
      return;
    default:
      return;
  }
}

}  // namespace

struct OriginFetch::State {
  State(Tasks& all, const HttpUrl& url, const AgentOptions& given)
      : tasks(all), from(url), options(given), stream(all.context()) {
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(boost::none);
  }

  /// A step has so long, and all steps together have theirs.
  void limit(std::int64_t ms) {
    stream.expires_at(std::min(Clock::now() + std::chrono::milliseconds(ms), ends_at));
  }
  [[nodiscard]] FetchError error_of(const beast::error_code& error, std::string_view step) const {
    const bool is_late = error == beast::error::timeout;
    const std::string why = error == http::error::partial_message
                                ? std::string("the answer ended before its length")
                                : error.message();
    return {.status = is_late ? 504 : 502,
            .detail = fmt::format("{}: {}: {}", from.authority(), step,
                                  is_late ? "no answer in time" : why)};
  }
  [[nodiscard]] tl::expected<OriginHead, FetchError> take_head();

  Tasks& tasks;
  HttpUrl from;
  AgentOptions options;
  beast::tcp_stream stream;
  beast::flat_buffer buffer{kHeaderBytesMax + (128 << 10)};
  http::response_parser<http::buffer_body> parser;
  Clock::time_point ends_at{};
};

OriginFetch::OriginFetch(Tasks& tasks, const HttpUrl& from, const AgentOptions& options)
    : state_(std::make_unique<State>(tasks, from, options)) {}
OriginFetch::~OriginFetch() = default;

void OriginFetch::stop() {
  state_->stream.cancel();
}

tl::expected<OriginHead, FetchError> OriginFetch::open(const OriginRequest& asked,
                                                       Tasks::Yield yield) {
  State& state = *state_;
  state.ends_at = Clock::now() + std::chrono::milliseconds(state.options.fetch_timeout_ms);
  beast::error_code error;
  asio::ip::tcp::resolver resolver(state.tasks.context());
  const auto found = resolver.async_resolve(state.from.host, state.from.port, yield[error]);
  if (error) return tl::unexpected(state.error_of(error, "cannot resolve"));
  state.limit(state.options.connect_timeout_ms);
  state.stream.async_connect(found, yield[error]);
  if (error) return tl::unexpected(state.error_of(error, "cannot connect"));

  http::request<http::empty_body> request;
  request.version(11);
  request.method(http::verb::get);
  const std::size_t slash = asked.key.find('/');
  const bool has_host = slash != std::string::npos && slash > 0;
  request.target(has_host ? asked.key.substr(slash) : asked.key);
  request.set(http::field::host, has_host ? asked.key.substr(0, slash) : state.from.authority());
  request.set(http::field::connection, "close");
  request.set(http::field::user_agent, "edgeward");
  const std::array fields{std::pair{http::field::authorization, &asked.authorization},
                          std::pair{http::field::if_none_match, &asked.if_none_match},
                          std::pair{http::field::if_modified_since, &asked.if_modified_since}};
  for (const auto& [name, value] : fields) {
    if (!value->empty()) request.set(name, *value);
  }
  state.limit(state.options.response_timeout_ms);
  http::async_write(state.stream, request, yield[error]);
  if (error) return tl::unexpected(state.error_of(error, "cannot ask"));
  http::async_read_header(state.stream, state.buffer, state.parser, yield[error]);
  if (error) return tl::unexpected(state.error_of(error, "no header"));
  return state.take_head();
}

tl::expected<OriginHead, FetchError> OriginFetch::State::take_head() {
  OriginHead head;
  head.status = static_cast<int>(parser.get().result_int());
  for (const auto& field : parser.get()) {
    take_field(field.name(), field.value(), head);
    if (is_own(field.name(), field.name_string()) || !is_printable(field.value())) continue;
    fmt::format_to(std::back_inserter(head.fields), "{}: {}\r\n",
                   std::string_view(field.name_string().data(), field.name_string().size()),
                   std::string_view(field.value().data(), field.value().size()));
  }
  if (head.fields.size() > kFieldBytesMax) {
    return tl::unexpected(FetchError{.detail = fmt::format("{}: fields of more than {} bytes",
                                                           from.authority(), kFieldBytesMax)});
  }
  if (const auto length = parser.content_length()) head.length_bytes = *length;
  if (parser.is_done()) head.length_bytes = 0;  // 204, 304, or a body of nothing
  return head;
}

tl::expected<std::size_t, FetchError> OriginFetch::read(std::span<char> into, Tasks::Yield yield) {
  State& state = *state_;
  auto& body = state.parser.get().body();
  body.data = into.data();
  body.size = into.size();
  while (body.size == into.size() && !state.parser.is_done()) {
    state.limit(state.options.stall_timeout_ms);
    beast::error_code error;
    http::async_read_some(state.stream, state.buffer, state.parser, yield[error]);
    if (error && error != http::error::need_buffer) {
      return tl::unexpected(state.error_of(error, "no more"));
    }
  }
  return into.size() - body.size;
}

}  // namespace edgeward::controller
