#include "controller/service/kept_state.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>

#include "policy/json.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

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

json::value report_json(const KnownEdge& known, const std::string& name) {
  if (!known.last) return nullptr;
  json::object report{{"edge", name},
                      {"load_ratio", known.last->load_ratio},
                      {"bandwidth_used_bps", known.last->bandwidth_used_bps},
                      {"used_bytes", known.last->used_bytes},
                      {"mode", cache::name(known.last->mode)}};
  if (known.last->seq) report["seq"] = *known.last->seq;
  if (known.last->at_ms) report["at"] = static_cast<double>(*known.last->at_ms) / 1000;
  return report;
}

NamedEdge edge_of(const json::object& object) {
  NamedEdge edge{.name = json::value_to<std::string>(object.at("edge"))};
  edge.known.heard_at_ms = object.at("heard_at_ms").to_number<std::int64_t>();
  edge.known.ready_since_ms = object.at("ready_since_ms").to_number<std::int64_t>();
  edge.known.is_drained = object.at("drained").as_bool();
  edge.known.is_away = object.at("away").as_bool();
  const json::value& report = object.at("report");
  if (report.is_null()) return edge;
  auto last = parse_state_report(json::serialize(report));
  if (!last) throw std::runtime_error(last.error());
  edge.known.last = std::move(*last);
  return edge;
}

}  // namespace

std::string kept_edges_text(std::span<const NamedEdge> edges) {
  json::array all;
  for (const auto& [name, known] : edges) {
    all.emplace_back(json::object{{"edge", name},
                                  {"drained", known.is_drained},
                                  {"away", known.is_away},
                                  {"heard_at_ms", known.heard_at_ms},
                                  {"ready_since_ms", known.ready_since_ms},
                                  {"report", report_json(known, name)}});
  }
  return policy::json_text(all);
}

std::vector<NamedEdge> parse_kept_edges(std::string_view text) {
  std::vector<NamedEdge> edges;
  try {
    const json::value all = json::parse(text);
    for (const json::value& one : all.as_array()) edges.push_back(edge_of(one.as_object()));
  } catch (const std::exception& error) {
    throw std::runtime_error(fmt::format("not what this program writes there: {}", error.what()));
  }
  return edges;
}

std::optional<std::string> KeptFolder::read(std::string_view name) const {
  std::ifstream stream(file(name), std::ios::binary);
  if (!stream) {
    if (errno == ENOENT) return std::nullopt;
    fail(file(name), std::strerror(errno));
  }
  return std::string{std::istreambuf_iterator<char>(stream), {}};
}

void KeptFolder::write(std::string_view name, std::string_view text) const {
  const std::filesystem::path next = path_ / fmt::format("{}.next", name);
  std::filesystem::create_directories(path_);
  const int descriptor = ::open(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
  if (descriptor < 0) fail(next, std::strerror(errno));
  try {
    write_all(descriptor, text, next);
    if (::fsync(descriptor) != 0) fail(next, std::strerror(errno));
  } catch (...) {
    ::close(descriptor);
    throw;
  }
  ::close(descriptor);
  std::filesystem::rename(next, file(name));
}

std::vector<std::filesystem::path> KeptFolder::keep_copies(
    std::span<const std::filesystem::path> files, const std::function<bool()>& are_same) const {
  namespace fs = std::filesystem;
  const fs::path folder = file(kFiles);
  fs::create_directories(folder);
  std::vector<fs::path> copies;
  std::vector<fs::path> made;
  const auto next = [](const fs::path& copy) { return fs::path(copy.string() + ".next"); };
  for (const fs::path& original : files) {
    if (original.parent_path() == folder) {
      copies.push_back(original);
      continue;
    }
    const fs::path copy =
        folder / fmt::format("{}-{}", copies.size(), original.filename().string());
    copies.push_back(copy);
    std::error_code absent;
    const bool is_there = fs::file_size(copy, absent) == fs::file_size(original) &&
                          fs::last_write_time(copy, absent) == fs::last_write_time(original);
    if (is_there) continue;
    const auto written_at = fs::last_write_time(original);
    fs::copy_file(original, next(copy), fs::copy_options::overwrite_existing);
    fs::last_write_time(next(copy), written_at);
    made.push_back(copy);
  }
  if (!are_same()) return {};
  for (const fs::path& copy : made) fs::rename(next(copy), copy);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (std::find(copies.begin(), copies.end(), entry.path()) == copies.end()) {
      fs::remove(entry.path());
    }
  }
  return copies;
}

}  // namespace edgeward::controller
