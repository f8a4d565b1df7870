#include "controller/service/counts.hpp"

#include <algorithm>
#include <numeric>

namespace edgeward::controller {

namespace {

constexpr std::array<std::string_view, 3> kListenerNames{"clients", "admin", "dns"};
constexpr std::array<std::string_view, 2> kTransportNames{"udp", "tcp"};
constexpr std::array<std::string_view, 5> kTimeoutNames{"idle", "handshake", "request", "write",
                                                        "drain"};

template <class Value, std::size_t kSize>
void add_each(std::array<Value, kSize>& to, const std::array<Value, kSize>& from) {
  for (std::size_t i = 0; i < kSize; ++i) to[i] += from[i];
}

}  // namespace

std::string_view name(ListenerKind listener) {
  return kListenerNames[static_cast<std::size_t>(listener)];
}

std::string_view name(DnsTransport transport) {
  return kTransportNames[static_cast<std::size_t>(transport)];
}

std::string_view name(TimedOut timed_out) {
  return kTimeoutNames[static_cast<std::size_t>(timed_out)];
}

void DecisionCounts::add(const DecisionCounts& other,
                         const std::array<std::size_t, kServicesCounted + 1>& slots) {
  for (std::size_t service = 0; service < slots.size(); ++service) {
    for (std::size_t i = 0; i < kPerService; ++i) {
      counts_[slots[service] * kPerService + i] += other.counts_[service * kPerService + i];
    }
  }
}

std::uint64_t DecisionCounts::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::uint64_t{0});
}

void DurationCounts::add(std::int64_t duration_ns, std::uint64_t times) {
  const std::int64_t duration = std::max<std::int64_t>(duration_ns, 0);
  const auto bound = std::lower_bound(kBoundsNs.begin(), kBoundsNs.end(), duration);
  counts_[static_cast<std::size_t>(bound - kBoundsNs.begin())] += times;
  sum_ns_ += static_cast<std::uint64_t>(duration) * times;
}

DurationCounts& DurationCounts::operator+=(const DurationCounts& other) {
  add_each(counts_, other.counts_);
  sum_ns_ += other.sum_ns_;
  return *this;
}

ConnectionCounts& ConnectionCounts::operator+=(const ConnectionCounts& other) {
  opened += other.opened;
  closed += other.closed;
  refused += other.refused;
  refused_peer += other.refused_peer;
  refused_delay += other.refused_delay;
  handshakes_done += other.handshakes_done;
  handshakes_failed += other.handshakes_failed;
  add_each(timed_out, other.timed_out);
  return *this;
}

HttpCounts& HttpCounts::operator+=(const HttpCounts& other) {
  add_each(by_class, other.by_class);
  durations += other.durations;
  return *this;
}

DnsCounts& DnsCounts::operator+=(const DnsCounts& other) {
  add_each(by_code, other.by_code);
  add_each(limited, other.limited);
  durations += other.durations;
  return *this;
}

TrafficCounts& TrafficCounts::operator+=(const TrafficCounts& other) {
  add_each(http, other.http);
  add_each(dns, other.dns);
  add_each(connections, other.connections);
  logged_decisions += other.logged_decisions;
  unlogged_decisions += other.unlogged_decisions;
  return *this;
}

}  // namespace edgeward::controller
