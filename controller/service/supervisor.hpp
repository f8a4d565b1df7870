#pragma once

#include <chrono>
#include <string_view>

namespace edgeward::controller {

/// Who started the service and wants to hear how it is: systemd, by sd_notify(3) and its watchdog.
/// Without one ($NOTIFY_SOCKET is not set) nothing is sent. Thread-safe but for feed().
class Supervisor {
 public:
  using Clock = std::chrono::steady_clock;

  /// Takes from the environment how often the watchdog wants to be fed.
  Supervisor();

  /// Questions are answered: at the start, or again after a reload. `status` is for people.
  void ready(std::string_view status) const;
  void reloading() const;
  void stopping() const;

  /// Tells the watchdog, if there is one and it is time to, that the caller's loop goes round.
  void feed(Clock::time_point now);
  /// When feed() has to be called next; never, without a watchdog.
  [[nodiscard]] Clock::time_point next_feed() const { return next_feed_; }

 private:
  Clock::duration interval_{};
  Clock::time_point next_feed_ = Clock::time_point::max();
};

}  // namespace edgeward::controller
