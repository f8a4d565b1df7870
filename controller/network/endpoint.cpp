#include "controller/network/endpoint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <string_view>

namespace edgeward::controller {

namespace asio = boost::asio;
using asio::ip::tcp;

tcp::endpoint parse_endpoint(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  std::string host = text.substr(0, std::min(colon, text.size()));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  boost::system::error_code error;
  const auto address = asio::ip::make_address(host, error);
  std::uint32_t port = 0;
  const std::string_view digits =
      colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1);
  bool is_good = !error && !digits.empty() && digits.size() <= 5;
  for (const char c : digits) {
    is_good = is_good && c >= '0' && c <= '9';
    port = port * 10 + static_cast<std::uint32_t>(c - '0');
  }
  if (!is_good || port > 65'535) {
    throw std::runtime_error(
        fmt::format("cannot listen on '{}': expected ADDRESS:PORT such as 127.0.0.1:8080", text));
  }
  return {address, static_cast<std::uint16_t>(port)};
}

}  // namespace edgeward::controller
