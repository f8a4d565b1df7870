#include "controller/network/server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cerrno>
#include <chrono>
#include <deque>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <thread>
#include <unordered_set>
#include <utility>

#include "controller/dns/answerer.hpp"
#include "controller/http/response.hpp"
#include "controller/network/connection.hpp"
#include "controller/network/dns_listener.hpp"
#include "controller/network/endpoint.hpp"
#include "controller/network/worker_clock.hpp"
#include "controller/secret_file.hpp"
#include "controller/service/counts.hpp"
#include "controller/tls/session.hpp"

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

void require_bound(const tcp::endpoint& endpoint, const boost::system::error_code& error) {
  if (!error) return;
  throw std::runtime_error(fmt::format("cannot listen on {}:{}: {}", endpoint.address().to_string(),
                                       endpoint.port(), error.message()));
}

/// Connections that may wait to be accepted, as far as the system allows.
constexpr int kBacklog = 4096;

tcp::acceptor open_acceptor(asio::io_context& context, const tcp::endpoint& endpoint) {
  tcp::acceptor acceptor(context);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.set_option(ReusePort(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (!error) acceptor.non_blocking(true, error);
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

/// What becomes readable when it is told to, and then waits for its turn among the connections that
/// are: as long as a request that comes at that moment.
class Probe {
 public:
  explicit Probe(asio::io_context& context) : events_(context, open()) {}

  template <class Arrived>
  void send(Arrived arrived) {
    // First this: what is readable already would be read at once.
    events_.async_read_some(asio::buffer(&count_, sizeof count_),
                            [arrived](const boost::system::error_code& error, std::size_t) {
                              if (!error) arrived();
                            });
    const std::uint64_t one = 1;
    (void)::write(events_.native_handle(), &one, sizeof one);
  }
  void close() {
    boost::system::error_code ignored;
    events_.close(ignored);
  }

 private:
  static int open() {
    const int events = ::eventfd(0, EFD_CLOEXEC);
    if (events >= 0) return events;
    throw boost::system::system_error(errno, boost::system::system_category(), "eventfd");
  }

  asio::posix::stream_descriptor events_;
  std::uint64_t count_ = 0;
};

}  // namespace

class Server::Worker {
 public:
  Worker(const ServeOptions& options, const ApiOptions& api, const ApiActions& actions,
         Publisher& publisher, std::size_t connections_max,
         const std::vector<DnsCookies::Secret>& cookie_secrets)
      : share_{.options = options,
               .api = Api(api, actions, publisher),
               .shedder = Shedder(options.delay_max_ms),
               .remove = [this](const auto& connection) { remove(connection); },
               .measure_delay = [this] { measure_delay(); },
               .tls = publisher.tls()},
        publisher_(publisher),
        connections_max_(connections_max),
        answerer_(options.answers, cookie_secrets) {
    for (std::size_t i = 0; i < Shedder::kUnderWayMax; ++i) probes_.emplace_back(context_);
    answerer_.install(publisher.current());
  }

  /// The port that it got.
  std::uint16_t listen_dns(const tcp::endpoint& endpoint) {
    dns_.push_back(std::make_unique<DnsListener>(context_, endpoint.address().to_string(),
                                                 endpoint.port(), dns_handler(),
                                                 share_.api.tally().traffic()));
    return dns_.back()->port();
  }
  void share_dns(int udp, int tcp) {
    dns_.push_back(std::make_unique<DnsListener>(context_, duplicate(udp), duplicate(tcp),
                                                 dns_handler(), share_.api.tally().traffic()));
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
    acceptor.non_blocking(true);
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
    await_measurement();
    thread_ = std::thread([this] {
      context_.run();
      publisher_.add(share_.api.tally().take());
    });
  }

  void publish(const Publisher::Snapshot& snapshot, const TlsContexts& tls) {
    asio::post(context_, [this, snapshot, tls] {
      publisher_.add(share_.api.tally().take());
      share_.api.install(snapshot);
      share_.tls = tls;
      answerer_.install(snapshot);
    });
  }

  void begin_drain() {
    asio::post(context_, [this] {
      share_.is_draining = true;
      const std::int64_t now_ms = WorkerClock::now_ms();
      drain_until_ms_ = now_ms + share_.options.drain_timeout_ms;
      // The next request of a connection between two may be on its way.
      share_.end_idle_from_ms =
          now_ms + std::min(kIdleGraceMs, share_.options.drain_timeout_ms / 2);
      boost::system::error_code ignored;
      for (Listener& listener : listeners_) {
        // Those that the kernel has accepted already are not to be reset; those of an inherited
        // socket wait for whoever has it next.
        if (!listener.is_inherited) take_pending(listener, kBacklog);
        listener.acceptor.close(ignored);
      }
      for (const auto& dns : dns_) dns->stop();
      delay_timer_.cancel();
      for (Probe& probe : probes_) probe.close();
      timer_.cancel();
    });
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  static constexpr std::int64_t kIdleGraceMs = 1000;
  static constexpr std::size_t kAcceptedAtOnce = 64;

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
           answerer_.answer(items, share_.clock.wall_ms(read.at_ns), is_udp, out, ends)) {
        share_.api.tally().count(outcome, read.transport);
      }
    };
  }

  void accept(Listener& listener);
  void take_pending(Listener& listener, std::size_t count_max);
  void add(tcp::socket socket, ListenerKind listener);
  void refuse(tcp::socket& socket, ListenerKind listener);
  void remove(const std::shared_ptr<Connection>& connection);
  void sweep();
  void measure_delay();
  void await_measurement();

  ConnectionShare share_;
  Publisher& publisher_;
  std::size_t connections_max_;
  asio::io_context context_{1};
  DnsAnswerer answerer_;
  std::vector<std::unique_ptr<DnsListener>> dns_;
  asio::steady_timer timer_{context_};
  asio::steady_timer delay_timer_{context_};
  std::deque<Probe> probes_;  ///< by the number of what they measure
  std::vector<Listener> listeners_;
  std::unordered_set<std::shared_ptr<Connection>> connections_;
  boost::unordered_flat_map<std::string, std::size_t> by_peer_;
  std::int64_t drain_until_ms_ = 0;
  std::thread thread_;
};

