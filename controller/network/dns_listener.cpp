#include "controller/network/dns_listener.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <utility>

#include "controller/network/inherited_sockets.hpp"
#include "controller/network/worker_clock.hpp"

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr std::size_t kBatch = DnsAnswerer::kItemsMax;
constexpr std::size_t kQueryBytesMax = 4096;  ///< of what a datagram may hold; the rest is cut off
constexpr std::size_t kConnectionsMax = 1000;
constexpr int kFreePortTries = 64;
constexpr auto kTcpIdle = std::chrono::seconds(10);

[[noreturn]] void fail(const std::string& address, std::uint16_t port, const char* kind,
                       const boost::system::error_code& error) {
  throw std::runtime_error(
      fmt::format("cannot listen on {}:{} ({}): {}", address, port, kind, error.message()));
}

geo::IpAddress address_of(const sockaddr_storage& storage) {
  geo::IpAddress address;
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    return geo::IpAddress::v4(ntohl(v4.sin_addr.s_addr));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
  std::copy_n(v6.sin6_addr.s6_addr, 16, address.bytes.begin());
  return address;
}

template <class Socket, class Endpoint>
void open(Socket& socket, const Endpoint& endpoint, boost::system::error_code& error) {
  socket.open(endpoint.protocol(), error);
  if (!error) socket.set_option(typename Socket::reuse_address(true), error);
  if (!error) socket.set_option(ReusePort(true), error);
  if (!error) socket.bind(endpoint, error);
  if (!error) socket.non_blocking(true, error);
}

/// Our answers fit every path unfragmented (DnsAnswerer), so what ICMP says of a path is not looked
/// up, nor believed: forged, it would cut answers up (draft-ietf-dnsop-avoid-fragmentation).
void ignore_path_mtu(udp::socket& socket) {
  const int omit_v4 = IP_PMTUDISC_OMIT;
  const int omit_v6 = IPV6_PMTUDISC_OMIT;
  const int descriptor = socket.native_handle();
  // Where the kernel does not know it, things are as they were.
  (void)::setsockopt(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, &omit_v4, sizeof omit_v4);
  (void)::setsockopt(descriptor, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &omit_v6, sizeof omit_v6);
}

/// A TCP connection: two bytes of length before each message.
class TcpSession : public std::enable_shared_from_this<TcpSession> {
 public:
  TcpSession(tcp::socket socket, const DnsHandler& handler, std::size_t& sessions,
             TrafficCounts& counts)
      : socket_(std::move(socket)),
        timer_(socket_.get_executor()),
        handler_(handler),
        sessions_(sessions),
        counts_(counts) {
    ++sessions_;
    ++connection_counts().opened;
    boost::system::error_code error;
    const tcp::endpoint remote = socket_.remote_endpoint(error);
    const auto peer = geo::IpAddress::parse(remote.address().to_string());
    if (peer) peer_ = *peer;
  }
  ~TcpSession() {
    --sessions_;
    ++connection_counts().closed;
  }
  TcpSession(const TcpSession&) = delete;
  TcpSession& operator=(const TcpSession&) = delete;

  void read() {
    timer_.expires_after(kTcpIdle);
    timer_.async_wait([self = weak_from_this()](const boost::system::error_code& error) {
      const auto alive = self.lock();
      if (error || !alive) return;
      alive->connection_counts().note(TimedOut::idle);
      alive->close();
    });
    if (unread_ == input_.size()) input_.resize(std::max<std::size_t>(2 * input_.size(), 1024));
    socket_.async_read_some(
        asio::buffer(input_.data() + unread_, input_.size() - unread_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
          if (error) return self->close();
          self->unread_ += count;
          self->answer_all(WorkerClock::now_ns());
        });
  }

 private:
  [[nodiscard]] ConnectionCounts& connection_counts() {
    return counts_.connections_of(ListenerKind::dns);
  }

