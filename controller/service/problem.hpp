#pragma once

#include <string>
#include <utility>

namespace edgeward::controller {

/// Thrown while a request is read, caught in Api::answer: it is refused.
struct Problem {
  int status = 400;
  std::string detail;
};

[[noreturn]] inline void refuse(int status, std::string detail) {
  throw Problem{status, std::move(detail)};
}

}  // namespace edgeward::controller
