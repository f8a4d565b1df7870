#include "controller/http/client.hpp"

#include <fmt/format.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <chrono>

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr auto kTimeout = std::chrono::seconds(30);

}  // namespace

HttpReply ask_admin(const AdminAccess& access, std::string_view method, std::string_view target) {
  const std::size_t colon = access.address.rfind(':');
  std::string host = access.address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  const std::string port = colon == std::string::npos ? "" : access.address.substr(colon + 1);
  // Timeouts need the asynchronous way: each step is run to its end or to the deadline.
  asio::io_context context;
  beast::tcp_stream stream(context);
  beast::error_code error;
  const auto run = [&] {
    context.restart();
    context.run();
    if (error) {
      throw Unreachable(fmt::format("no answer from {}: {}; is `edgeward serve` running there?",
                                    access.address, error.message()));
    }
  };
  asio::ip::tcp::resolver resolver(context);
  const auto found = resolver.resolve(host, port, error);
  run();
  stream.expires_after(kTimeout);
  stream.async_connect(found,
                       [&](const beast::error_code& result, const auto&) { error = result; });
  run();
  http::request<http::string_body> request;
  request.version(11);
  request.method_string({method.data(), method.size()});
  request.target({target.data(), target.size()});
  request.set(http::field::host, access.address);
  request.set(http::field::connection, "close");
  if (!access.token.empty()) request.set(http::field::authorization, "Bearer " + access.token);
  request.prepare_payload();
  http::async_write(stream, request,
                    [&](const beast::error_code& result, std::size_t) { error = result; });
  run();
  beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::async_read(stream, buffer, response,
                   [&](const beast::error_code& result, std::size_t) { error = result; });
  run();
  return {.status = static_cast<int>(response.result_int()), .body = std::move(response.body())};
}

}  // namespace edgeward::controller
