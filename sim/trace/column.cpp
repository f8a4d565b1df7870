#include "sim/trace/column.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "sim/input/byte_source.hpp"

namespace edgeward::sim {

namespace {

/// The first allocation and the step that growth is rounded to: one huge page.
constexpr std::size_t kStepBytes = std::size_t{2} << 20;

int open_spool_file(const std::filesystem::path& folder) {
  std::string name = (folder / "edgeward-spool-XXXXXX").string();
  const int file = ::mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) {
    throw InputError(fmt::format("{}: cannot spool to this folder: {}; set TMPDIR to another",
                                 folder.string(), std::strerror(errno)));
  }
  ::unlink(name.c_str());
  return file;
}

}  // namespace

SpillBuffer::~SpillBuffer() {
  release();
}

SpillBuffer::SpillBuffer(SpillBuffer&& other) noexcept
    : budget_(other.budget_),
      data_(std::exchange(other.data_, nullptr)),
      capacity_bytes_(std::exchange(other.capacity_bytes_, 0)),
      file_(std::exchange(other.file_, -1)) {}

SpillBuffer& SpillBuffer::operator=(SpillBuffer&& other) noexcept {
  std::swap(budget_, other.budget_);
  std::swap(data_, other.data_);
  std::swap(capacity_bytes_, other.capacity_bytes_);
  std::swap(file_, other.file_);
  return *this;
}

void SpillBuffer::release() {
  if (data_ != nullptr) ::munmap(data_, capacity_bytes_);
  if (file_ >= 0) {
    ::close(file_);
  } else {
    budget_->used_bytes -= capacity_bytes_;
  }
  data_ = nullptr;
  capacity_bytes_ = 0;
  file_ = -1;
}

void SpillBuffer::reserve(std::size_t bytes) {
  if (bytes <= capacity_bytes_) return;
  const std::size_t wanted = std::max(bytes, capacity_bytes_ + capacity_bytes_ / 2);
  const std::size_t rounded = (wanted + kStepBytes - 1) / kStepBytes * kStepBytes;
  const std::uint64_t others = budget_->used_bytes - (file_ >= 0 ? 0 : capacity_bytes_);
  if (file_ >= 0 || others + rounded > budget_->limit_bytes) {
    grow_on_disk(rounded);
  } else {
    grow_in_memory(rounded);
  }
}

void SpillBuffer::grow_in_memory(std::size_t bytes) {
  void* const grown = data_ == nullptr ? ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
                                       : ::mremap(data_, capacity_bytes_, bytes, MREMAP_MAYMOVE);
  if (grown == MAP_FAILED) {
    throw InputError(
        fmt::format("out of memory ({} bytes); a smaller --memory spools to disk", bytes));
  }
  (void)::madvise(grown, bytes, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(grown);
  budget_->used_bytes += bytes - capacity_bytes_;
  capacity_bytes_ = bytes;
}

void SpillBuffer::grow_on_disk(std::size_t bytes) {
  const bool was_in_memory = file_ < 0;
  if (was_in_memory) file_ = open_spool_file(budget_->spool_folder);
  // Allocated, not only sized: a full disk is an error here rather than a signal later.
  if (const int error = ::posix_fallocate(file_, 0, static_cast<off_t>(bytes)); error != 0) {
    throw InputError(fmt::format("{}: cannot spool {} bytes: {}", budget_->spool_folder.string(),
                                 bytes, std::strerror(error)));
  }
  void* const mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (mapped == MAP_FAILED) {
    throw InputError(fmt::format("cannot map {} bytes: {}", bytes, std::strerror(errno)));
  }
  if (data_ != nullptr) {
    if (was_in_memory) {
      std::memcpy(mapped, data_, capacity_bytes_);
      budget_->used_bytes -= capacity_bytes_;
    }
    ::munmap(data_, capacity_bytes_);
  }
  data_ = static_cast<std::byte*>(mapped);
  capacity_bytes_ = bytes;
  budget_->spilled = true;
}

}  // namespace edgeward::sim
