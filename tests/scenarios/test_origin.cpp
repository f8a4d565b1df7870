#include "tests/scenarios/test_origin.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace edgeward::test {

TestOrigin::TestOrigin() : listener_(listen_on_loopback()), accepting_([this] { accept(); }) {}

TestOrigin::~TestOrigin() {
  release();
  ::shutdown(listener_.socket, SHUT_RDWR);
  accepting_.join();
  ::close(listener_.socket);
  {
    const std::lock_guard lock(mutex_);
    for (const int socket : sockets_) ::shutdown(socket, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
  for (const int socket : sockets_) ::close(socket);
}

void TestOrigin::set(const std::string& path, const OriginObject& object) {
  const std::lock_guard lock(mutex_);
  objects_[path] = object;
}

void TestOrigin::release() {
  {
    const std::lock_guard lock(mutex_);
    is_released_ = true;
  }
  released_.notify_all();
}

int TestOrigin::requests(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = asked_.find(path);
  return found == asked_.end() ? 0 : static_cast<int>(found->second.size());
}

std::string TestOrigin::last(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  const auto found = asked_.find(path);
  return found == asked_.end() ? std::string() : found->second.back();
}

void TestOrigin::accept() {
  while (true) {
    const int socket = ::accept4(listener_.socket, nullptr, nullptr, SOCK_CLOEXEC);
    if (socket < 0) return;
    const std::lock_guard lock(mutex_);
    sockets_.push_back(socket);
    threads_.emplace_back([this, socket] { answer(socket); });
  }
}

void TestOrigin::answer(int socket) {
  std::string head;
  std::array<char, 4096> bytes;
  while (head.find("\r\n\r\n") == std::string::npos) {
    const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), 0);
    if (count <= 0) return;
    head.append(bytes.data(), static_cast<std::size_t>(count));
  }
  const std::size_t begin = head.find(' ') + 1;
  const std::string path = head.substr(begin, head.find(' ', begin) - begin);
  OriginObject object{.status = 404, .body = "no such object"};
  {
    const std::lock_guard lock(mutex_);
    asked_[path].push_back(head);
    const auto found = objects_.find(path);
    if (found != objects_.end()) object = found->second;
  }
  const bool has_it =
      !object.etag.empty() && head.find("If-None-Match: " + object.etag) != std::string::npos;
  send(socket, object, has_it);
  ::shutdown(socket, SHUT_RDWR);
}

void TestOrigin::send(int socket, const OriginObject& object, bool has_it) {
  if (object.is_silent) wait_for_release();
  const int status = has_it ? 304 : object.status;
  std::string head =
      fmt::format("HTTP/1.1 {} Status\r\nConnection: close\r\n{}", status, object.fields);
  if (!object.etag.empty()) head += fmt::format("ETag: {}\r\n", object.etag);
  if (has_it) {
    (void)send_all(socket, head + "\r\n");
    return;
  }
  head += object.is_chunked ? std::string("Transfer-Encoding: chunked\r\n\r\n")
                            : fmt::format("Content-Length: {}\r\n\r\n", object.body.size());
  if (!send_all(socket, head)) return;
  const std::string_view body = object.body;
  const std::size_t end = std::min(object.cut_at, body.size());
  constexpr std::size_t kPiece = 100'000;
  for (std::size_t at = 0; at < end;) {
    if (at >= object.held_at) wait_for_release();
    std::size_t count = std::min(kPiece, end - at);
    if (at < object.held_at) count = std::min(count, object.held_at - at);
    const std::string_view piece = body.substr(at, count);
    if (object.is_chunked && !send_all(socket, fmt::format("{:x}\r\n", count))) return;
    if (!send_all(socket, piece)) return;
    if (object.is_chunked && !send_all(socket, "\r\n")) return;
    at += count;
  }
  if (object.is_chunked && end == body.size()) (void)send_all(socket, "0\r\n\r\n");
}

void TestOrigin::wait_for_release() {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [this] { return is_released_; });
}

}  // namespace edgeward::test
