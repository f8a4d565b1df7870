// What is to be had of one core without any work: an Asio server that reads, counts the requests in
// what it read and writes as many canned redirections at once. The measure for pipelined requests:
//   edgeward_bare_answerer_bench PORT

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr std::string_view kAnswer =
    "HTTP/1.1 302 Found\r\nDate: Thu, 26 Nov 2026 00:00:00 GMT\r\nServer: edgeward\r\n"
    "Location: https://fra1/video/1.mp4\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n";

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  explicit Connection(tcp::socket socket) : socket_(std::move(socket)) {}

  void read() {
    socket_.async_read_some(
        asio::buffer(input_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
          if (!error) self->answer(std::string_view(self->input_.data(), count));
        });
  }

 private:
  void answer(std::string_view bytes) {
    output_.clear();
    for (const char c : bytes) {
      // A request ends with the second of two line ends.
      line_ends_ = c == '\n' ? line_ends_ + 1 : c == '\r' ? line_ends_ : 0;
      if (line_ends_ < 2) continue;
      output_ += kAnswer;
      line_ends_ = 0;
    }
    if (output_.empty()) return read();
    asio::async_write(
        socket_, asio::buffer(output_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
          if (!error) self->read();
        });
  }

  tcp::socket socket_;
  std::array<char, 16'384> input_{};
  std::string output_;
  int line_ends_ = 0;
};

void accept(tcp::acceptor& acceptor) {
  acceptor.async_accept([&acceptor](const boost::system::error_code& error, tcp::socket socket) {
    if (!error) {
      socket.set_option(tcp::no_delay(true));
      std::make_shared<Connection>(std::move(socket))->read();
    }
    accept(acceptor);
  });
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return 2;
  asio::io_context context{1};
  const auto port = static_cast<unsigned short>(std::atoi(arguments[1]));
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), port});
  accept(acceptor);
  context.run();
}
