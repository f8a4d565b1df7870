#include <fmt/format.h>

#include <array>
#include <ostream>

#include "cache/parameters.hpp"
#include "sim/synth.hpp"

namespace edgeward::sim {

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

/// Collects bytes and passes them on by the megabyte.
class Buffer {
 public:
  explicit Buffer(std::ostream& out) : out_(out) { bytes_.reserve(kBufferBytes + 4096); }

  [[nodiscard]] std::back_insert_iterator<fmt::memory_buffer> end() {
    if (bytes_.size() >= kBufferBytes) pass_on();
    return std::back_inserter(bytes_);
  }

  void append(const char* data, std::size_t size) {
    bytes_.append(data, data + size);
    if (bytes_.size() >= kBufferBytes) pass_on();
  }

  void finish() {
    pass_on();
    out_.flush();
  }

 private:
  void pass_on() {
    out_.write(bytes_.data(), static_cast<std::streamsize>(bytes_.size()));
    bytes_.clear();
  }

  std::ostream& out_;
  fmt::memory_buffer bytes_;
};

/// `01/Jan/2024:00:00:00 +0000`
std::string combined_time(std::int64_t at_s) {
  static constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::chrono::sys_seconds time{std::chrono::seconds{at_s}};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{time - day};
  return fmt::format("{:02}/{}/{:04}:{:02}:{:02}:{:02} +0000", static_cast<unsigned>(date.day()),
                     kMonths.at(static_cast<unsigned>(date.month()) - 1),
                     static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                     clock.seconds().count());
}

void write_combined(SynthTraffic traffic, Buffer& buffer) {
  static constexpr std::array<const char*, 4> kAgents{
      "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
      "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/120.0.0.0 Safari/537.36",
      "Mozilla/5.0 (iPhone; CPU iPhone OS 17_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
      "Gecko) Version/17.2 Mobile/15E148 Safari/604.1",
      "curl/8.5.0"};
  std::int64_t last_s = -1;
  std::string time;
  while (!traffic.done()) {
    const auto [request, rank] = traffic.next();
    const std::int64_t at_s = request.at_ms / 1000;
    if (at_s != last_s) time = combined_time(last_s = at_s);
    const char* const agent = kAgents[request.client.bytes[15] % kAgents.size()];
    fmt::format_to(buffer.end(),
                   "{} - - [{}] \"GET {} HTTP/1.1\" 200 {} \"https://www.example.com/\" \"{}\"\n",
                   request.client.text(), time, traffic.key(rank), request.size_bytes, agent);
  }
}

void write_csv(SynthTraffic traffic, Buffer& buffer) {
  fmt::format_to(buffer.end(), "time,client,key,size\n");
  while (!traffic.done()) {
    const auto [request, rank] = traffic.next();
    fmt::format_to(buffer.end(), "{},{},{},{}\n", request.at_ms / 1000, request.client.text(),
                   traffic.key(rank), request.size_bytes);
  }
}

/// For each request, the index of the next request for the same object, or kNeverAgain.
constexpr std::uint32_t kNeverAgain = 0xFFFF'FFFF;
std::vector<std::uint32_t> next_accesses(SynthTraffic traffic) {
  std::vector<std::uint32_t> result(traffic.remaining());  // ranks first, overwritten from the end
  for (std::uint32_t& rank : result) rank = traffic.next().rank;
  std::vector<std::uint32_t> next(traffic.objects(), kNeverAgain);
  for (std::size_t i = result.size(); i-- > 0;) {
    const std::uint32_t rank = result[i];
    result[i] = next[rank];
    next[rank] = static_cast<std::uint32_t>(i);
  }
  return result;
}

template <class Integer>
char* put_little_endian(char* at, Integer value) {
  for (std::size_t byte = 0; byte < sizeof value; ++byte) {
    *at++ = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * byte));
  }
  return at;
}

void write_oracle_general(SynthTraffic traffic, Buffer& buffer) {
  for (const std::uint32_t next : next_accesses(traffic)) {
    const policy::Request request = traffic.next().request;
    std::array<char, 24> record{};
    char* at = put_little_endian(record.data(), static_cast<std::uint32_t>(request.at_ms / 1000));
    at = put_little_endian(at, static_cast<std::uint64_t>(request.content));
    at = put_little_endian(at, static_cast<std::uint32_t>(request.size_bytes));
    put_little_endian(at, next == kNeverAgain ? std::int64_t{-1} : std::int64_t{next});
    buffer.append(record.data(), record.size());
  }
}

}  // namespace

SynthFormat parse_synth_format(std::string_view text) {
  if (text == "combined") return SynthFormat::combined;
  if (text == "csv") return SynthFormat::csv;
  if (text == "oracle_general") return SynthFormat::oracle_general;
  throw cache::ParameterError(
      fmt::format("format '{}': expected combined, csv or oracle_general", text));
}

void write_synth(const SynthOptions& options, SynthFormat format, std::ostream& out) {
  Buffer buffer(out);
  switch (format) {
    case SynthFormat::combined:
      write_combined(SynthTraffic(options), buffer);
      break;
    case SynthFormat::csv:
      write_csv(SynthTraffic(options), buffer);
      break;
    case SynthFormat::oracle_general:
      write_oracle_general(SynthTraffic(options), buffer);
      break;
  }
  buffer.finish();
}

}  // namespace edgeward::sim
