#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <unordered_set>

namespace edgeward::controller {

/// What the agent does beside one another: coroutines on one thread, which wait for each other and
/// for time, and come to their end when told to. Of that thread alone.
class Tasks {
 public:
  using Yield = boost::asio::yield_context;

  explicit Tasks(boost::asio::io_context& context) : context_(context) {}

  [[nodiscard]] boost::asio::io_context& context() { return context_; }
  void start(std::function<void(Yield)> body);

  /// False where it ended early, since all is to end.
  bool sleep(std::int64_t ms, Yield yield);
  /// Ends all sleeps from here on.
  void end();
  [[nodiscard]] bool is_ending() const { return is_ending_; }

 private:
  boost::asio::io_context& context_;
  std::unordered_set<boost::asio::steady_timer*> sleeping_;
  bool is_ending_ = false;
};

/// Something has changed: who waits looks again.
class Signal {
 public:
  explicit Signal(boost::asio::io_context& context)
      : timer_(context, boost::asio::steady_timer::time_point::max()) {}

  void wait(Tasks::Yield yield) {
    boost::system::error_code cancelled;
    timer_.async_wait(yield[cancelled]);
  }
  void notify() { timer_.cancel(); }

 private:
  boost::asio::steady_timer timer_;
};

}  // namespace edgeward::controller
