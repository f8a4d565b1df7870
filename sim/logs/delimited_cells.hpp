#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "sim/logs/field_text.hpp"

namespace edgeward::sim {

/// Cells of a line by RFC 4180: cells may be quoted, a quote within is doubled.
class DelimitedCells {
 public:
  DelimitedCells(std::string_view line, char separator) : rest_(line), separator_(separator) {}

  /// False at the end of the line, or at a quote that does not close a cell (see is_broken).
  bool next(std::string_view& cell) {
    if (is_done_) return false;
    if (!rest_.empty() && rest_.front() == '"') return next_quoted(cell);
    const std::size_t end = std::min(rest_.find(separator_), rest_.size());
    cell = trimmed(rest_.substr(0, end));
    has_doubled_quotes_ = false;
    advance(end);
    return true;
  }

  [[nodiscard]] bool is_broken() const { return is_broken_; }
  /// Whether the last cell holds doubled quotes that undo_doubled_quotes has to undo.
  [[nodiscard]] bool has_doubled_quotes() const { return has_doubled_quotes_; }

 private:
  bool next_quoted(std::string_view& cell) {
    has_doubled_quotes_ = false;
    std::size_t end = rest_.find('"', 1);
    while (end != std::string_view::npos && end + 1 < rest_.size() && rest_[end + 1] == '"') {
      has_doubled_quotes_ = true;
      end = rest_.find('"', end + 2);
    }
    if (end == std::string_view::npos) {
      is_broken_ = is_done_ = true;
      return false;
    }
    cell = rest_.substr(1, end - 1);
    do ++end;
    while (end < rest_.size() && rest_[end] != separator_ && is_blank(rest_[end]));
    if (end < rest_.size() && rest_[end] != separator_) {
      is_broken_ = is_done_ = true;
      return false;
    }
    advance(end);
    return true;
  }

  void advance(std::size_t end) {
    is_done_ = end == rest_.size();
    rest_.remove_prefix(is_done_ ? end : end + 1);
  }

  std::string_view rest_;
  char separator_;
  bool is_done_ = false;
  bool is_broken_ = false;
  bool has_doubled_quotes_ = false;
};

/// Appends the cell with its doubled quotes undone to `arena`, which has room for it.
inline std::string_view undo_doubled_quotes(std::string_view cell, std::string& arena) {
  const std::size_t begin = arena.size();
  for (std::size_t i = 0; i < cell.size(); ++i) {
    arena.push_back(cell[i]);
    if (cell[i] == '"') ++i;
  }
  return std::string_view(arena).substr(begin);
}

}  // namespace edgeward::sim
