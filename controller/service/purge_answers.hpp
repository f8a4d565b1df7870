#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "cache/edge.hpp"
#include "controller/http/response.hpp"

namespace edgeward::controller {

class Purging;

/// Answers what is asked of purges over HTTP; what is wrong with a question is thrown as a Problem.
/// Thread-safe.
class PurgeAnswers {
 public:
  /// Null: there is no store through which edges could be told, and each question is refused.
  explicit PurgeAnswers(Purging* purging) : purging_(purging) {}

  /// Takes the purge that `text` describes, of edges of `fleet`.
  void add(std::string_view text, const cache::Fleet& fleet, std::int64_t now_ms,
           HttpResponse& response) const;
  void list(HttpResponse& response) const;
  void get(std::string_view id, HttpResponse& response) const;

 private:
  [[nodiscard]] Purging& purging() const;
  [[noreturn]] void refuse_unread(HttpResponse& response) const;

  Purging* purging_;
};

}  // namespace edgeward::controller
