#pragma once

namespace edgeward::policy {

/// Student's 97.5 % quantile with so many degrees of freedom, ≥ 2: how many standard errors there
/// are on either side in a 95 % interval (Abramowitz & Stegun 26.7.5; 3 % low at 2 degrees of
/// freedom, 0.2 % at 4).
[[nodiscard]] double student_quantile(double freedom);

}  // namespace edgeward::policy
