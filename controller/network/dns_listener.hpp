#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "controller/dns/answerer.hpp"
#include "controller/service/counts.hpp"

namespace boost::asio {
class io_context;
}

namespace edgeward::controller {

/// One read of a socket.
struct DnsRead {
  std::int64_t at_ns = 0;  ///< WorkerClock::now_ns
  DnsTransport transport = DnsTransport::udp;
};

/// Appends the answers to some messages (DnsAnswerer::answer).
using DnsHandler = std::function<void(std::span<const DnsAnswerer::Item> items, const DnsRead& read,
                                      std::vector<std::uint8_t>& out, std::span<std::size_t> ends)>;

/// The DNS side of one worker: UDP in batches (recvmmsg, sendmmsg) and TCP (RFC 7766: many queries
/// a connection, answered in their order). Each worker has sockets of its own (SO_REUSEPORT), or
/// descriptors of its own for inherited sockets: of those any worker may answer a query.
class DnsListener {
 public:
  /// Binds; throws std::runtime_error that names the address. Counts connections and durations
  /// into `counts`, from the context's thread.
  DnsListener(boost::asio::io_context& context, const std::string& address, std::uint16_t port,
              DnsHandler handler, TrafficCounts& counts);
  /// Takes over descriptors of sockets that are bound, and listen.
  DnsListener(boost::asio::io_context& context, int udp, int tcp, DnsHandler handler,
              TrafficCounts& counts);
  ~DnsListener();

  void start();
  /// Answers what has come, then closes. From the context's thread.
  void stop();
  [[nodiscard]] std::uint16_t port() const;
  /// "127.0.0.1:53".
  [[nodiscard]] std::string address() const;

 private:
  class Sockets;
  std::shared_ptr<Sockets> sockets_;
};

}  // namespace edgeward::controller
