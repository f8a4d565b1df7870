#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "controller/agent/client_stream.hpp"
#include "controller/agent/fills.hpp"
#include "controller/agent/holdings.hpp"
#include "controller/agent/reporter.hpp"
#include "controller/agent/tasks.hpp"
#include "controller/http/conditions.hpp"
#include "controller/http/request.hpp"
#include "controller/http/response.hpp"
#include "geo/ip_address.hpp"
#include "sim/logs/cache_key.hpp"

namespace edgeward::controller {

/// Answers what an edge is asked for: from the store, or as it comes from the origin (RFC 9111).
/// What it did stands in Cache-Status (RFC 9211). Of the agent's thread.
class Responder {
 public:
  Responder(Holdings& holdings, Fills& fills, Reporter& reporter);

  /// Writes the whole answer. False where the connection is of no more use.
  [[nodiscard]] bool answer(const HttpRequest& request, const geo::IpAddress& client,
                            ClientStream& stream, Tasks::Yield yield);
  /// Writes an answer of the edge's own that is no content.
  [[nodiscard]] bool refuse(int status, std::string_view detail, const HttpRequest& request,
                            ClientStream& stream, Tasks::Yield yield);

 private:
  /// One request on its way.
  struct Exchange {
    const HttpRequest& request;
    const geo::IpAddress& client;
    ClientStream& stream;
    Conditions conditions;
    std::string key;
    cache::ContentId content{};
    bool has_store = true;  ///< it failed when this was asked for
  };
  /// What a header is made of.
  struct Answer {
    int status = 200;
    std::string_view fields;
    std::string_view cache_status;
    std::int64_t stored_at_ms = 0;
    std::optional<std::uint64_t> length_bytes;  ///< of the whole; nothing: not known
    Extent extent;
  };

  [[nodiscard]] bool answer_shared(Exchange& exchange, Tasks::Yield yield);
  [[nodiscard]] bool answer_alone(Exchange& exchange, std::string_view why, Tasks::Yield yield);
  [[nodiscard]] std::optional<bool> answer_held(Exchange& exchange, Tasks::Yield yield);
  [[nodiscard]] std::optional<bool> send_held(Exchange& exchange, const cache::ObjectMeta& meta,
                                              Tasks::Yield yield);
  [[nodiscard]] bool send_fill(Exchange& exchange, const std::shared_ptr<Fill>& fill,
                               std::string_view why, Tasks::Yield yield);
  [[nodiscard]] bool send_body(Exchange& exchange, const std::shared_ptr<Fill>& fill,
                               const Answer& answer, std::string head, Tasks::Yield yield);
  [[nodiscard]] Answer decide(const Exchange& exchange, const Validators& validators,
                              Answer answer) const;
  [[nodiscard]] std::string head_of(const Exchange& exchange, const Answer& answer) const;
  void note(const Exchange& exchange, std::uint64_t size_bytes, bool is_hit);

  Holdings& holdings_;
  Fills& fills_;
  Reporter& reporter_;
  sim::CacheKeyWriter keys_;
};

}  // namespace edgeward::controller
