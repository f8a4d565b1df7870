#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/loopback.hpp"

namespace edgeward::test {

/// What an origin answers for one path.
struct OriginObject {
  int status = 200;
  std::string body;
  std::string fields;                       ///< of its header: lines that end with CR LF
  std::string etag;                         ///< with quotes; a request that has it gets 304
  std::size_t held_at = std::string::npos;  ///< so many bytes, then it waits for release()
  std::size_t cut_at = std::string::npos;   ///< so many bytes, then it closes
  bool is_silent = false;                   ///< takes the request and says nothing until release()
  bool is_chunked = false;                  ///< does not say its length
};

/// A small origin on a free loopback port: a thread a connection, one request each.
class TestOrigin {
 public:
  TestOrigin();
  ~TestOrigin();
  TestOrigin(const TestOrigin&) = delete;
  TestOrigin& operator=(const TestOrigin&) = delete;

  [[nodiscard]] std::uint16_t port() const { return listener_.port; }
  void set(const std::string& path, const OriginObject& object);
  /// Whoever is held goes on, and nobody is held from now on.
  void release();
  /// Requests for a path so far.
  [[nodiscard]] int requests(const std::string& path) const;
  /// The head of the last one.
  [[nodiscard]] std::string last(const std::string& path) const;

 private:
  void accept();
  void answer(int socket);
  void send(int socket, const OriginObject& object, bool has_it);
  void wait_for_release();

  Listener listener_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::condition_variable released_;
  std::map<std::string, OriginObject> objects_;
  std::map<std::string, std::vector<std::string>> asked_;
  std::vector<std::thread> threads_;
  std::vector<int> sockets_;
  bool is_released_ = false;
  std::thread accepting_;
};

}  // namespace edgeward::test
