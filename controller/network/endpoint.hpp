#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

namespace edgeward::controller {

/// Of ADDRESS:PORT or [ADDRESS]:PORT to listen on; port 0: any free one. Throws std::runtime_error
/// that says what was expected.
[[nodiscard]] boost::asio::ip::tcp::endpoint parse_endpoint(const std::string& text);

}  // namespace edgeward::controller
