#include "controller/network/server.hpp"

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <future>
#include <optional>
#include <stdexcept>
#include <thread>
#include <unordered_set>
#include <utility>

#include "controller/dns/answerer.hpp"
#include "controller/http/response.hpp"
#include "controller/network/dns_listener.hpp"
#include "controller/network/shedder.hpp"
#include "controller/network/worker_clock.hpp"
#include "controller/secret_file.hpp"
#include "controller/service/counts.hpp"

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

/// ms of the clock that nobody sets.
std::int64_t steady_ms() {
  return WorkerClock::to_ms(WorkerClock::now_ns());
}

/// Now as HTTP writes it, made anew once a second.
class HttpDate {
 public:
  std::string_view at(std::int64_t now_ms) {
    const std::time_t second = now_ms / 1000;
    if (second != second_) {
      second_ = second;
      text_ = fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(second));
    }
    return text_;
  }

 private:
  std::time_t second_ = -1;
  std::string text_;
};

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

void require_bound(const tcp::endpoint& endpoint, const boost::system::error_code& error) {
  if (!error) return;
  throw std::runtime_error(fmt::format("cannot listen on {}:{}: {}", endpoint.address().to_string(),
                                       endpoint.port(), error.message()));
}

tcp::acceptor open_acceptor(asio::io_context& context, const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(context);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.set_option(ReusePort(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(4096, error);
  require_bound(endpoint, error);
  return acceptor;
}

/// A descriptor of one worker's own for a socket that all workers share.
int duplicate(int socket) {
  const int copy = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (copy >= 0) return copy;
  throw std::runtime_error(
      fmt::format("cannot share the socket of {}: {}", local_address(socket),
                  boost::system::error_code(errno, boost::system::system_category()).message()));
}

/// Whether somebody listens there already, whom SO_REUSEPORT would let us join unnoticed.
void require_free(const tcp::endpoint& endpoint) {
  if (endpoint.port() == 0) return;
  asio::io_context context;
  tcp::acceptor probe(context);
  boost::system::error_code error;
  probe.open(endpoint.protocol(), error);
  if (!error) probe.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) probe.bind(endpoint, error);
  if (!error) probe.listen(1, error);
  require_bound(endpoint, error);
}

geo::IpAddress address_of(const tcp::endpoint& endpoint) {
  const auto parsed = geo::IpAddress::parse(endpoint.address().to_string());
  return parsed ? parsed->unwrapped() : geo::IpAddress{};
}

/// What all workers make cookies with.
std::vector<DnsCookies::Secret> cookie_secrets(const DnsOptions& options) {
  if (!options.cookie_secret_file) return {random_cookie_secret()};
  const std::filesystem::path& file = *options.cookie_secret_file;
  auto secrets = parse_cookie_secrets(read_secret(file));
  if (secrets) return *std::move(secrets);
  throw std::runtime_error(
      fmt::format("{}: expected 1 to {} lines, each a secret of 32 hexadecimal digits",
                  file.string(), kCookieSecretsMax));
}

}  // namespace

class Server::Worker {
 public:
  Worker(const ServeOptions& options, const ApiOptions& api, const ApiActions& actions,
         Publisher& publisher, std::size_t connections_max,
         const std::vector<DnsCookies::Secret>& cookie_secrets)
      : options_(options),
        api_(api, actions, publisher),
        publisher_(publisher),
        connections_max_(connections_max),
        shedder_(options.delay_max_ms),
        answerer_(options.answers, cookie_secrets) {
    answerer_.install(publisher.current());
  }

  /// The port that it got.
  std::uint16_t listen_dns(const tcp::endpoint& endpoint) {
    dns_.push_back(std::make_unique<DnsListener>(context_, endpoint.address().to_string(),
                                                 endpoint.port(), dns_handler(), api_.traffic()));
    return dns_.back()->port();
  }
  void share_dns(int udp, int tcp) {
    dns_.push_back(std::make_unique<DnsListener>(context_, duplicate(udp), duplicate(tcp),
                                                 dns_handler(), api_.traffic()));
  }

