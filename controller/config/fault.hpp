#pragma once

#include <compare>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace edgeward::controller {

/// A place in a text: line and column from 1, the column counted in bytes.
struct Position {
  int line = 1;
  int column = 1;

  auto operator<=>(const Position&) const = default;
};

/// Something wrong with a file, and where.
struct Fault {
  std::string file;
  Position at;
  std::string message;

  bool operator==(const Fault&) const = default;
  /// `file:line:col: message`. Not escaped: it may quote the file.
  [[nodiscard]] std::string text() const;
};

/// All that is wrong with one file, in the order in which it was found.
class Faults {
 public:
  /// Faults that are kept; a file with more is no file of the kind at all.
  static constexpr std::size_t kFaultsMax = 1000;

  explicit Faults(std::string file) : file_(std::move(file)) {}

  void add(Position at, std::string message);
  [[nodiscard]] bool empty() const { return list_.empty(); }
  /// By position.
  [[nodiscard]] std::vector<Fault> sorted() const;
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  std::string file_;
  std::vector<Fault> list_;
};

/// Configuration that cannot be used: all that is wrong with it. what() is one line a fault.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(std::vector<Fault> faults);

  [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }

 private:
  std::vector<Fault> faults_;
};

/// Text of a file as a message quotes it: in quotation marks, cut where it is long.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace edgeward::controller
