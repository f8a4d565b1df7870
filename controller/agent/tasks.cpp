#include "controller/agent/tasks.hpp"

#include <boost/context/fixedsize_stack.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <utility>

namespace edgeward::controller {

namespace {

/// Pages are taken when they are touched.
constexpr std::size_t kStackBytes = 256 << 10;

}  // namespace

void Tasks::start(std::function<void(Yield)> body) {
  boost::asio::spawn(
      context_, std::allocator_arg, boost::context::fixedsize_stack(kStackBytes),
      [body = std::move(body)](Yield yield) { body(yield); },
      [](const std::exception_ptr& error) {
        if (error) std::rethrow_exception(error);
      });
}

bool Tasks::sleep(std::int64_t ms, Yield yield) {
  if (is_ending_) return false;
  boost::asio::steady_timer timer(context_);
  timer.expires_after(std::chrono::milliseconds(ms));
  sleeping_.insert(&timer);
  boost::system::error_code cancelled;
  timer.async_wait(yield[cancelled]);
  sleeping_.erase(&timer);
  return !is_ending_;
}

void Tasks::end() {
  is_ending_ = true;
  for (boost::asio::steady_timer* const timer : sleeping_) timer->cancel();
}

}  // namespace edgeward::controller