  /// The port that it got.
  std::uint16_t listen(const tcp::endpoint& endpoint, ListenerKind kind) {
    listeners_.push_back({open_acceptor(context_, endpoint), kind});
    return listeners_.back().acceptor.local_endpoint().port();
  }
  void share(int socket, ListenerKind kind) {
    tcp::acceptor acceptor(context_);
    const bool is_v6 = local_address(socket).starts_with('[');
    acceptor.assign(is_v6 ? tcp::v6() : tcp::v4(), duplicate(socket));
    listeners_.push_back({std::move(acceptor), kind, true});
  }
  [[nodiscard]] std::string listens_at(ListenerKind kind) {
    std::vector<std::string> addresses;
    for (Listener& listener : listeners_) {
      if (listener.kind != kind) continue;
      addresses.push_back(local_address(listener.acceptor.native_handle()));
    }
    return fmt::format("{}", fmt::join(addresses, " and "));
  }
  [[nodiscard]] std::string dns_at() const {
    std::vector<std::string> addresses;
    for (const auto& dns : dns_) addresses.push_back(dns->address());
    return fmt::format("{}", fmt::join(addresses, " and "));
  }

  void start() {
    for (Listener& listener : listeners_) accept(listener);
    for (const auto& dns : dns_) dns->start();
    sweep();
    measure_delay();
    thread_ = std::thread([this] {
      context_.run();
      publisher_.add(api_.take());
    });
  }

  void publish(const Publisher::Snapshot& snapshot) {
    asio::post(context_, [this, snapshot] {
      publisher_.add(api_.take());
      api_.install(snapshot);
      answerer_.install(snapshot);
    });
  }

  void begin_drain() {
    asio::post(context_, [this] {
      is_draining_ = true;
      const std::int64_t now_ms = steady_ms();
      drain_until_ms_ = now_ms + options_.drain_timeout_ms;
      // The next request of a connection between two may be on its way.
      end_idle_from_ms_ = now_ms + std::min(kIdleGraceMs, options_.drain_timeout_ms / 2);
      boost::system::error_code ignored;
      for (Listener& listener : listeners_) {
        // Those that the kernel has accepted already are not to be reset; those of an inherited
        // socket wait for whoever has it next.
        if (!listener.is_inherited) take_pending(listener);
        listener.acceptor.close(ignored);
      }
      for (const auto& dns : dns_) dns->stop();
      delay_timer_.cancel();
      timer_.cancel();
    });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  /// Whether connections without a request are to end.
  [[nodiscard]] bool ends_idle(std::int64_t now_ms) const {
    return is_draining_ && now_ms >= end_idle_from_ms_;
  }

 private:
  static constexpr std::int64_t kIdleGraceMs = 1000;

  class Connection;
  struct Listener {
    tcp::acceptor acceptor;
    ListenerKind kind = ListenerKind::clients;
    bool is_inherited = false;
  };

  [[nodiscard]] DnsHandler dns_handler() {
    return [this](std::span<const DnsAnswerer::Item> items, const DnsRead& read,
                  std::vector<std::uint8_t>& out, std::span<std::size_t> ends) {
      const bool is_udp = read.transport == DnsTransport::udp;
      for (const DnsOutcome& outcome :
           answerer_.answer(items, clock_.wall_ms(read.at_ns), is_udp, out, ends)) {
        api_.note(outcome, read.transport);
      }
    };
  }

  void accept(Listener& listener);
  void take_pending(Listener& listener);
  void add(tcp::socket socket, ListenerKind listener);
  void remove(const std::shared_ptr<Connection>& connection);
  void sweep();
  void measure_delay();

  ServeOptions options_;
  Api api_;
  Publisher& publisher_;
  std::size_t connections_max_;
  Shedder shedder_;
  asio::io_context context_{1};
  DnsAnswerer answerer_;
  std::vector<std::unique_ptr<DnsListener>> dns_;
  asio::steady_timer timer_{context_};
  asio::steady_timer delay_timer_{context_};
  std::vector<Listener> listeners_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  boost::unordered_flat_map<std::string, std::size_t> by_peer_;
  WorkerClock clock_;
  HttpDate date_;
  HttpResponse response_;
  bool is_draining_ = false;
  std::int64_t drain_until_ms_ = 0;
  std::int64_t end_idle_from_ms_ = 0;
  std::thread thread_;
};

/// One connection: reads, answers all whole requests that it has read, writes, reads again. It does
/// not read while it writes, so that a client that takes no answers gets to send no more.
class Server::Worker::Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(Worker& worker, tcp::socket socket, const geo::IpAddress& peer, ListenerKind listener)
      : worker_(worker),
        socket_(std::move(socket)),
        peer_(peer),
        listener_(listener),
        reader_(worker.options_.http) {
    ++connection_counts().opened;
    deadline_ms_ = steady_ms() + worker.options_.idle_timeout_ms;
  }

