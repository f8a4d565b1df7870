#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/progress.hpp"

namespace edgeward::test {

/// Progress that keeps what it is told; stops after `reports_allowed` reports. Runs report from
/// several threads, notes come from one.
class Quiet : public sim::Progress {
 public:
  explicit Quiet(std::uint64_t reports_allowed = ~std::uint64_t{0}) : left_(reports_allowed) {}
  void report(const sim::ProgressReport&) override {
    std::uint64_t left = left_;
    while (left > 0 && !left_.compare_exchange_weak(left, left - 1)) {
    }
  }
  [[nodiscard]] bool should_stop() const override { return left_ == 0; }
  void note(std::string_view message) override { notes += std::string(message) + '\n'; }

  std::string notes;

 private:
  std::atomic<std::uint64_t> left_;
};

struct BinaryRecord {
  std::uint32_t time_s = 0;
  std::uint64_t id = 0;
  std::uint32_t size_bytes = 1;
  std::int64_t next = -1;
};

/// The bytes of an oracle_general trace.
inline std::string binary_trace(const std::vector<BinaryRecord>& records) {
  std::string bytes;
  for (const BinaryRecord& record : records) {
    char raw[24];
    std::memcpy(raw, &record.time_s, 4);
    std::memcpy(raw + 4, &record.id, 8);
    std::memcpy(raw + 12, &record.size_bytes, 4);
    std::memcpy(raw + 16, &record.next, 8);
    bytes.append(raw, sizeof raw);
  }
  return bytes;
}

}  // namespace edgeward::test
