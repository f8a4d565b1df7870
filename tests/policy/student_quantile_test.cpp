#include "policy/student_quantile.hpp"

#include <catch2/catch.hpp>

namespace edgeward::policy {

TEST_CASE("Student's quantiles are those of the tables") {
  CHECK(student_quantile(4) == Approx(2.776).epsilon(0.003));
  CHECK(student_quantile(5) == Approx(2.571).epsilon(0.002));
  CHECK(student_quantile(10) == Approx(2.228).epsilon(0.0005));
  CHECK(student_quantile(1e9) == Approx(1.959964).epsilon(1e-6));
  CHECK(student_quantile(2) > student_quantile(3));
}

}  // namespace edgeward::policy