  void read() {
    is_reading_ = true;
    if (unread_ == input_.size()) input_.resize(std::max<std::size_t>(2 * input_.size(), 4096));
    socket_.async_read_some(
        asio::buffer(input_.data() + unread_, input_.size() - unread_),
        [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
          self->on_read(error, count);
        });
  }

  /// Called now and then: ends what has taken too long.
  void check(std::int64_t now_ms) {
    const bool is_late = now_ms >= deadline_ms_;
    const bool is_idle = !is_writing_ && unread_ == 0 && !reader_.is_within();
    if (is_closing_ || is_writing_) {
      if (!is_late) return;
      if (is_writing_) connection_counts().note(TimedOut::write);
      return close();
    }
    if (is_idle && is_late) connection_counts().note(TimedOut::idle);
    if (is_idle && (is_late || worker_.ends_idle(now_ms))) return linger();
    if (!is_late) return;
    connection_counts().note(TimedOut::request);
    read_at_ns_ = WorkerClock::now_ns();
    worker_.response_.clear();
    set_problem(408, "the request did not come to its end in time", worker_.response_);
    send_last(worker_.response_);
  }

  /// Ends what the service does not wait for any longer.
  void cut_off() {
    if (!is_closing_ && socket_.is_open()) connection_counts().note(TimedOut::drain);
    close();
  }

  void close() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  [[nodiscard]] const geo::IpAddress& peer() const { return peer_; }
  [[nodiscard]] ConnectionCounts& connection_counts() {
    return worker_.api_.traffic().connections_of(listener_);
  }

 private:
  [[nodiscard]] HttpCounts& http_counts() { return worker_.api_.traffic().at(listener_); }

  void on_read(const boost::system::error_code& error, std::size_t count) {
    is_reading_ = false;
    if (error) return finish();
    if (is_closing_) {  // what comes after the last answer is read and forgotten
      unread_ = 0;
      return read();
    }
    const bool is_new = unread_ == 0 && !reader_.is_within();
    read_at_ns_ = WorkerClock::now_ns();
    if (is_new) deadline_ms_ = deadline_after(read_at_ns_, worker_.options_.request_timeout_ms);
    unread_ += count;
    // Operators and edges are heard at any load.
    if (is_new && listener_ != ListenerKind::admin && worker_.shedder_.sheds()) return shed();
    answer_all();
    if (output_.empty()) return read();
    write();
  }

  /// Refuses what has come without looking at it, and ends the connection: all that it would have
  /// asked for goes elsewhere, or comes later.
  void shed() {
    unread_ = 0;
    HttpResponse& response = worker_.response_;
    response.clear();
    set_problem(503, "overloaded: ask again in a moment", response);
    response.retry_after_s = 1;
    send_last(response);
  }

  void send_last(const HttpResponse& response) {
    http_counts().note(response.status);
    append(response,
           {.keep_alive = false, .date = worker_.date_.at(worker_.clock_.wall_ms(read_at_ns_))},
           output_);
    keep_alive_ = false;
    write();
  }

