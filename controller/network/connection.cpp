#include "controller/network/connection.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <string_view>
#include <utility>

namespace edgeward::controller {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// For the client's end, once ours was sent.
constexpr std::int64_t kLingerMs = 2000;
/// From here on writing a body from where it is costs less than copying it behind the others.
constexpr std::size_t kLargeBytes = 16'384;

/// Whether a first byte is one of an HTTP method; a TLS record of a handshake begins with 22.
bool is_http(char first) {
  return first >= 'A' && first <= 'Z';
}

std::int64_t deadline_after(std::int64_t at_ns, std::int64_t timeout_ms) {
  return WorkerClock::to_ms(at_ns) + timeout_ms;
}

}  // namespace

Connection::Connection(ConnectionShare& share, boost::asio::ip::tcp::socket socket,
                       const geo::IpAddress& peer, ListenerKind listener)
    : share_(share),
      socket_(std::move(socket)),
      peer_(peer),
      listener_(listener),
      lot_(share.shedder.draw()),
      reader_(share.options.http) {
  ++connection_counts().opened;
  if (const TlsContext* const tls = share.tls_of(listener)) {
    tls_ = std::make_unique<TlsSession>(*tls);
  }
  deadline_ms_ = WorkerClock::now_ms() + share.options.idle_timeout_ms;
}

void Connection::read() {
  is_reading_ = true;
  if (unread_ == input_.size()) input_.resize(std::max<std::size_t>(2 * input_.size(), 4096));
  socket_.async_read_some(
      asio::buffer(input_.data() + unread_, input_.size() - unread_),
      [self = shared_from_this()](const boost::system::error_code& error, std::size_t count) {
        self->on_read(error, count);
      });
}

void Connection::check(std::int64_t now_ms) {
  const bool is_late = now_ms >= deadline_ms_;
  const bool is_idle = !is_writing_ && is_between_requests();
  if (is_closing_ || is_writing_) {
    if (!is_late) return;
    if (is_writing_) connection_counts().note(TimedOut::write);
    return close();
  }
  if (is_idle && is_late) connection_counts().note(TimedOut::idle);
  if (is_idle && (is_late || share_.ends_idle(now_ms))) return linger();
  if (!is_late) return;
  if (is_shaking_hands()) {
    connection_counts().note(TimedOut::handshake);
    return linger();
  }
  connection_counts().note(TimedOut::request);
  read_at_ns_ = WorkerClock::now_ns();
  share_.response.clear();
  set_problem(408, "the request did not come to its end in time", share_.response);
  send_last(share_.response);
}

void Connection::cut_off() {
  if (!is_closing_ && socket_.is_open()) connection_counts().note(TimedOut::drain);
  close();
}

void Connection::close() {
  boost::system::error_code ignored;
  socket_.close(ignored);
}

/// Whether the client is in the middle of nothing.
bool Connection::is_between_requests() const {
  return unread_ == 0 && !reader_.is_within() && (tls_ == nullptr || !tls_->is_within());
}

bool Connection::is_shaking_hands() const {
  return tls_ != nullptr && tls_->state() == TlsSession::State::handshake;
}

/// Whether nothing comes after what is written.
bool Connection::is_last() const {
  return !keep_alive_ || (tls_ != nullptr && tls_->state() == TlsSession::State::ended);
}

void Connection::on_read(const boost::system::error_code& error, std::size_t count) {
  is_reading_ = false;
  if (error) return finish();
  if (is_closing_) {  // what comes after the last answer is read and forgotten
    unread_ = 0;
    return read();
  }
  const bool is_new = is_between_requests();
  read_at_ns_ = WorkerClock::now_ns();
  if (is_new) deadline_ms_ = deadline_after(read_at_ns_, share_.options.request_timeout_ms);
  if (tls_ != nullptr && !tls_->has_begun() && is_http(input_.front())) return refuse_plain();
  if (share_.shedder.is_due(WorkerClock::to_ms(read_at_ns_))) share_.measure_delay();
  // Operators and edges are heard at any load, and so is who sends a body already.
  const bool sheds =
      listener_ != ListenerKind::admin && !reader_.is_within_body() && share_.shedder.sheds(lot_);
  if (tls_ == nullptr) {
    unread_ += count;
  } else {
    if (sheds && is_new && is_shaking_hands()) return refuse_handshake();
    unseal(count);
  }
  if (sheds && unread_ > 0 && !is_last()) return shed();
  answer_all();
  if (!output_.empty() || (tls_ != nullptr && tls_->has_output())) return write();
  if (is_last()) return linger();
  read();
}

/// Replaces what was read by the text in it.
void Connection::unseal(std::size_t count) {
  const bool had_keys = tls_->has_keys();
  tls_->receive({input_.data() + unread_, count}, input_, unread_);
  if (!had_keys && tls_->has_keys()) {
    ++connection_counts().handshakes_done;
    const ServeOptions& options = share_.options;
    deadline_ms_ = deadline_after(
        read_at_ns_, is_between_requests() ? options.idle_timeout_ms : options.request_timeout_ms);
  }
  if (tls_->state() != TlsSession::State::failed) return;
  unread_ = 0;
  keep_alive_ = false;
}

