#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "controller/dns/answerer.hpp"
#include "geo/location.hpp"
#include "policy/decision.hpp"

namespace edgeward::controller {

inline constexpr std::size_t kReasonCount =
    static_cast<std::size_t>(policy::Reason::best_score) + 1;
inline constexpr std::size_t kSourceCount =
    static_cast<std::size_t>(geo::LocationSource::fallback) + 1;

/// Services that are counted each by itself; those beyond share the last place, so that a long
/// configuration makes no more series than a short one.
inline constexpr std::size_t kServicesCounted = 16;
inline constexpr std::size_t kOtherServices = kServicesCounted;

/// Decisions by service, source of the client's location and reason: one flat array, so that
/// counting one is one addition.
class DecisionCounts {
 public:
  void add(std::size_t service, geo::LocationSource source, policy::Reason reason) {
    ++counts_[at(service < kServicesCounted ? service : kOtherServices, source, reason)];
  }
  /// Adds those of another, whose service i is our service slots[i].
  void add(const DecisionCounts& other, const std::array<std::size_t, kServicesCounted + 1>& slots);

  [[nodiscard]] std::uint64_t count(std::size_t service, geo::LocationSource source,
                                    policy::Reason reason) const {
    return counts_[at(service, source, reason)];
  }
  [[nodiscard]] std::uint64_t total() const;

 private:
  static constexpr std::size_t kPerService = kSourceCount * kReasonCount;
  [[nodiscard]] static std::size_t at(std::size_t service, geo::LocationSource source,
                                      policy::Reason reason) {
    return service * kPerService + static_cast<std::size_t>(source) * kReasonCount +
           static_cast<std::size_t>(reason);
  }

  std::array<std::uint64_t, kPerService*(kServicesCounted + 1)> counts_{};
};

/// How long things took, in buckets of fixed bounds.
class DurationCounts {
 public:
  /// A duration counts in the first bucket whose bound it does not exceed; one more takes the rest.
  static constexpr std::array<std::int64_t, 18> kBoundsNs{
      10'000,      25'000,      50'000,      100'000,       250'000,       500'000,
      1'000'000,   2'500'000,   5'000'000,   10'000'000,    25'000'000,    50'000'000,
      100'000'000, 250'000'000, 500'000'000, 1'000'000'000, 2'500'000'000, 10'000'000'000};

  /// `times` things that took so long each; a clock that went back counts as none.
  void add(std::int64_t duration_ns, std::uint64_t times);
  DurationCounts& operator+=(const DurationCounts& other);

  /// By bucket; not cumulative.
  [[nodiscard]] std::span<const std::uint64_t> counts() const { return counts_; }
  [[nodiscard]] std::uint64_t sum_ns() const { return sum_ns_; }

 private:
  std::array<std::uint64_t, kBoundsNs.size() + 1> counts_{};
  std::uint64_t sum_ns_ = 0;
};

/// What clients connect to.
enum class ListenerKind : std::uint8_t {
  clients,  ///< ServeOptions::listen
  admin,
  dns,
};
inline constexpr std::array kListenerKinds{ListenerKind::clients, ListenerKind::admin,
                                           ListenerKind::dns};
[[nodiscard]] std::string_view name(ListenerKind listener);

enum class DnsTransport : std::uint8_t { udp, tcp };
inline constexpr std::array kDnsTransports{DnsTransport::udp, DnsTransport::tcp};
[[nodiscard]] std::string_view name(DnsTransport transport);

/// What a connection was ended for.
enum class TimedOut : std::uint8_t {
  idle,       ///< no request came
  handshake,  ///< one of TLS did not come to its end
  request,    ///< a request did not come to its end
  write,      ///< the answer was not taken
  drain,      ///< the service ended meanwhile
};
inline constexpr std::array kTimeouts{TimedOut::idle, TimedOut::handshake, TimedOut::request,
                                      TimedOut::write, TimedOut::drain};
[[nodiscard]] std::string_view name(TimedOut timed_out);

/// Connections of one kind of listener. Those that are open: opened - closed, also summed over
/// workers.
struct ConnectionCounts {
  std::uint64_t opened = 0;
  std::uint64_t closed = 0;
  std::uint64_t refused = 0;          ///< over the limit of all connections
  std::uint64_t refused_peer = 0;     ///< over the limit of one peer
  std::uint64_t refused_delay = 0;    ///< before a TLS handshake, since work comes late
  std::uint64_t handshakes_done = 0;  ///< of TLS
  std::uint64_t handshakes_failed = 0;
  std::array<std::uint64_t, kTimeouts.size()> timed_out{};

  void note(TimedOut why) { ++timed_out[static_cast<std::size_t>(why)]; }
  ConnectionCounts& operator+=(const ConnectionCounts& other);
};

/// What one HTTP listener answered.
struct HttpCounts {
  std::array<std::uint64_t, 6> by_class{};  ///< by the hundreds of the status
  DurationCounts durations;                 ///< from the read to the end of the write

  void note(int status) { ++by_class[static_cast<std::size_t>(status / 100)]; }
  HttpCounts& operator+=(const HttpCounts& other);
};

/// DNS answers are counted by code; the last counts BADCOOKIE.
inline constexpr std::size_t kDnsCodes = 24;

/// What was answered over one transport of DNS.
struct DnsCounts {
  std::array<std::uint64_t, kDnsCodes> by_code{};
  std::array<std::uint64_t, kDnsLimitedCount> limited{};  ///< by DnsLimited
  DurationCounts durations;  ///< as for HTTP; those of a batch took as long as the batch

  DnsCounts& operator+=(const DnsCounts& other);
};

/// What a worker counts beside its decisions. Sums are over workers and time; counting takes no
/// lock, no clock and no memory.
struct TrafficCounts {
  std::array<HttpCounts, 2> http{};  ///< clients, admin
  std::array<DnsCounts, kDnsTransports.size()> dns{};
  std::array<ConnectionCounts, kListenerKinds.size()> connections{};
  std::uint64_t logged_decisions = 0;
  std::uint64_t unlogged_decisions = 0;  ///< that were to be logged, and more waited than may

  HttpCounts& at(ListenerKind listener) { return http[static_cast<std::size_t>(listener)]; }
  [[nodiscard]] const HttpCounts& at(ListenerKind listener) const {
    return http[static_cast<std::size_t>(listener)];
  }
  DnsCounts& at(DnsTransport transport) { return dns[static_cast<std::size_t>(transport)]; }
  [[nodiscard]] const DnsCounts& at(DnsTransport transport) const {
    return dns[static_cast<std::size_t>(transport)];
  }
  ConnectionCounts& connections_of(ListenerKind listener) {
    return connections[static_cast<std::size_t>(listener)];
  }
  [[nodiscard]] const ConnectionCounts& connections_of(ListenerKind listener) const {
    return connections[static_cast<std::size_t>(listener)];
  }

  TrafficCounts& operator+=(const TrafficCounts& other);
};

}  // namespace edgeward::controller