  void answer_all() {
    using State = HttpRequestReader::State;
    const std::int64_t now_ms = worker_.clock_.wall_ms(read_at_ns_);
    std::size_t begin = 0;
    while (keep_alive_ && begin < unread_) {
      std::size_t used = 0;
      const State state =
          reader_.read(std::string_view(input_.data() + begin, unread_ - begin), used);
      begin += used;
      if (state == State::wants_continue) output_ += "HTTP/1.1 100 Continue\r\n\r\n";
      if (state == State::needs_more || state == State::wants_continue) break;
      HttpResponse& response = worker_.response_;
      bool is_head = false;
      if (state == State::refused) {
        response.clear();
        set_problem(reader_.refusal().status, reader_.refusal().detail, response);
        http_counts().note(response.status);
        keep_alive_ = false;
      } else {
        const HttpRequest& request = reader_.request();
        const bool is_admin = listener_ == ListenerKind::admin;
        worker_.api_.answer(request, {peer_, is_admin, now_ms}, response);
        is_head = request.method == "HEAD";
        keep_alive_ = request.keep_alive && !worker_.is_draining_;
      }
      append_header(
          response,
          {.keep_alive = keep_alive_, .is_head = is_head, .date = worker_.date_.at(now_ms)},
          output_);
      const bool is_last = begin == unread_ || !keep_alive_;
      if (is_last && !is_head && response.body.size() >= kLargeBytes) {
        large_body_ = std::exchange(response.body, std::move(large_body_));
      } else if (!is_head) {
        output_ += response.body;
      }
      ++answers_;
      reader_.next();
    }
    unread_ -= begin;
    if (unread_ > 0 && begin > 0)
      std::copy_n(input_.begin() + static_cast<std::ptrdiff_t>(begin), unread_, input_.begin());
  }

  void write() {
    is_writing_ = true;
    deadline_ms_ = deadline_after(read_at_ns_, worker_.options_.request_timeout_ms);
    const std::array buffers{asio::buffer(std::as_const(output_)),
                             asio::buffer(std::as_const(large_body_))};
    asio::async_write(socket_, buffers,
                      [self = shared_from_this()](const boost::system::error_code& error,
                                                  std::size_t) { self->on_written(error); });
  }

  void on_written(const boost::system::error_code& error) {
    const std::int64_t now_ns = WorkerClock::now_ns();
    is_writing_ = false;
    output_.clear();
    large_body_.clear();
    if (error) return finish();
    http_counts().durations.add(now_ns - read_at_ns_, std::exchange(answers_, 0));
    if (!keep_alive_) return linger();
    const bool is_within = unread_ > 0 || reader_.is_within();
    deadline_ms_ = deadline_after(
        now_ns, is_within ? worker_.options_.request_timeout_ms : worker_.options_.idle_timeout_ms);
    read();
  }

  /// Sends our end and waits for the client's, so that our last answer is not lost to a reset.
  void linger() {
    is_closing_ = true;
    deadline_ms_ = steady_ms() + kLingerMs;
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    unread_ = 0;
    if (!is_reading_) read();
  }

  void finish() {
    close();
    worker_.remove(shared_from_this());
  }

  [[nodiscard]] static std::int64_t deadline_after(std::int64_t at_ns, std::int64_t timeout_ms) {
    return WorkerClock::to_ms(at_ns) + timeout_ms;
  }

  static constexpr std::int64_t kLingerMs = 2000;
  /// From here on writing a body from where it is costs less than copying it behind the others.
  static constexpr std::size_t kLargeBytes = 16'384;

  Worker& worker_;
  tcp::socket socket_;
  geo::IpAddress peer_;
  ListenerKind listener_;
  HttpRequestReader reader_;
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

void Server::Worker::accept(Listener& listener) {
  listener.acceptor.async_accept(
      [this, &listener](const boost::system::error_code& error, tcp::socket socket) {
        // One that was taken before the acceptor was closed is ours to answer.
        if (!error) add(std::move(socket), listener.kind);
        if (listener.acceptor.is_open()) accept(listener);
      });
}

void Server::Worker::take_pending(Listener& listener) {
  boost::system::error_code error;
  listener.acceptor.non_blocking(true, error);
  while (!error) {
    tcp::socket socket(context_);
    listener.acceptor.accept(socket, error);
    if (!error) add(std::move(socket), listener.kind);
  }
}

void Server::Worker::add(tcp::socket socket, ListenerKind listener) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  if (error) return;
  socket.set_option(tcp::no_delay(true), error);
  const geo::IpAddress peer = address_of(remote);
  std::size_t& of_peer = by_peer_[peer.text()];
  const bool is_full = connections_.size() >= connections_max_;
  if (is_full || of_peer >= options_.connections_per_peer_max) {
    ConnectionCounts& counts = api_.traffic().connections_of(listener);
    ++(is_full ? counts.refused : counts.refused_peer);
    // Too many: said once, without waiting for what is asked.
    set_problem(503, "there are too many connections", response_);
    api_.traffic().at(listener).note(response_.status);
    response_.retry_after_s = 1;
    std::string out;
    append(response_,
           {.keep_alive = false, .date = date_.at(clock_.wall_ms(WorkerClock::now_ns()))}, out);
    response_.clear();
    socket.non_blocking(true, error);
    socket.write_some(asio::buffer(out), error);
    return;
  }
  ++of_peer;
  const auto connection = std::make_shared<Connection>(*this, std::move(socket), peer, listener);
  connections_.insert(connection);
  connection->read();
}

