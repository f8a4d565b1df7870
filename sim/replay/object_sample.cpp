#include "sim/replay/object_sample.hpp"

namespace edgeward::sim {

ObjectSample::ObjectSample(std::span<const std::uint64_t> sizes_bytes, std::size_t objects_max) {
  unsigned halvings = 0;
  while (sizes_bytes.size() >> halvings > objects_max) ++halvings;
  numbers_.assign(sizes_bytes.size(), cache::kNoObject);
  for (std::size_t object = 0; object < sizes_bytes.size(); ++object) {
    const std::uint64_t mixed = object * std::uint64_t{0x9E37'79B9'7F4A'7C15};
    if (halvings > 0 && mixed >> (64 - halvings) != 0) continue;
    numbers_[object] = static_cast<cache::ObjectIndex>(sizes_bytes_.size());
    sizes_bytes_.push_back(sizes_bytes[object]);
  }
  ratio_ = 1.0 / static_cast<double>(std::uint64_t{1} << halvings);
}

}  // namespace edgeward::sim
