#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <tl/expected.hpp>

#include "controller/agent/agent_options.hpp"
#include "controller/agent/tasks.hpp"
#include "controller/http/freshness.hpp"
#include "controller/http/http_url.hpp"

namespace edgeward::controller {

/// Why there is no answer, or no more of it.
struct FetchError {
  int status = 502;  ///< what a client is told: 502, 503 or 504
  std::string detail;
};

/// What is asked for. Fields that are empty are not sent.
struct OriginRequest {
  std::string key;  ///< canonical: a path, or a host before one
  std::string authorization{};
  std::string if_none_match{};
  std::string if_modified_since{};
};

/// One GET of an origin or a parent, over a connection of its own, within its time limits.
class OriginFetch {
 public:
  OriginFetch(Tasks& tasks, const HttpUrl& from, const AgentOptions& options);
  ~OriginFetch();

  /// Connects, asks, reads the header.
  [[nodiscard]] tl::expected<OriginHead, FetchError> open(const OriginRequest& request,
                                                          Tasks::Yield yield);
  /// The next bytes of the body, as many as have come and fit; 0: that was the end. An end before
  /// the length that was promised is an error.
  [[nodiscard]] tl::expected<std::size_t, FetchError> read(std::span<char> into,
                                                           Tasks::Yield yield);
  /// Whoever waits in it gets an error.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace edgeward::controller