void Server::Worker::accept(Listener& listener) {
  listener.acceptor.async_accept(
      [this, &listener](const boost::system::error_code& error, tcp::socket socket) {
        // One that was taken before the acceptor was closed is ours to answer.
        if (!error) add(std::move(socket), listener.kind);
        if (!listener.acceptor.is_open()) return;
        // One a turn would be too few where turns take long.
        if (!error) take_pending(listener, kAcceptedAtOnce);
        accept(listener);
      });
}

void Server::Worker::take_pending(Listener& listener, std::size_t count_max) {
  boost::system::error_code error;
  for (std::size_t i = 0; i < count_max && !error; ++i) {
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
  if (is_full || of_peer >= share_.options.connections_per_peer_max) {
    ConnectionCounts& counts = share_.api.tally().traffic().connections_of(listener);
    ++(is_full ? counts.refused : counts.refused_peer);
    refuse(socket, listener);
    return;
  }
  ++of_peer;
  const auto connection = std::make_shared<Connection>(share_, std::move(socket), peer, listener);
  connections_.insert(connection);
  connection->read();
}

/// Says once that there are too many, without waiting for what is asked.
void Server::Worker::refuse(tcp::socket& socket, ListenerKind listener) {
  std::string out;
  if (share_.tls_of(listener) != nullptr) {
    out = kTlsRefusal;
  } else {
    HttpResponse& response = share_.response;
    set_problem(503, "there are too many connections", response);
    share_.api.tally().traffic().at(listener).note(response.status);
    response.retry_after_s = 1;
    append(
        response,
        {.keep_alive = false, .date = share_.date.at(share_.clock.wall_ms(WorkerClock::now_ns()))},
        out);
    response.clear();
  }
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.write_some(asio::buffer(out), ignored);
}

void Server::Worker::remove(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 0) return;
  ++connection->connection_counts().closed;
  const auto found = by_peer_.find(connection->peer().text());
  if (found != by_peer_.end() && --found->second == 0) by_peer_.erase(found);
}

void Server::Worker::sweep() {
  share_.clock.sync();
  const std::int64_t now_ms = WorkerClock::now_ms();
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->check(now_ms);
  if (share_.is_draining) {
    if (now_ms >= drain_until_ms_) {
      for (const auto& connection : all) connection->cut_off();
    }
    if (connections_.empty()) return;
  }
  timer_.expires_after(std::chrono::milliseconds(share_.is_draining ? 20 : 250));
  timer_.async_wait([this](const boost::system::error_code&) { sweep(); });
}

void Server::Worker::measure_delay() {
  if (share_.is_draining) return;
  if (const auto number = share_.shedder.begin(WorkerClock::now_ms())) {
    probes_[*number].send(
        [this, number = *number] { share_.shedder.end(number, WorkerClock::now_ms()); });
  }
}

/// Where little is read, a timer has it measured.
void Server::Worker::await_measurement() {
  delay_timer_.expires_after(std::chrono::milliseconds(Shedder::kMeasureEveryMs));
  delay_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error || share_.is_draining) return;
    if (share_.shedder.is_due(WorkerClock::now_ms())) measure_delay();
    await_measurement();
  });
}

Server::Server(const ServeOptions& options, const ApiOptions& api, const ApiActions& actions,
               Publisher& publisher, const InheritedSockets& inherited)
    : publisher_(publisher) {
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
  const TlsContexts tls = publisher_.tls();
  for (const auto& worker : workers_) worker->publish(snapshot, tls);
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
