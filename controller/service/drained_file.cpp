#include "controller/service/drained_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "policy/json.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

std::filesystem::path file_in(const std::filesystem::path& folder) {
  return folder / "drained.json";
}

[[noreturn]] void fail(const std::filesystem::path& file, std::string_view why) {
  throw std::runtime_error(fmt::format("{}: {}", file.string(), why));
}

void write_all(int descriptor, std::string_view text, const std::filesystem::path& file) {
  while (!text.empty()) {
    const ssize_t count = ::write(descriptor, text.data(), text.size());
    if (count < 0) fail(file, std::strerror(errno));
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

std::vector<std::string> read_drained(const std::filesystem::path& folder) {
  const std::filesystem::path file = file_in(folder);
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    if (errno == ENOENT) return {};
    fail(file, std::strerror(errno));
  }
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error || !value.is_array()) fail(file, "expected a JSON array of edge names");
  std::vector<std::string> names;
  for (const json::value& name : value.get_array()) {
    if (!name.is_string()) fail(file, "expected a JSON array of edge names");
    names.emplace_back(name.get_string().c_str());
  }
  return names;
}

void write_drained(const std::filesystem::path& folder, const std::vector<std::string>& names) {
  const std::filesystem::path file = file_in(folder);
  const std::filesystem::path next = folder / "drained.json.next";
  std::filesystem::create_directories(folder);
  const int descriptor = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor < 0) fail(next, std::strerror(errno));
  try {
    write_all(descriptor, policy::json_text(json::array(names.begin(), names.end())), next);
    if (::fsync(descriptor) != 0) fail(next, std::strerror(errno));
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  ::close(descriptor);
  std::filesystem::rename(next, file);
}

}  // namespace edgeward::controller
