#pragma once

#include <boost/url/params_view.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace edgeward::controller {

/// The parameters of a query, of which each name may stand once. What is wrong with them is thrown
/// as a Problem.
class Parameters {
 public:
  Parameters(const boost::urls::params_view& query, std::span<const std::string_view> known);

  /// Empty where it is not given.
  [[nodiscard]] std::string_view text(std::string_view name) const;
  /// False where it is not given.
  [[nodiscard]] bool flag(std::string_view name) const;
  /// 0 where it is not given.
  [[nodiscard]] std::uint64_t count(std::string_view name) const;

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace edgeward::controller