  void answer_all(std::int64_t read_at_ns) {
    const DnsRead read{.at_ns = read_at_ns, .transport = DnsTransport::tcp};
    std::uint64_t answers = 0;
    std::size_t begin = 0;
    while (unread_ - begin >= 2) {
      const std::size_t size = static_cast<std::size_t>(input_[begin] << 8 | input_[begin + 1]);
      if (unread_ - begin < size + 2) break;
      const std::size_t length_at = output_.size();
      output_.insert(output_.end(), 2, 0);
      const DnsAnswerer::Item item{std::span(input_).subspan(begin + 2, size), peer_};
      std::size_t end = 0;
      handler_({&item, 1}, read, output_, {&end, 1});
      const std::size_t answered = output_.size() - length_at - 2;
      if (answered == 0) output_.resize(length_at);
      if (answered > 0) {
        ++answers;
        output_[length_at] = static_cast<std::uint8_t>(answered >> 8);
        output_[length_at + 1] = static_cast<std::uint8_t>(answered);
      }
      begin += size + 2;
    }
    std::copy(input_.begin() + static_cast<std::ptrdiff_t>(begin),
              input_.begin() + static_cast<std::ptrdiff_t>(unread_), input_.begin());
    unread_ -= begin;
    if (output_.empty()) return this->read();
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this(), read_at_ns, answers](
                          const boost::system::error_code& error, std::size_t) {
                        self->output_.clear();
                        if (error) return self->close();
                        self->counts_.at(DnsTransport::tcp)
                            .durations.add(WorkerClock::now_ns() - read_at_ns, answers);
                        self->read();
                      });
  }

  void close() {
    boost::system::error_code ignored;
    timer_.cancel();
    socket_.close(ignored);
  }

  tcp::socket socket_;
  asio::steady_timer timer_;
  const DnsHandler& handler_;
  std::size_t& sessions_;
  TrafficCounts& counts_;
  geo::IpAddress peer_;
  std::vector<std::uint8_t> input_;
  std::size_t unread_ = 0;
  std::vector<std::uint8_t> output_;
};

}  // namespace

