#include "sim/input/byte_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <string_view>
#include <vector>

namespace edgeward::sim {

namespace {

/// Compressed bytes fetched at a time.
constexpr std::size_t kBlockBytes = std::size_t{1} << 18;
/// zstd frames that ask for a larger window than this (2^27 = 128 MiB, the tool's own default
/// limit) are refused, so that a hostile file cannot ask for gigabytes.
constexpr int kZstdWindowLogMax = 27;

class File final : public ByteSource {
 public:
  explicit File(const std::string& path) : path_(path == "-" ? "standard input" : path) {
    fd_ = path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) throw InputError(fmt::format("{}: {}", path_, std::strerror(errno)));
    owned_ = path != "-";
    struct stat status {};
    if (::fstat(fd_, &status) != 0) return;
    if (S_ISDIR(status.st_mode)) {
      close();
      throw InputError(fmt::format("{}: is a folder; name the log files in it", path_));
    }
    if (S_ISREG(status.st_mode)) length_ = static_cast<std::uint64_t>(status.st_size);
    if (S_ISREG(status.st_mode)) (void)::posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
  }
  ~File() override { close(); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  [[nodiscard]] std::size_t read(std::span<char> buffer) override {
    const ssize_t count = ::read(fd_, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) throw InputInterrupted();
    if (count < 0) throw InputError(fmt::format("{}: {}", path_, std::strerror(errno)));
    consumed_ += static_cast<std::uint64_t>(count);
    return static_cast<std::size_t>(count);
  }

  [[nodiscard]] double fraction_read() const override {
    return length_ == 0
               ? 0.0
               : std::min(1.0, static_cast<double>(consumed_) / static_cast<double>(length_));
  }

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  void close() const {
    if (owned_ && fd_ >= 0) ::close(fd_);
  }

  std::string path_;
  int fd_ = -1;
  bool owned_ = false;
  std::uint64_t length_ = 0;
  std::uint64_t consumed_ = 0;
};

/// A file with its first bytes given back: the magic number has to be read to be seen.
class Compressed : public ByteSource {
 public:
  Compressed(std::unique_ptr<File> file, std::string_view first)
      : file_(std::move(file)), block_(kBlockBytes) {
    std::copy(first.begin(), first.end(), block_.begin());
    end_ = first.size();
  }

  [[nodiscard]] double fraction_read() const override { return file_->fraction_read(); }

 protected:
  [[nodiscard]] bool has_unused() const { return begin_ < end_; }
  [[nodiscard]] std::size_t read_file(std::span<char> buffer) { return file_->read(buffer); }
  /// The compressed bytes not used yet, refilled when used up; empty at the end of the file.
  std::span<char> unused() {
    if (begin_ == end_) {
      begin_ = 0;
      end_ = file_->read(block_);
    }
    return std::span(block_).subspan(begin_, end_ - begin_);
  }
  void use(std::size_t count) { begin_ += count; }

  [[noreturn]] void fail(std::string_view what) const {
    throw InputError(fmt::format("{}: {}", file_->path(), what));
  }

