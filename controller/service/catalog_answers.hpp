#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "controller/service/served_catalog.hpp"

namespace edgeward::controller {

/// Answers what is asked of the catalogue over HTTP; what is wrong with a question is thrown as a
/// Problem. One a worker, not thread-safe.
///
/// A key is what follows /v1/catalog/, query included, as it was sent: `a/b` is the content /a/b. A
/// key with a host is written as a URL, https://HOST/PATH, or, where it is known, HOST/PATH.
class CatalogAnswers {
 public:
  explicit CatalogAnswers(ServedCatalog& catalog);
  ~CatalogAnswers();
  CatalogAnswers(CatalogAnswers&&) noexcept;
  CatalogAnswers& operator=(CatalogAnswers&&) noexcept;

  /// The most popular, at most `count`.
  [[nodiscard]] std::string list(std::uint64_t count) const;
  [[nodiscard]] std::string get(std::string_view key);
  struct Put {
    bool is_new = false;
    std::string body;
  };
  /// `text`: the entry as a JSON object.
  [[nodiscard]] Put put(std::string_view key, std::string_view text);
  void remove(std::string_view key);
  /// Takes a list, NDJSON or CSV; what came of it.
  [[nodiscard]] std::string import(std::string_view text);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace edgeward::controller
