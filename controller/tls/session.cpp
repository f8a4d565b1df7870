#include "controller/tls/session.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <algorithm>
#include <new>

#include "controller/tls/context.hpp"

namespace edgeward::controller {

void TlsSession::Free::operator()(ssl_st* native) const {
  SSL_free(native);
}

TlsSession::TlsSession(const TlsContext& context)
    : native_(SSL_new(context.native())), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
  if (native_ == nullptr || in_ == nullptr || out_ == nullptr) throw std::bad_alloc();
  SSL_set_bio(native_.get(), in_, out_);
  SSL_set_accept_state(native_.get());
}

TlsSession::~TlsSession() = default;

void TlsSession::receive(std::string_view bytes, std::vector<char>& text, std::size_t& size) {
  has_begun_ = has_begun_ || !bytes.empty();
  if (state_ == State::ended || state_ == State::failed) return;
  ERR_clear_error();
  // Memory takes all of it.
  (void)BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
  while (true) {
    if (size == text.size()) text.resize(std::max<std::size_t>(2 * size, 4096));
    std::size_t count = 0;
    if (SSL_read_ex(native_.get(), text.data() + size, text.size() - size, &count) == 1) {
      size += count;
      continue;
    }
    const int error = SSL_get_error(native_.get(), 0);
    has_keys_ = has_keys_ || SSL_is_init_finished(native_.get()) == 1;
    if (error == SSL_ERROR_WANT_READ) {
      state_ = has_keys_ ? State::open : State::handshake;
    } else {
      state_ = error == SSL_ERROR_ZERO_RETURN ? State::ended : State::failed;
    }
    ERR_clear_error();
    return;
  }
}

void TlsSession::seal(std::string& text) {
  ERR_clear_error();
  std::size_t count = 0;
  if (!text.empty() && SSL_write_ex(native_.get(), text.data(), text.size(), &count) != 1) {
    state_ = State::failed;
    ERR_clear_error();
  }
  text.resize(BIO_ctrl_pending(out_));
  if (!text.empty()) (void)BIO_read(out_, text.data(), static_cast<int>(text.size()));
}

void TlsSession::end() {
  if (!has_keys_ || state_ == State::failed) return;
  ERR_clear_error();
  (void)SSL_shutdown(native_.get());
  ERR_clear_error();
}

bool TlsSession::is_within() const {
  if (state_ == State::handshake) return has_begun_;
  return state_ == State::open && SSL_has_pending(native_.get()) == 1;
}

bool TlsSession::has_output() const {
  return BIO_ctrl_pending(out_) > 0;
}

}  // namespace edgeward::controller
