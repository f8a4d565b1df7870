#include "controller/service/serve_options.hpp"

namespace edgeward::controller {

std::string_view name(Unreported unreported) {
  return unreported == Unreported::ready ? "ready" : "unknown";
}

ServeOptions::ServeOptions() {
  for (const char* text : {"127.0.0.0/8", "::1/128"}) {
    trust.callers.push_back(*geo::IpPrefix::parse(text));
  }
}

}  // namespace edgeward::controller