/// Refuses what has come without looking at it, and ends the connection: all that it would have
/// asked for goes elsewhere, or comes later.
void Connection::shed() {
  unread_ = 0;
  HttpResponse& response = share_.response;
  response.clear();
  set_problem(503, "overloaded: ask again in a moment", response);
  response.retry_after_s = Shedder::kRetryAfterSeconds;
  send_last(response);
}

/// Refuses a connection before its handshake, which is most of the work that it makes.
void Connection::refuse_handshake() {
  ++connection_counts().refused_delay;
  tls_.reset();
  output_ = kTlsRefusal;
  keep_alive_ = false;
  write();
}

/// Tells a client of plain HTTP, in plain HTTP, that it is at the wrong port.
void Connection::refuse_plain() {
  ++connection_counts().handshakes_failed;
  tls_.reset();
  share_.response.clear();
  set_problem(400, "this port speaks TLS: ask by https://", share_.response);
  send_last(share_.response);
}

void Connection::send_last(const HttpResponse& response) {
  http_counts().note(response.status);
  append(response, {.keep_alive = false, .date = share_.date.at(share_.clock.wall_ms(read_at_ns_))},
         output_);
  keep_alive_ = false;
  write();
}

void Connection::answer_all() {
  using State = HttpRequestReader::State;
  const std::int64_t now_ms = share_.clock.wall_ms(read_at_ns_);
  std::size_t begin = 0;
  while (keep_alive_ && begin < unread_) {
    std::size_t used = 0;
    const State state =
        reader_.read(std::string_view(input_.data() + begin, unread_ - begin), used);
    begin += used;
    if (state == State::wants_continue) output_ += "HTTP/1.1 100 Continue\r\n\r\n";
    if (state == State::needs_more || state == State::wants_continue) break;
    HttpResponse& response = share_.response;
    bool is_head = false;
    if (state == State::refused) {
      response.clear();
      set_problem(reader_.refusal().status, reader_.refusal().detail, response);
      http_counts().note(response.status);
      keep_alive_ = false;
    } else {
      const HttpRequest& request = reader_.request();
      const bool is_admin = listener_ == ListenerKind::admin;
      share_.api.answer(request, {peer_, is_admin, now_ms}, response);
      is_head = request.method == "HEAD";
      keep_alive_ = request.keep_alive && !share_.is_draining;
    }
    append_header(response,
                  {.keep_alive = keep_alive_, .is_head = is_head, .date = share_.date.at(now_ms)},
                  output_);
    // What is to be encrypted is copied anyway.
    const bool is_last_read = begin == unread_ || !keep_alive_;
    if (tls_ == nullptr && is_last_read && !is_head && response.body.size() >= kLargeBytes) {
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

void Connection::write() {
  is_writing_ = true;
  // A handshake has to come to its end by the deadline that it began with.
  if (!is_shaking_hands()) {
    deadline_ms_ = deadline_after(read_at_ns_, share_.options.request_timeout_ms);
  }
  if (tls_ != nullptr) tls_->seal(output_);
  const std::array buffers{asio::buffer(std::as_const(output_)),
                           asio::buffer(std::as_const(large_body_))};
  asio::async_write(socket_, buffers,
                    [self = shared_from_this()](const boost::system::error_code& error,
                                                std::size_t) { self->on_written(error); });
}

void Connection::on_written(const boost::system::error_code& error) {
  const std::int64_t now_ns = WorkerClock::now_ns();
  is_writing_ = false;
  output_.clear();
  large_body_.clear();
  if (error) return finish();
  http_counts().durations.add(now_ns - read_at_ns_, std::exchange(answers_, 0));
  if (is_last()) return linger();
  if (!is_shaking_hands()) {
    deadline_ms_ =
        deadline_after(now_ns, is_between_requests() ? share_.options.idle_timeout_ms
                                                     : share_.options.request_timeout_ms);
  }
  read();
}

/// Sends our end and waits for the client's, so that our last answer is not lost to a reset.
void Connection::linger() {
  is_closing_ = true;
  deadline_ms_ = WorkerClock::now_ms() + kLingerMs;
  unread_ = 0;
  if (tls_ != nullptr) {
    tls_->end();
    tls_->seal(output_);
  }
  if (output_.empty()) {
    send_end();
  } else {
    asio::async_write(socket_, asio::buffer(output_),
                      [self = shared_from_this()](const boost::system::error_code&, std::size_t) {
                        self->send_end();
                      });
  }
  if (!is_reading_) read();
}

void Connection::send_end() {
  boost::system::error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
}

void Connection::finish() {
  if (tls_ != nullptr && tls_->has_begun() && !tls_->has_keys()) {
    ++connection_counts().handshakes_failed;
    tls_.reset();
  }
  close();
  share_.remove(shared_from_this());
}

}  // namespace edgeward::controller
