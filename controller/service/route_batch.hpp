#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/request.hpp"
#include "policy/routing_options.hpp"

namespace edgeward::controller {

enum class BatchFormat : std::uint8_t {
  array,  ///< one JSON array of objects
  lines,  ///< NDJSON: an object a line, blank lines are passed over
};

/// What a batch is read by.
struct BatchRules {
  std::int64_t now_ms = 0;
  std::span<const policy::Service> services;
  std::size_t items_max = 0;
};

/// Reads the body of `POST /v1/route`, items such as
/// {"client":"192.0.2.1","content":"/a","service":"www.example","size_bytes":9}, into requests; the
/// last two members may be absent. An item that is wrong has an error in its place. Keeps its
/// buffers between bodies, so that reading allocates nothing once they have grown; not thread-safe.
class RouteBatch {
 public:
  RouteBatch();
  ~RouteBatch();
  RouteBatch(RouteBatch&&) noexcept;
  RouteBatch& operator=(RouteBatch&&) noexcept;

  /// Replaces the items. Throws a Problem where the whole is refused: no JSON, no array, too many.
  void read(std::string_view body, BatchFormat format, const BatchRules& rules);

  /// One an item, in their order; that of a wrong one asks for nothing.
  [[nodiscard]] std::span<const policy::Request> requests() const { return requests_; }
  [[nodiscard]] std::size_t size() const { return requests_.size(); }
  /// Why item i cannot be answered; empty: it can.
  [[nodiscard]] std::string_view error_at(std::size_t i) const;
  /// The client of item i, as it was asked about.
  [[nodiscard]] std::string_view client_at(std::size_t i) const;
  /// The canonical key of item i.
  [[nodiscard]] std::string_view key_at(std::size_t i) const;

 private:
  struct Json;
  /// Where an item's texts are in texts_: client, then key, then error.
  struct Ends {
    std::size_t begin = 0;
    std::size_t client = 0;
    std::size_t key = 0;
    std::size_t error = 0;
  };

  void read_array(std::size_t body_bytes, const BatchRules& rules);
  void read_lines(std::size_t body_bytes, const BatchRules& rules);
  void add_fields(const BatchRules& rules);
  void add_error(std::string_view error, const BatchRules& rules);
  void require_room(const BatchRules& rules) const;
  [[nodiscard]] std::string_view text(std::size_t begin, std::size_t end) const {
    return std::string_view(texts_).substr(begin, end - begin);
  }

  std::unique_ptr<Json> json_;
  std::vector<policy::Request> requests_;
  std::vector<Ends> ends_;
  std::string texts_;
};

/// What is said of a client that is no address.
[[nodiscard]] std::string not_an_address(std::string_view text);
/// What is said of a service that is not there, with what helps (see find_service).
[[nodiscard]] std::string no_such_service(std::string_view name, std::string_view help);

}  // namespace edgeward::controller
