#include "controller/agent/agent.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <stdexcept>
#include <unordered_set>
#include <utility>
#include <vector>

#include "controller/agent/client_stream.hpp"
#include "controller/agent/fills.hpp"
#include "controller/agent/holdings.hpp"
#include "controller/agent/plan_runner.hpp"
#include "controller/agent/purger.hpp"
#include "controller/agent/reporter.hpp"
#include "controller/agent/responder.hpp"
#include "controller/agent/store_threads.hpp"
#include "controller/http/client.hpp"
#include "controller/http/request.hpp"
#include "controller/network/endpoint.hpp"
#include "controller/terminal.hpp"

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBytes = 16 << 10;

tcp::acceptor open_acceptor(asio::io_context& context, const std::string& address) {
  const tcp::endpoint endpoint = parse_endpoint(address);
  tcp::acceptor acceptor(context);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(tcp::acceptor::max_listen_connections, error);
  if (error) {
    throw std::runtime_error(fmt::format("cannot listen on {}: {}", address, error.message()));
  }
  return acceptor;
}

}  // namespace

/// Everything of one agent. Members are made before and end after those that use them.
class Agent::State {
 public:
  State(const AgentSetup& setup, const Log& log)
      : edge_(setup.edge),
        options_(setup.options),
        log_(log),
        acceptor_(open_acceptor(context_, setup.options.listen)),
        store_(context_, setup.make_store, setup.options.store_threads),
        purge_store_(context_, setup.make_purges, 1),
        holdings_(tasks_, store_, setup.edge.capacity_bytes),
        fills_(tasks_, holdings_, setup.fill_from, options_),
        reporter_(tasks_, holdings_, edge_, options_, log),
        plans_(tasks_, holdings_, fills_, options_, log),
        purger_(tasks_, holdings_, fills_, purge_store_, edge_.name, options_, log),
        responder_(holdings_, fills_, reporter_) {}

  [[nodiscard]] std::string listens_at() const {
    const tcp::endpoint endpoint = acceptor_.local_endpoint();
    const std::string ip = endpoint.address().to_string();
    return endpoint.address().is_v6() ? fmt::format("[{}]:{}", ip, endpoint.port())
                                      : fmt::format("{}:{}", ip, endpoint.port());
  }

  void run(const std::function<void()>& ready) {
    asio::signal_set signals(context_, SIGTERM, SIGINT);
    signals.async_wait([this](const boost::system::error_code& error, int) {
      if (!error) tasks_.start([this](Tasks::Yield yield) { drain(yield); });
    });
    std::exception_ptr wrong;
    tasks_.start([&, this](Tasks::Yield yield) {
      try {
        recover(yield);
      } catch (const std::exception&) {
        wrong = std::current_exception();
        signals.cancel();
        return;
      }
      ready();
      tasks_.start([this](Tasks::Yield own) { reporter_.run(own); });
      tasks_.start([this](Tasks::Yield own) { plans_.run(own); });
      tasks_.start([this](Tasks::Yield own) { purger_.read(own); });
      tasks_.start([this](Tasks::Yield own) { purger_.run(own); });
      accept(yield);
    });
    context_.run();
    if (wrong) std::rethrow_exception(wrong);
    log_end();
  }

 private:
  /// A connection, and whether it is between two requests.
  struct Client {
    ClientStream stream;
    geo::IpAddress address;
    bool is_idle = true;
  };

  void recover(Tasks::Yield yield);
  void accept(Tasks::Yield yield);
  void add(tcp::socket socket);
  void serve(Client& client, Tasks::Yield yield);
  [[nodiscard]] bool read_request(Client& client, HttpRequestReader& reader, std::string& unread,
                                  Tasks::Yield yield);
  void drain(Tasks::Yield yield);
  void log_end();

  const cache::Edge& edge_;
  AgentOptions options_;
  const Log& log_;
  asio::io_context context_{1};
  Tasks tasks_{context_};
  tcp::acceptor acceptor_;
  StoreThreads store_;
  PurgeThreads purge_store_;
  Holdings holdings_;
  Fills fills_;
  Reporter reporter_;
  PlanRunner plans_;
  Purger purger_;
  Responder responder_;
  std::unordered_set<Client*> clients_;
  Signal client_gone_{context_};
  bool is_draining_ = false;
};

/// What is held comes back in the order in which it was stored.
void Agent::State::recover(Tasks::Yield yield) {
  auto held = store_.run([](cache::AgentStore& store) { return store.recover(); }, yield);
  if (!held) {
    const std::string text = fmt::format("edge {}: {}", edge_.name, held.error().message);
    if (is_passing(held.error().fault)) throw Unreachable(text);
    throw std::runtime_error(text);
  }
  std::sort(held->begin(), held->end(),
            [](const auto& a, const auto& b) { return a.meta.stored_at_ms < b.meta.stored_at_ms; });
  for (const cache::HeldObject& object : *held) {
    holdings_.index().insert(object.content, object.meta);
  }
  // The capacity may have been more when they were stored.
  (void)holdings_.reserve(0, yield);
  log_.write({.message = "took up what the store holds",
              .fields = {{"objects", std::uint64_t{holdings_.index().size()}},
                         {"bytes", holdings_.index().used_bytes()},
                         {"capacity_bytes", holdings_.capacity_bytes()}}});
  purger_.catch_up(yield);
}

void Agent::State::accept(Tasks::Yield yield) {
  constexpr std::int64_t kPauseMs = 50;  // where the system has no descriptor left
  while (acceptor_.is_open()) {
    tcp::socket socket(context_);
    boost::system::error_code error;
    acceptor_.async_accept(socket, yield[error]);
    if (error && acceptor_.is_open() && !tasks_.sleep(kPauseMs, yield)) return;
    if (!error) add(std::move(socket));
  }
}

