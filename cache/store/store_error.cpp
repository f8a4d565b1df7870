#include "cache/store/store_error.hpp"

namespace edgeward::cache {

std::string_view name(StoreFault fault) {
  switch (fault) {
    case StoreFault::unreachable:
      return "unreachable";
    case StoreFault::timeout:
      return "timeout";
    case StoreFault::refused:
      return "refused";
    case StoreFault::out_of_memory:
      return "out_of_memory";
    case StoreFault::busy:
      return "busy";
    case StoreFault::moved:
      return "moved";
    case StoreFault::stale_epoch:
      return "stale_epoch";
    case StoreFault::out_of_order:
      return "out_of_order";
    case StoreFault::too_large:
      return "too_large";
    case StoreFault::protocol:
      return "protocol";
  }
  return "protocol";
}

bool is_passing(StoreFault fault) {
  switch (fault) {
    case StoreFault::unreachable:
    case StoreFault::timeout:
    case StoreFault::out_of_memory:
    case StoreFault::busy:
    case StoreFault::moved:
      return true;
    default:
      return false;
  }
}

}  // namespace edgeward::cache
