#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace edgeward::cache {

/// Why a store did not do what it was asked. One spelling in logs and metric labels.
enum class StoreFault : std::uint8_t {
  unreachable,    ///< no connection, or it broke: whether the last command was done is not known
  timeout,        ///< no answer in time: likewise
  refused,        ///< wrong user or password, or a command that this user may not use
  out_of_memory,  ///< the store is full and evicts nothing
  busy,           ///< it loads its data, runs a long script, or too much waits for it already
  moved,          ///< redirected more often than it may be
  stale_epoch,    ///< a planner of a later epoch has published: this one is to stop
  out_of_order,   ///< a batch came before the one that precedes it
  too_large,      ///< an answer, a plan or a key beyond its limit
  protocol,       ///< an answer that makes no sense
};
[[nodiscard]] std::string_view name(StoreFault fault);

struct StoreError {
  StoreFault fault = StoreFault::unreachable;
  std::string message;  ///< what was found, and where

  bool operator==(const StoreError&) const = default;
};

template <class Value>
using Stored = tl::expected<Value, StoreError>;
/// Of what is only done.
struct Done {
  bool operator==(const Done&) const = default;
};

[[nodiscard]] inline tl::unexpected<StoreError> failed(StoreFault fault, std::string message) {
  return tl::unexpected(StoreError{fault, std::move(message)});
}

/// Whether the same may be done a moment later.
[[nodiscard]] bool is_passing(StoreFault fault);

}  // namespace edgeward::cache
