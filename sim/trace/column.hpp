#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <type_traits>

namespace edgeward::sim {

/// How much memory a job's columns may take together. What does not fit goes to unlinked temporary
/// files in `spool_folder`, mapped into memory, which the kernel writes out and drops as it needs.
struct MemoryBudget {
  std::uint64_t limit_bytes = std::uint64_t{4} << 30;
  std::filesystem::path spool_folder = "/tmp";
  std::uint64_t used_bytes = 0;
  bool spilled = false;
};

/// Growing raw memory behind a Column: anonymous (grown in place by remapping, never copied) until
/// the budget is used up, a mapped temporary file after that. Throws InputError if neither can be
/// had.
class SpillBuffer {
 public:
  explicit SpillBuffer(MemoryBudget& budget) : budget_(&budget) {}
  ~SpillBuffer();
  SpillBuffer(SpillBuffer&& other) noexcept;
  SpillBuffer& operator=(SpillBuffer&& other) noexcept;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t capacity_bytes() const { return capacity_bytes_; }

  /// Makes room for at least `bytes`; data() may move.
  void reserve(std::size_t bytes);
  void release();

 private:
  void grow_in_memory(std::size_t bytes);
  void grow_on_disk(std::size_t bytes);

  MemoryBudget* budget_;
  std::byte* data_ = nullptr;
  std::size_t capacity_bytes_ = 0;
  int file_ = -1;
};

/// An append-only array of plain values: one column of a trace. Contiguous, so it can be replayed
/// as a span. Appending costs a store; growing moves page tables, not bytes. Memory touched is
/// memory counted. Not thread-safe while growing; read from any number of threads after that.
template <class T>
class Column {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Column(MemoryBudget& budget) : buffer_(budget) {}

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<const T> view() const { return {data(), size_}; }
  [[nodiscard]] std::span<T> mutable_view() { return {data(), size_}; }

  void push_back(const T& value) {
    if ((size_ + 1) * sizeof(T) > buffer_.capacity_bytes()) reserve(size_ + 1);
    data()[size_++] = value;
  }

  /// Appends `count` values to be filled in by the caller.
  T* extend(std::size_t count) {
    if ((size_ + count) * sizeof(T) > buffer_.capacity_bytes()) reserve(size_ + count);
    T* const first = data() + size_;
    size_ += count;
    return first;
  }

  void shrink(std::size_t size) { size_ = size; }

  /// Gives the memory back; the column is empty.
  void release() {
    buffer_.release();
    size_ = 0;
  }

 private:
  [[nodiscard]] T* data() const { return reinterpret_cast<T*>(buffer_.data()); }
  void reserve(std::size_t count) { buffer_.reserve(count * sizeof(T)); }

  SpillBuffer buffer_;
  std::size_t size_ = 0;
};

}  // namespace edgeward::sim
