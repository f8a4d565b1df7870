#include "controller/http/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <optional>

namespace edgeward::controller {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;

/// The first byte of a TLS handshake (RFC 8446 section 5.1), which is none of a request's.
constexpr char kTlsHandshake = 22;

std::string_view view(beast::string_view text) {
  return {text.data(), text.size()};
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && byte != '\t') || byte == 0x7F;
  });
}

void join(std::string& list, std::string_view value) {
  if (!list.empty()) list += ", ";
  list += value;
}

/// Whether a request line has its three words, so that what is wrong with it is the version.
bool has_three_words(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, bytes.find("\r\n"));
  return std::count(line.begin(), line.end(), ' ') == 2 && line.find('\n') == line.npos;
}

HttpRefusal refusal_of(const beast::error_code& error, std::string_view bytes,
                       const HttpLimits& limits) {
  if (error == http::error::bad_version && has_three_words(bytes)) {
    return {505, "expected HTTP/1.1 or HTTP/1.0"};
  }
  if (error == http::error::header_limit) {
    return {431, fmt::format("the header has more than {} bytes", limits.header_bytes_max)};
  }
  if (error == http::error::body_limit) {
    return {413, fmt::format("the body has more than {} bytes", limits.body_bytes_max)};
  }

  return {400, "not HTTP: " + error.message()};
}

}  // namespace

/// The seam to Beast: writes what it finds into the reader's request, or a refusal.
class HttpRequestReader::Parser : public http::basic_parser<true> {
 public:
  Parser(const HttpLimits& limits, HttpRequest& request, HttpRefusal& refusal)
      : limits_(limits), request_(request), refusal_(refusal) {
    eager(true);
    header_limit(static_cast<std::uint32_t>(limits.header_bytes_max));
    body_limit(limits.body_bytes_max);
  }

  [[nodiscard]] bool is_refused() const { return is_refused_; }

 private:
  using Error = beast::error_code;

  void refuse(int status, std::string detail, Error& error) {
    is_refused_ = true;
    refusal_ = {status, std::move(detail)};
    error = http::error::bad_value;
  }

  void on_request_impl(http::verb, beast::string_view method, beast::string_view target,
                       int version, Error& error) override {
    if (target.size() > limits_.target_bytes_max) {
      return refuse(414, fmt::format("the target has more than {} bytes", limits_.target_bytes_max),
                    error);
    }
    if (version != 10 && version != 11) return refuse(505, "expected HTTP/1.1 or HTTP/1.0", error);
    request_.method = view(method);
    request_.target = view(target);
    request_.is_http_1_0 = version == 10;
  }

  void on_field_impl(http::field field, beast::string_view field_name, beast::string_view value,
                     Error& error) override {
    const std::string_view text = view(value);
    if (has_control(text)) return refuse(400, "a field holds a control byte", error);
    switch (field) {
      case http::field::host:
        if (hosts_++ > 0) return refuse(400, "there are several Host fields", error);
        request_.host = text;
        break;
      case http::field::transfer_encoding:
        if (request_.is_http_1_0) return refuse(400, "Transfer-Encoding with HTTP/1.0", error);
        if (!beast::iequals(value, "chunked")) {
          return refuse(501, "the only Transfer-Encoding taken is chunked", error);
        }
        break;
      case http::field::authorization:
        request_.authorization = text;
        break;
      case http::field::content_type:
        request_.content_type = text;
        break;
      case http::field::forwarded:
        join(request_.forwarded, text);
        break;
      case http::field::expect:
        if (!beast::iequals(value, "100-continue")) {
          return refuse(417, "the only Expect taken is 100-continue", error);
        }
        request_.expects_continue = true;
        break;
      case http::field::range:
        request_.range = text;
        break;
      case http::field::if_range:
        request_.if_range = text;
        break;
      case http::field::if_none_match:
        join(request_.if_none_match, text);
        break;
      case http::field::if_modified_since:
        request_.if_modified_since = text;
        break;
      default:
        if (beast::iequals(field_name, "X-Forwarded-For")) join(request_.x_forwarded_for, text);
        break;
    }
  }

  void on_header_impl(Error& error) override {
    if (hosts_ == 0 && !request_.is_http_1_0) return refuse(400, "there is no Host field", error);
    request_.keep_alive = keep_alive();
  }

  void on_body_init_impl(const boost::optional<std::uint64_t>&, Error&) override {}
  std::size_t on_body_impl(beast::string_view body, Error&) override {
    request_.body += view(body);
    return body.size();
  }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, Error&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view body, Error&) override {
    request_.body += view(body);
    return body.size();
  }
  void on_finish_impl(Error&) override {}
  void on_response_impl(int, beast::string_view, int, Error&) override {}  // never for requests

  const HttpLimits& limits_;
  HttpRequest& request_;
  HttpRefusal& refusal_;
  int hosts_ = 0;
  bool is_refused_ = false;
};

void HttpRequest::clear() {
  for (std::string* text :
       {&method, &target, &host, &authorization, &content_type, &forwarded, &x_forwarded_for,
        &range, &if_range, &if_none_match, &if_modified_since, &body}) {
    text->clear();
  }
  is_http_1_0 = false;
  keep_alive = true;
  expects_continue = false;
}

HttpRequestReader::HttpRequestReader(const HttpLimits& limits) : limits_(limits) {
  next();
}

HttpRequestReader::~HttpRequestReader() = default;

bool HttpRequestReader::is_within() const {
  return parser_->got_some();
}

bool HttpRequestReader::is_within_body() const {
  return parser_->is_header_done();
}

void HttpRequestReader::next() {
  request_.clear();
  parser_ = std::make_unique<Parser>(limits_, request_, refusal_);
}

HttpRequestReader::State HttpRequestReader::read(std::string_view bytes, std::size_t& used) {
  used = 0;
  if (!bytes.empty() && bytes.front() == kTlsHandshake && !is_within()) {
    refusal_ = {400, "TLS, where plain HTTP is spoken: ask by http://"};
    return State::refused;
  }
  const bool had_header = parser_->is_header_done();
  while (used < bytes.size() && !parser_->is_done()) {
    beast::error_code error;
    used += parser_->put(boost::asio::buffer(bytes.data() + used, bytes.size() - used), error);
    if (error == http::error::need_more) break;
    if (!error) continue;
    if (!parser_->is_refused()) refusal_ = refusal_of(error, bytes, limits_);
    return State::refused;
  }
  if (parser_->is_done()) return State::done;
  const bool has_header = parser_->is_header_done();
  const bool waits = request_.expects_continue && has_header && !had_header;
  return waits ? State::wants_continue : State::needs_more;
}

}  // namespace edgeward::controller
