#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "controller/agent/tasks.hpp"

namespace edgeward::controller {

/// A client's connection: what is written to it, and for how long it may take that.
class ClientStream {
 public:
  ClientStream(boost::asio::ip::tcp::socket socket, std::int64_t write_timeout_ms)
      : stream_(std::move(socket)), write_timeout_ms_(write_timeout_ms) {}

  /// False where the client has gone or takes too long.
  [[nodiscard]] bool write(std::vector<boost::asio::const_buffer> buffers, Tasks::Yield yield) {
    stream_.expires_after(std::chrono::milliseconds(write_timeout_ms_));
    boost::system::error_code error;
    boost::asio::async_write(stream_, buffers, yield[error]);
    return !error;
  }
  [[nodiscard]] bool write(std::string_view text, Tasks::Yield yield) {
    return write({boost::asio::buffer(text.data(), text.size())}, yield);
  }
  [[nodiscard]] boost::beast::tcp_stream& stream() { return stream_; }

  bool may_go_on = true;  ///< after this answer

 private:
  boost::beast::tcp_stream stream_;
  std::int64_t write_timeout_ms_;
};

}  // namespace edgeward::controller
