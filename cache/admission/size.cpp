#include <memory>

#include "cache/admission/registry.hpp"

namespace edgeward::cache {

namespace {

/// Admits objects of at most a fixed number of bytes (LRU-THOLD: Abrams, Standridge, Abdulla,
/// Williams, Fox, "Caching proxies: limitations and potentials", WWW 1995).
class SizeAdmission final : public AdmissionPolicy {
 public:
  SizeAdmission(const CacheSpec& spec, std::uint64_t most_bytes)
      : sizes_bytes_(spec.sizes_bytes), most_bytes_(most_bytes) {}

  void observe(ObjectIndex, bool) override {}

  [[nodiscard]] bool admits(ObjectIndex object, EvictionPolicy&) override {
    return sizes_bytes_[object] <= most_bytes_;
  }

 private:
  std::span<const std::uint64_t> sizes_bytes_;
  std::uint64_t most_bytes_;
};

}  // namespace

std::unique_ptr<AdmissionPolicy> make_size(const CacheSpec& spec, Parameters& parameters) {
  return std::make_unique<SizeAdmission>(spec, parameters.bytes(""));
}

}  // namespace edgeward::cache
