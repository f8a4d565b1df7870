#include "controller/secret_file.hpp"

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace edgeward::controller {

std::string read_secret(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string secret{std::istreambuf_iterator<char>(stream), {}};
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  if (secret.empty()) throw std::runtime_error(file.string() + ": expected a file with a token");
  return secret;
}

}  // namespace edgeward::controller
