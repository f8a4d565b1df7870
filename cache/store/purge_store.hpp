#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cache/store/purge_values.hpp"
#include "cache/store/store_error.hpp"

namespace edgeward::cache {

/// The controllers' side of purges: what is asked of edges, and what they answered. Calls may be
/// repeated. Not thread-safe: one object a thread.
class PurgeStore {
 public:
  virtual ~PurgeStore() = default;

  /// Asks for a purge, and waits for an answer of each of these edges, which is kept for `ttl_ms`.
  /// False where it was asked for before: nothing is done. Fails as too_large where its text is.
  virtual Stored<bool> ask(const Purge& purge, std::span<const std::string> awaited,
                           std::int64_t ttl_ms) = 0;
  /// Nothing where there is none, or its answers are kept no more. Without its entry.
  virtual Stored<std::optional<PurgeStatus>> status(std::string_view id) = 0;
  /// The last that were asked for, by whichever controller, newest first.
  virtual Stored<std::vector<Purge>> latest(std::size_t count) = 0;
};

/// An edge's side of purges. Calls may be repeated. Not thread-safe: one object a thread.
class EdgePurges {
 public:
  virtual ~EdgePurges() = default;

  /// The entry up to which this edge has done everything; empty where it never did.
  virtual Stored<std::string> position() = 0;
  /// Kept where the edge's objects are, so that they are lost together.
  virtual Stored<Done> set_position(std::string_view entry) = 0;
  /// In their order, from after an entry (empty: from the first that is retained).
  virtual Stored<PurgeNews> purges(std::string_view after, std::size_t count) = 0;
  /// This edge has done it. The first answer counts; one that nobody waits for is no error.
  virtual Stored<Done> acknowledge(std::string_view id, std::uint64_t removed) = 0;
};

}  // namespace edgeward::cache