void Agent::State::add(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return;
  socket.set_option(tcp::no_delay(true), error);
  const auto client = std::make_shared<Client>(
      Client{.stream = ClientStream(std::move(socket), options_.write_timeout_ms),
             .address = geo::IpAddress::parse(peer.address().to_string())
                            .value_or(geo::IpAddress{})
                            .unwrapped()});
  const bool is_full = clients_.size() >= options_.connections_max;
  clients_.insert(client.get());
  tasks_.start([this, client, is_full](Tasks::Yield yield) {
    if (is_full) {
      client->stream.may_go_on = false;
      (void)responder_.refuse(503, "there are too many connections", {}, client->stream, yield);
    } else {
      serve(*client, yield);
    }
    clients_.erase(client.get());
    client_gone_.notify();
  });
}

void Agent::State::serve(Client& client, Tasks::Yield yield) {
  HttpRequestReader reader(options_.http);
  std::string unread;
  while (!is_draining_ || !unread.empty()) {
    client.stream.may_go_on = true;
    if (!read_request(client, reader, unread, yield)) break;
    client.is_idle = false;
    const HttpRequest& request = reader.request();
    client.stream.may_go_on = request.keep_alive && !is_draining_;
    if (!responder_.answer(request, client.address, client.stream, yield)) break;
    client.is_idle = true;
    reader.next();
  }
  boost::system::error_code ignored;
  client.stream.stream().socket().shutdown(tcp::socket::shutdown_send, ignored);
}

/// False where there is none, because it was refused or the client has gone.
bool Agent::State::read_request(Client& client, HttpRequestReader& reader, std::string& unread,
                                Tasks::Yield yield) {
  using Reading = HttpRequestReader::State;
  auto deadline = Clock::now() + std::chrono::milliseconds(options_.idle_timeout_ms);
  bool has_begun = false;
  while (true) {
    std::size_t used = 0;
    const Reading state = unread.empty() ? Reading::needs_more : reader.read(unread, used);
    unread.erase(0, used);
    if (state == Reading::done) return true;
    if (state == Reading::refused) {
      client.stream.may_go_on = false;
      const HttpRefusal& refusal = reader.refusal();
      return responder_.refuse(refusal.status, refusal.detail, reader.request(), client.stream,
                               yield);
    }
    if (state == Reading::wants_continue &&
        !client.stream.write("HTTP/1.1 100 Continue\r\n\r\n", yield)) {
      return false;
    }
    if (!has_begun && reader.is_within()) {
      has_begun = true;
      client.is_idle = false;
      deadline = Clock::now() + std::chrono::milliseconds(options_.request_timeout_ms);
    }
    const std::size_t size = unread.size();
    unread.resize(size + kReadBytes);
    boost::system::error_code error;
    client.stream.stream().expires_at(deadline);
    const std::size_t count = client.stream.stream().async_read_some(
        asio::buffer(unread.data() + size, kReadBytes), yield[error]);
    unread.resize(size + count);
    if (!error) continue;
    if (error == boost::beast::error::timeout && has_begun) {
      client.stream.may_go_on = false;
      (void)responder_.refuse(408, "the request did not come to its end in time", reader.request(),
                              client.stream, yield);
    }
    return false;
  }
}

/// Answers what is being asked, for a while; then everything comes to its end.
void Agent::State::drain(Tasks::Yield yield) {
  log_.write({.message = "draining: no new connections, what has been asked is answered"});
  is_draining_ = true;
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  plans_.stop();
  for (Client* const client : clients_) {
    if (client->is_idle) client->stream.stream().cancel();
  }
  asio::steady_timer limit(context_);
  limit.expires_after(std::chrono::milliseconds(options_.drain_timeout_ms));
  bool is_over = false;
  limit.async_wait([&](const boost::system::error_code& error) {
    if (error) return;
    is_over = true;
    client_gone_.notify();
  });
  while (!clients_.empty() && !is_over) client_gone_.wait(yield);
  limit.cancel();
  reporter_.finish(yield);
  tasks_.end();
  fills_.end();
  for (Client* const client : clients_) client->stream.stream().cancel();
}

void Agent::State::log_end() {
  holdings_.index().expire(wall_ms());
  const PlanCounts& plans = plans_.counts();
  log_.write({.message = "stopped",
              .fields = {{"requests", reporter_.requests()},
                         {"hits", reporter_.hits()},
                         {"fetches", fills_.counts().fetches},
                         {"fetches_failed", fills_.counts().failed},
                         {"fetched_bytes", fills_.counts().bytes},
                         {"not_kept", fills_.counts().not_kept},
                         {"evictions", holdings_.evictions()},
                         {"protected_evictions", holdings_.protected_evictions()},
                         {"protected_bytes", holdings_.index().protected_bytes()},
                         {"prefetched", plans.prefetched},
                         {"evicted_by_plan", plans.evicted},
                         {"given_up", plans.given_up},
                         {"dropped", plans.dropped},
                         {"purges", purger_.counts().purges},
                         {"purged", purger_.counts().objects},
                         {"requests_untold", reporter_.lost()}}});
}

Agent::Agent(const AgentSetup& setup, const Log& log)
    : state_(std::make_unique<State>(setup, log)) {}
Agent::~Agent() = default;

std::string Agent::listens_at() const {
  return state_->listens_at();
}

void Agent::run(const std::function<void()>& ready) {
  state_->run(ready);
}

}  // namespace edgeward::controller
