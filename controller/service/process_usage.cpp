#include "controller/service/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace edgeward::controller {

namespace {

/// The fields of /proc/self/stat after the command, which may hold anything: the first is field 3.
std::vector<double> stat_fields() {
  std::ifstream file("/proc/self/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::istringstream rest(text.substr(std::min(text.rfind(')') + 1, text.size())));
  std::string state;
  rest >> state;
  return {std::istream_iterator<double>(rest), {}};
}

/// When the machine was started, seconds since the epoch.
double booted_at_s() {
  std::ifstream file("/proc/stat");
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("btime ")) return std::stod(line.substr(6));
  }
  return 0;
}

std::uint64_t count_open_files() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  const auto count = std::distance(begin(files), end(files));
  // The one that counted is among them.
  return count > 0 ? static_cast<std::uint64_t>(count) - 1 : 0;
}

}  // namespace

ProcessUsage process_usage() {
  ProcessUsage usage;
  const std::vector<double> fields = stat_fields();
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  constexpr std::size_t kFirst = 4;  // fields[0] is what proc(5) numbers so
  if (fields.size() > 24 - kFirst) {
    usage.cpu_seconds = (fields[14 - kFirst] + fields[15 - kFirst]) / ticks;
    usage.threads = static_cast<std::uint64_t>(fields[20 - kFirst]);
    usage.started_at_s = booted_at_s() + fields[22 - kFirst] / ticks;
    usage.virtual_bytes = static_cast<std::uint64_t>(fields[23 - kFirst]);
    usage.resident_bytes = static_cast<std::uint64_t>(fields[24 - kFirst]) *
                           static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
  usage.open_files = count_open_files();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) usage.open_files_max = limit.rlim_cur;
  return usage;
}

}  // namespace edgeward::controller
