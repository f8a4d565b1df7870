#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace edgeward::sim {

/// An input that cannot be opened, read or decompressed; the message names it and says why.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A signal came while waiting for input: whoever caught it wants the work to end.
class InputInterrupted : public std::exception {
 public:
  [[nodiscard]] const char* what() const noexcept override { return "interrupted while reading"; }
};

/// A stream of decompressed bytes.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Fills `buffer` from its start and returns how many bytes came; 0 only at the end.
  /// Throws InputError for I/O errors and for corrupt or truncated compressed data, and
  /// InputInterrupted where a handled signal ends the wait.
  [[nodiscard]] virtual std::size_t read(std::span<char> buffer) = 0;

  /// Share of the file consumed so far, 0..1; 0 where the length is unknown (pipes).
  [[nodiscard]] virtual double fraction_read() const = 0;
};

/// Bytes that are in memory already, and stay there.
class TextSource final : public ByteSource {
 public:
  explicit TextSource(std::string_view text) : rest_(text) {}
  [[nodiscard]] std::size_t read(std::span<char> buffer) override;
  [[nodiscard]] double fraction_read() const override { return 0; }

 private:
  std::string_view rest_;
};

/// A source whose first bytes can be looked at before they are read.
class PeekedSource final : public ByteSource {
 public:
  static constexpr std::size_t kPeekBytes = std::size_t{1} << 16;

  /// Reads up to kPeekBytes ahead. An interrupt on the way is told by read(), after those bytes.
  explicit PeekedSource(std::unique_ptr<ByteSource> source);

  [[nodiscard]] std::string_view first_bytes() const { return {first_.data(), first_.size()}; }
  [[nodiscard]] std::size_t read(std::span<char> buffer) override;
  [[nodiscard]] double fraction_read() const override { return source_->fraction_read(); }

 private:
  std::unique_ptr<ByteSource> source_;
  std::vector<char> first_;
  std::size_t given_ = 0;
  bool is_interrupted_ = false;
};

/// Opens a file, or standard input for "-". gzip (RFC 1952, several members) and zstd (RFC 8878,
/// several frames) are recognised by their magic bytes. Throws InputError.
[[nodiscard]] std::unique_ptr<ByteSource> open_input(const std::string& path);

}  // namespace edgeward::sim
