#include "cache/plan.hpp"

#include <xxhash.h>

#include <utility>

#include "cache/bytes.hpp"

namespace edgeward::cache {

std::string_view name(ActionKind kind) {
  switch (kind) {
    case ActionKind::evict:
      return "evict";
    case ActionKind::prefetch:
      return "prefetch";
  }
  return "evict";
}

std::uint64_t id_of(const Plan& plan, std::string_view edge_name) {
  ByteWriter bytes;
  bytes.put_text(edge_name);
  bytes.put(plan.valid_until_ms);
  for (const Action& action : plan.actions) {
    bytes.put(action.kind);
    bytes.put(action.content);
    bytes.put_text(action.key);
    bytes.put(action.size_bytes);
  }
  const std::string text = std::move(bytes).text();
  return XXH3_64bits(text.data(), text.size());
}

}  // namespace edgeward::cache
