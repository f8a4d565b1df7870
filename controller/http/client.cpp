#include "controller/http/client.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <chrono>

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;

constexpr auto kTimeout = std::chrono::seconds(30);
constexpr std::string_view kHttpScheme = "http://";
constexpr std::string_view kHttpsScheme = "https://";

/// Runs the steps of one exchange, each to its end or to the deadline: timeouts need the
/// asynchronous way.
class Steps {
 public:
  explicit Steps(const std::string& address) : address_(address) {}

  [[nodiscard]] asio::io_context& context() { return context_; }
  /// What a step's handler is to note.
  [[nodiscard]] auto note() {
    return [this](const beast::error_code& result, const auto&...) { error_ = result; };
  }
  void run() {
    context_.restart();
    context_.run();
    require(error_);
  }
  void require(const beast::error_code& error) const {
    if (!error) return;
    throw Unreachable(fmt::format("no answer from {}: {}; is `edgeward serve` running there?",
                                  address_, error.message()));
  }

 private:
  const std::string& address_;
  asio::io_context context_;
  beast::error_code error_;
};

/// HOST and PORT of an address.
struct Target {
  std::string host;
  std::string port;
  bool is_tls = false;
  std::string text;  ///< HOST:PORT as it was written
};

Target target_of(std::string_view address) {
  Target target;
  target.is_tls = address.starts_with(kHttpsScheme);
  for (const std::string_view scheme : {kHttpsScheme, kHttpScheme}) {
    if (address.starts_with(scheme)) address.remove_prefix(scheme.size());
  }
  target.text = address;
  const std::size_t colon = address.rfind(':');
  target.host = address.substr(0, colon);
  if (target.host.size() > 2 && target.host.front() == '[') {
    target.host = target.host.substr(1, target.host.size() - 2);
  }
  if (colon != std::string_view::npos) target.port = address.substr(colon + 1);
  return target;
}

void connect(beast::tcp_stream& stream, const Target& target, Steps& steps) {
  beast::error_code error;
  asio::ip::tcp::resolver resolver(steps.context());
  const auto found = resolver.resolve(target.host, target.port, error);
  steps.require(error);
  stream.expires_after(kTimeout);
  stream.async_connect(found, steps.note());
  steps.run();
}

template <class Stream>
HttpReply exchange(Stream& stream, const http::request<http::string_body>& request, Steps& steps) {
  http::async_write(stream, request, steps.note());
  steps.run();
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::async_read(stream, buffer, response, steps.note());
  steps.run();
  return {.status = static_cast<int>(response.result_int()), .body = std::move(response.body())};
}

/// TLS as a client speaks it with what it was told to trust and to show.
ssl::context tls_context(const AdminAccess& access) {
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  context.set_verify_mode(ssl::verify_peer);
  beast::error_code error;
  const auto require = [&](const std::filesystem::path& file) {
    if (!error) return;
    throw std::runtime_error(
        fmt::format("{}: {}: expected a file of PEM", file.string(), error.message()));
  };
  if (access.ca) {
    context.load_verify_file(access.ca->string(), error);
    require(*access.ca);
  } else {
    context.set_default_verify_paths(error);
  }
  if (access.certificate && access.private_key) {
    context.use_certificate_chain_file(access.certificate->string(), error);
    require(*access.certificate);
    context.use_private_key_file(access.private_key->string(), ssl::context::pem, error);
    require(*access.private_key);
  }
  return context;
}

}  // namespace

HttpReply ask_admin(const AdminAccess& access, std::string_view method, std::string_view path,
                    std::string_view body) {
  const Target target = target_of(access.address);
  http::request<http::string_body> request;
  request.version(11);
  request.method_string({method.data(), method.size()});
  request.target({path.data(), path.size()});
  request.set(http::field::host, target.text);
  request.set(http::field::connection, "close");
  if (!access.token.empty()) request.set(http::field::authorization, "Bearer " + access.token);
  if (!body.empty()) request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  Steps steps(access.address);
  if (!target.is_tls) {
    beast::tcp_stream stream(steps.context());
    connect(stream, target, steps);
    return exchange(stream, request, steps);
  }
  ssl::context context = tls_context(access);
  beast::ssl_stream<beast::tcp_stream> stream(steps.context(), context);
  stream.set_verify_callback(ssl::host_name_verification(target.host));
  (void)SSL_set_tlsext_host_name(stream.native_handle(), target.host.c_str());
  connect(stream.next_layer(), target, steps);
  stream.async_handshake(ssl::stream_base::client, steps.note());
  steps.run();
  return exchange(stream, request, steps);
}

}  // namespace edgeward::controller