class DnsListener::Sockets : public std::enable_shared_from_this<Sockets> {
 public:
  Sockets(asio::io_context& context, DnsHandler handler, TrafficCounts& counts)
      : udp_(context), tcp_(context), handler_(std::move(handler)), counts_(counts) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      pieces_[i] = {.iov_base = input_[i].data(), .iov_len = kQueryBytesMax};
      auto& header = in_[i].msg_hdr;
      header = {};
      header.msg_name = &peers_[i];
      header.msg_iov = &pieces_[i];
      header.msg_iovlen = 1;
    }
  }

  void bind(const std::string& address, std::uint16_t port) {
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) fail(address, port, "UDP", error);
    // A port that is free for UDP may be taken for TCP; of several one is free for both.
    for (int tries_left = port == 0 ? kFreePortTries : 0;; --tries_left) {
      open(udp_, udp::endpoint(ip, port), error);
      if (error) fail(address, port, "UDP", error);
      const std::uint16_t same = this->port();
      open(tcp_, tcp::endpoint(ip, same), error);
      if (!error) tcp_.listen(1024, error);
      if (!error) break;
      if (tries_left == 0 || error != asio::error::address_in_use) {
        fail(address, same, "TCP", error);
      }
      udp_.close(error);
      tcp_.close(error);
    }
  }
  void adopt(int udp, int tcp) {
    udp_.assign(local_address(udp).starts_with('[') ? udp::v6() : udp::v4(), udp);
    tcp_.assign(local_address(tcp).starts_with('[') ? tcp::v6() : tcp::v4(), tcp);
  }

  void start() {
    ignore_path_mtu(udp_);
    wait();
    accept();
  }
  void stop() {
    answer_datagrams();
    boost::system::error_code ignored;
    udp_.close(ignored);
    tcp_.close(ignored);
  }
  [[nodiscard]] std::uint16_t port() const { return udp_.local_endpoint().port(); }
  [[nodiscard]] std::string address() { return local_address(udp_.native_handle()); }

 private:
  void wait() {
    udp_.async_wait(udp::socket::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (!self->udp_.is_open()) return;
                      if (!error) self->answer_datagrams();
                      self->wait();
                    });
  }

  /// As many as there are, a batch at a time; then others get their turn.
  void answer_datagrams() {
    constexpr int kBatchesMax = 8;
    for (int batch = 0; batch < kBatchesMax; ++batch) {
      for (auto& message : in_) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
      const int count = ::recvmmsg(udp_.native_handle(), in_.data(), kBatch, MSG_DONTWAIT, nullptr);
      if (count <= 0) return;
      answer_batch(static_cast<std::size_t>(count));
    }
  }

  void answer_batch(std::size_t count) {
    const DnsRead read{.at_ns = WorkerClock::now_ns(), .transport = DnsTransport::udp};
    output_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      items_[i] = {std::span(input_[i]).first(in_[i].msg_len), address_of(peers_[i])};
    }
    handler_(std::span(items_).first(count), read, output_, ends_);
    std::size_t answers = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t size = ends_[i] - begin;
      if (size > 0) {
        out_pieces_[answers] = {.iov_base = output_.data() + begin, .iov_len = size};
        auto& header = out_[answers].msg_hdr;
        header = {};
        header.msg_name = &peers_[i];
        header.msg_namelen = in_[i].msg_hdr.msg_namelen;
        header.msg_iov = &out_pieces_[answers++];
        header.msg_iovlen = 1;
      }
      begin = ends_[i];
    }
    for (std::size_t sent = 0; sent < answers;) {
      const int count_sent = ::sendmmsg(udp_.native_handle(), &out_[sent],
                                        static_cast<unsigned>(answers - sent), MSG_DONTWAIT);
      if (count_sent < 0 && errno == EINTR) continue;
      // One that cannot be sent is lost, as datagrams may be; the others go on.
      sent += count_sent > 0 ? static_cast<std::size_t>(count_sent) : 1;
    }
    counts_.at(read.transport).durations.add(WorkerClock::now_ns() - read.at_ns, answers);
  }

  void accept() {
    tcp_.async_accept(
        [self = shared_from_this()](const boost::system::error_code& error, tcp::socket socket) {
          if (!error && self->sessions_ < kConnectionsMax) {
            std::make_shared<TcpSession>(std::move(socket), self->handler_, self->sessions_,
                                         self->counts_)
                ->read();
          } else if (!error) {
            ++self->counts_.connections_of(ListenerKind::dns).refused;
          }
          if (self->tcp_.is_open()) self->accept();
        });
  }

  udp::socket udp_;
  tcp::acceptor tcp_;
  DnsHandler handler_;
  TrafficCounts& counts_;
  std::size_t sessions_ = 0;
  std::array<std::array<std::uint8_t, kQueryBytesMax>, kBatch> input_{};
  std::array<sockaddr_storage, kBatch> peers_{};
  std::array<iovec, kBatch> pieces_{};
  std::array<mmsghdr, kBatch> in_{};
  std::vector<std::uint8_t> output_;
  std::array<DnsAnswerer::Item, kBatch> items_{};
  std::array<std::size_t, kBatch> ends_{};
  std::array<iovec, kBatch> out_pieces_{};
  std::array<mmsghdr, kBatch> out_{};
};

DnsListener::DnsListener(asio::io_context& context, const std::string& address, std::uint16_t port,
                         DnsHandler handler, TrafficCounts& counts)
    : sockets_(std::make_shared<Sockets>(context, std::move(handler), counts)) {
  sockets_->bind(address, port);
}

DnsListener::DnsListener(asio::io_context& context, int udp, int tcp, DnsHandler handler,
                         TrafficCounts& counts)
    : sockets_(std::make_shared<Sockets>(context, std::move(handler), counts)) {
  sockets_->adopt(udp, tcp);
}

DnsListener::~DnsListener() = default;

void DnsListener::start() {
  sockets_->start();
}

void DnsListener::stop() {
  sockets_->stop();
}

std::uint16_t DnsListener::port() const {
  return sockets_->port();
}

std::string DnsListener::address() const {
  return sockets_->address();
}

}  // namespace edgeward::controller