void Server::Worker::remove(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 0) return;
  ++connection->connection_counts().closed;
  const auto found = by_peer_.find(connection->peer().text());
  if (found != by_peer_.end() && --found->second == 0) by_peer_.erase(found);
}

void Server::Worker::sweep() {
  clock_.sync();
  const std::int64_t now_ms = steady_ms();
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->check(now_ms);
  if (is_draining_) {
    if (now_ms >= drain_until_ms_) {
      for (const auto& connection : all) connection->cut_off();
    }
    if (connections_.empty()) return;
  }
  timer_.expires_after(std::chrono::milliseconds(is_draining_ ? 20 : 250));
  timer_.async_wait([this](const boost::system::error_code&) { sweep(); });
}

void Server::Worker::measure_delay() {
  delay_timer_.expires_after(std::chrono::milliseconds(Shedder::kMeasureEveryMs));
  delay_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || is_draining_) return;
    const auto late = asio::steady_timer::clock_type::now() - delay_timer_.expiry();
    shedder_.note(std::chrono::duration_cast<std::chrono::milliseconds>(late).count());
    measure_delay();
  });
}

Server::Server(const ServeOptions& options, const ApiOptions& api, const ApiActions& actions,
               Publisher& publisher, const InheritedSockets& inherited) {
  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  const unsigned count = options.workers > 0 ? options.workers : cores;
  const std::vector<DnsCookies::Secret> secrets = cookie_secrets(options.answers);
  for (unsigned i = 0; i < count; ++i) {
    workers_.push_back(std::make_unique<Worker>(options, api, actions, publisher,
                                                options.connections_max / count + 1, secrets));
  }
  listen(options.listen, inherited.http, ListenerKind::clients);
  listen(options.admin, inherited.admin, ListenerKind::admin);
  listen_dns(options.dns, inherited);
}

void Server::listen(const std::string& address, const std::vector<int>& inherited,
                    ListenerKind kind) {
  for (const int socket : inherited) {
    for (const auto& worker : workers_) worker->share(socket, kind);
    ::close(socket);
  }
  if (!inherited.empty()) return;
  tcp::endpoint endpoint = parse_endpoint(address);
  require_free(endpoint);
  // Port 0: all workers share the one that the first got.
  for (const auto& worker : workers_) endpoint.port(worker->listen(endpoint, kind));
}

void Server::listen_dns(const std::string& address, const InheritedSockets& inherited) {
  for (std::size_t i = 0; i < inherited.dns_udp.size(); ++i) {
    const int udp = inherited.dns_udp[i];
    const int tcp = inherited.dns_tcp[i];
    for (const auto& worker : workers_) worker->share_dns(udp, tcp);
    ::close(udp);
    ::close(tcp);
  }
  if (!inherited.dns_udp.empty() || address == "none") return;
  tcp::endpoint endpoint = parse_endpoint(address);
  require_free(endpoint);
  for (const auto& worker : workers_) endpoint.port(worker->listen_dns(endpoint));
}

Server::~Server() {
  drain();
}

void Server::start() {
  for (const auto& worker : workers_) worker->start();
}

void Server::publish(const Publisher::Snapshot& snapshot) {
  for (const auto& worker : workers_) worker->publish(snapshot);
}

void Server::drain() {
  for (const auto& worker : workers_) worker->begin_drain();
  for (const auto& worker : workers_) worker->join();
}

std::string Server::listens_at() const {
  return workers_[0]->listens_at(ListenerKind::clients);
}

std::string Server::admin_at() const {
  return workers_[0]->listens_at(ListenerKind::admin);
}

std::string Server::dns_at() const {
  return workers_[0]->dns_at();
}

}  // namespace edgeward::controller
