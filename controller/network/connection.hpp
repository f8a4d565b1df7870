#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controller/http/request.hpp"
#include "controller/http/response.hpp"
#include "controller/network/http_date.hpp"
#include "controller/network/shedder.hpp"
#include "controller/network/worker_clock.hpp"
#include "controller/service/api.hpp"
#include "controller/service/counts.hpp"
#include "controller/service/serve_options.hpp"
#include "controller/tls/context.hpp"
#include "controller/tls/session.hpp"
#include "geo/ip_address.hpp"

namespace edgeward::controller {

class Connection;

/// What the connections of one worker share. It outlives them; of the worker's thread alone.
struct ConnectionShare {
  ServeOptions options;
  Api api;
  Shedder shedder;
  /// Called by one that has ended.
  std::function<void(const std::shared_ptr<Connection>&)> remove;
  /// Called where the shedder says that it is time.
  std::function<void()> measure_delay;
  TlsContexts tls{};  ///< of connections from now on
  WorkerClock clock{};
  HttpDate date{};
  HttpResponse response{};  ///< the one in the making
  bool is_draining = false;
  std::int64_t end_idle_from_ms = 0;  ///< while draining

  /// Null where that listener speaks plain HTTP.
  [[nodiscard]] const TlsContext* tls_of(ListenerKind listener) const {
    return (listener == ListenerKind::admin ? tls.admin : tls.clients).get();
  }
  /// Whether connections without a request are to end.
  [[nodiscard]] bool ends_idle(std::int64_t now_ms) const {
    return is_draining && now_ms >= end_idle_from_ms;
  }
};

/// One connection: reads, answers all whole requests that it has read, writes, reads again. It does
/// not read while it writes, so that a client that takes no answers gets to send no more. Over TLS
/// bytes are unsealed after a read and sealed before a write; all else is the same.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ConnectionShare& share, boost::asio::ip::tcp::socket socket,
             const geo::IpAddress& peer, ListenerKind listener);

  void read();
  /// Called now and then: ends what has taken too long.
  void check(std::int64_t now_ms);
  /// Ends what the service does not wait for any longer.
  void cut_off();
  void close();

  [[nodiscard]] const geo::IpAddress& peer() const { return peer_; }
  [[nodiscard]] ConnectionCounts& connection_counts() {
    return share_.api.tally().traffic().connections_of(listener_);
  }

 private:
  [[nodiscard]] HttpCounts& http_counts() { return share_.api.tally().traffic().at(listener_); }

  [[nodiscard]] bool is_between_requests() const;
  [[nodiscard]] bool is_shaking_hands() const;
  [[nodiscard]] bool is_last() const;

  void on_read(const boost::system::error_code& error, std::size_t count);
  void unseal(std::size_t count);
  void shed();
  void refuse_handshake();
  void refuse_plain();
  void send_last(const HttpResponse& response);
  void answer_all();
  void write();
  void on_written(const boost::system::error_code& error);
  void linger();
  void send_end();
  void finish();

  ConnectionShare& share_;
  boost::asio::ip::tcp::socket socket_;
  geo::IpAddress peer_;
  ListenerKind listener_;
  double lot_;  ///< see Shedder
  HttpRequestReader reader_;
  std::unique_ptr<TlsSession> tls_;  ///< null where HTTP is plain
  std::vector<char> input_;
  std::size_t unread_ = 0;  ///< bytes at the start of input_ that no request has used
  std::string output_;
  std::string large_body_;  ///< of the last answer, not in output_
  std::int64_t deadline_ms_ = 0;
  std::int64_t read_at_ns_ = 0;  ///< when what is answered was read
  std::uint64_t answers_ = 0;    ///< in output_
  bool keep_alive_ = true;
  bool is_reading_ = false;
  bool is_writing_ = false;
  bool is_closing_ = false;
};

}  // namespace edgeward::controller