 private:
  std::unique_ptr<File> file_;
  std::vector<char> block_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class Plain final : public Compressed {
 public:
  using Compressed::Compressed;

  [[nodiscard]] std::size_t read(std::span<char> buffer) override {
    if (!has_unused()) return read_file(buffer);
    const std::span<char> bytes = unused();
    const std::size_t count = std::min(bytes.size(), buffer.size());
    std::copy_n(bytes.begin(), count, buffer.begin());
    use(count);
    return count;
  }
};

class Gzip final : public Compressed {
 public:
  Gzip(std::unique_ptr<File> file, std::string_view first) : Compressed(std::move(file), first) {
    // 15 window bits, +16: expect a gzip header.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) fail("gzip: out of memory");
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  [[nodiscard]] std::size_t read(std::span<char> buffer) override {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out =
        static_cast<uInt>(std::min<std::size_t>(buffer.size(), std::numeric_limits<uInt>::max()));
    const uInt asked = stream_.avail_out;
    while (stream_.avail_out == asked) {
      const std::span<char> bytes = unused();
      if (bytes.empty()) {
        if (in_member_) fail("the gzip data ends too early: the file is cut off");
        return 0;
      }
      if (!in_member_ && after_first_ && bytes.front() == '\0') {  // zero padding after the end
        use(1);
        continue;
      }
      in_member_ = true;
      stream_.next_in = reinterpret_cast<Bytef*>(bytes.data());
      stream_.avail_in = static_cast<uInt>(bytes.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      use(bytes.size() - stream_.avail_in);
      if (result == Z_STREAM_END) {
        inflateReset(&stream_);
        in_member_ = false;
        after_first_ = true;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        fail(fmt::format("the gzip data is corrupt ({})",
                         stream_.msg == nullptr ? "unknown error" : stream_.msg));
      }
    }
    return asked - stream_.avail_out;
  }

 private:
  z_stream stream_{};
  bool in_member_ = false;
  bool after_first_ = false;
};

class Zstd final : public Compressed {
 public:
  Zstd(std::unique_ptr<File> file, std::string_view first)
      : Compressed(std::move(file), first), stream_(ZSTD_createDStream()) {
    if (stream_ == nullptr) fail("zstd: out of memory");
    ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }
  ~Zstd() override { ZSTD_freeDStream(stream_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  [[nodiscard]] std::size_t read(std::span<char> buffer) override {
    ZSTD_outBuffer out{.dst = buffer.data(), .size = buffer.size(), .pos = 0};
    while (out.pos == 0) {
      const std::span<char> bytes = unused();
      if (bytes.empty() && !in_frame_) return 0;
      ZSTD_inBuffer in{.src = bytes.data(), .size = bytes.size(), .pos = 0};
      const std::size_t result = ZSTD_decompressStream(stream_, &out, &in);
      use(in.pos);
      if (ZSTD_isError(result) != 0) {
        fail(fmt::format("the zstd data is corrupt ({})", ZSTD_getErrorName(result)));
      }
      in_frame_ = result != 0;
      if (bytes.empty() && out.pos == 0 && in_frame_) {
        fail("the zstd data ends too early: the file is cut off");
      }
    }
    return out.pos;
  }

 private:
  ZSTD_DStream* stream_;
  bool in_frame_ = false;
};

}  // namespace

std::size_t TextSource::read(std::span<char> buffer) {
  const std::size_t size = std::min(buffer.size(), rest_.size());
  std::copy_n(rest_.data(), size, buffer.data());
  rest_.remove_prefix(size);
  return size;
}

PeekedSource::PeekedSource(std::unique_ptr<ByteSource> source)
    : source_(std::move(source)), first_(kPeekBytes) {
  std::size_t count = 0;
  try {
    while (count < first_.size()) {
      const std::size_t got = source_->read(std::span(first_).subspan(count));
      if (got == 0) break;
      count += got;
    }
  } catch (const InputInterrupted&) {
    is_interrupted_ = true;
  }
  first_.resize(count);
}

std::size_t PeekedSource::read(std::span<char> buffer) {
  if (given_ == first_.size() && is_interrupted_) throw InputInterrupted();
  if (given_ == first_.size()) return source_->read(buffer);
  const std::size_t count = std::min(buffer.size(), first_.size() - given_);
  std::copy_n(first_.begin() + static_cast<std::ptrdiff_t>(given_), count, buffer.begin());
  given_ += count;
  return count;
}

std::unique_ptr<ByteSource> open_input(const std::string& path) {
  auto file = std::make_unique<File>(path);
  std::array<char, 4> magic{};
  std::size_t count = 0;
  while (count < magic.size()) {
    const std::size_t got = file->read(std::span(magic).subspan(count));
    if (got == 0) break;
    count += got;
  }
  const std::string_view first(magic.data(), count);
  if (first.starts_with("\x1F\x8B")) return std::make_unique<Gzip>(std::move(file), first);
  if (first == "\x28\xB5\x2F\xFD") return std::make_unique<Zstd>(std::move(file), first);
  return std::make_unique<Plain>(std::move(file), first);
}

}  // namespace edgeward::sim
