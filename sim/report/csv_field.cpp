#include "sim/report/csv_field.hpp"

namespace edgeward::sim {

std::string csv_text_field(std::string_view text) {
  constexpr std::string_view kFormulaStarts = "=+-@\t\r";
  std::string result;
  if (!text.empty() && kFormulaStarts.find(text.front()) != std::string_view::npos) result += '\'';
  result += text;
  if (result.find_first_of(",\"\r\n") == std::string::npos) return result;
  std::string quoted = "\"";
  for (const char c : result) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace edgeward::sim
