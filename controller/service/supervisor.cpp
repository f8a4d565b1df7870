#include "controller/service/supervisor.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdint>

#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

/// One that cannot be told is not missed: it looks after us, not we after it.
void tell(const std::string& state) {
  (void)::sd_notify(0, state.c_str());
}

}  // namespace

Supervisor::Supervisor() {
  std::uint64_t timeout_us = 0;
  if (::sd_watchdog_enabled(0, &timeout_us) <= 0) return;
  interval_ = std::chrono::microseconds(timeout_us / 2);
  next_feed_ = Clock::time_point::min();
}

void Supervisor::ready(std::string_view status) const {
  tell(fmt::format("READY=1\nSTATUS={}", sim::printable(status)));
}

void Supervisor::reloading() const {
  // CLOCK_MONOTONIC, by which systemd tells this reload's READY=1 from an earlier one.
  const auto now =
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now().time_since_epoch());
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}\nSTATUS=reloading", now.count()));
}

void Supervisor::stopping() const {
  tell("STOPPING=1\nSTATUS=draining");
}

void Supervisor::feed(Clock::time_point now) {
  if (now < next_feed_) return;
  tell("WATCHDOG=1");
  next_feed_ = now + interval_;
}

}  // namespace edgeward::controller
