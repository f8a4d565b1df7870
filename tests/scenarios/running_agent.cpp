#include "tests/scenarios/running_agent.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace edgeward::test {

RunningAgent::RunningAgent(const std::string& config, const std::string& edge) {
  const std::string file = folder_.write("edgeward.yaml", config).string();
  const std::string err = (folder_.path() / "err").string();
  std::vector<std::string> words{EDGEWARD_BINARY, "agent", "--config", file,
                                 "--edge",        edge,    "--listen", "127.0.0.1:0"};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  child_ = ::fork();
  if (child_ < 0) throw std::runtime_error("cannot fork");
  if (child_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
    ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  wait_for("listening on");
  const std::string text = said();
  constexpr std::string_view kHost = "listen=127.0.0.1:";
  port_ = static_cast<std::uint16_t>(std::atoi(text.c_str() + text.find(kHost) + kHost.size()));
}

RunningAgent::~RunningAgent() {
  kill();
}

std::string RunningAgent::said() const {
  const auto err = folder_.path() / "err";
  return std::filesystem::exists(err) ? read_file(err) : std::string();
}

void RunningAgent::wait_for(std::string_view sentence) const {
  eventually(sentence, [&] {
    const std::string text = said();
    const std::size_t at = text.find(sentence);
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) return true;
    siginfo_t info{};
    if (::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == child_) {
      throw std::runtime_error("it ended: " + text);
    }
    return false;
  });
}

HttpAnswer RunningAgent::get(std::string_view target, std::string_view fields,
                             std::string_view method) const {
  HttpConnection connection(port_);
  connection.send(fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{}\r\n",
                              method, target, fields));
  if (method != "HEAD") return connection.receive();
  return connection.receive_head();
}

void RunningAgent::kill() {
  if (child_ < 0) return;
  ::kill(child_, SIGKILL);
  ::waitpid(child_, nullptr, 0);
  child_ = -1;
}

int RunningAgent::stop() {
  ::kill(child_, SIGTERM);
  int status = 0;
  ::waitpid(child_, &status, 0);
  child_ = -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string EdgeWorld::config(std::string_view more, std::string_view edge) const {
  return fmt::format(
      "fleet:\n"
      "  origin: {{lat: 38.9, lon: -77.5}}\n"
      "  edges: {{fra1: {{lat: 50.03, lon: 8.57, {}}}}}\n"
      "redis: {{server: '{}', command_timeout: 1s, connect_timeout: 1s}}\n"
      "agent: {{origin: 'http://127.0.0.1:{}', report_interval: 50ms, purge_interval: 10ms, {}\n"
      "         plans: {{interval: 10ms, retry_first: 10ms, retry_max: 50ms, attempts: 3,\n"
      "                  claim_after: 2s}}}}\n",
      edge, redis.address(), origin.port(), more);
}

std::string body_of(std::size_t bytes, char seed) {
  std::string body(bytes, seed);
  for (std::size_t i = 0; i < bytes; ++i) {
    body[i] = static_cast<char>('a' + (static_cast<std::size_t>(seed) + i / 7 + i % 13) % 26);
  }
  return body;
}

cache::Action prefetch_of(const std::string& key, std::uint64_t size_bytes) {
  return {.kind = cache::ActionKind::prefetch,
          .content = cache::content_id(key),
          .key = key,
          .size_bytes = size_bytes};
}

cache::Action evict_of(const std::string& key, std::uint64_t size_bytes) {
  return {.kind = cache::ActionKind::evict,
          .content = cache::content_id(key),
          .key = key,
          .size_bytes = size_bytes};
}

cache::Plan plan_of(std::vector<cache::Action> actions, std::uint64_t epoch) {
  const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  cache::Plan plan{
      .epoch = epoch, .valid_until_ms = now_ms + 3'600'000, .actions = std::move(actions)};
  plan.id = id_of(plan, "fra1");
  return plan;
}

}  // namespace edgeward::test
