#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controller/commands/admin_options.hpp"
#include "controller/commands/arguments.hpp"
#include "controller/commands/commands.hpp"
#include "controller/terminal.hpp"
#include "policy/json.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// The options as they were typed.
struct PurgeCommand {
  AdminOptions admin;
  std::string pattern;
  std::vector<std::string> edges;
  std::string timeout = "30s";
  bool is_exact = false;
  bool all = false;
  bool no_wait = false;
  bool json = false;
};

/// How a purge stood when it was asked about last.
struct Standing {
  std::string body;  ///< as the service wrote it
  json::object purge;
  bool is_reachable = true;

  [[nodiscard]] std::string text(const char* member) const {
    const json::value& value = purge.at(member);
    return value.is_string() ? std::string(value.get_string().c_str()) : std::string();
  }
  [[nodiscard]] std::size_t count(const char* member) const {
    return purge.at(member).to_number<std::size_t>();
  }
  [[nodiscard]] bool is_over() const { return text("status") == "done"; }
};

std::string question_of(const PurgeCommand& command) {
  const std::string& pattern = command.pattern;
  const bool is_prefix = !command.is_exact && pattern.ends_with('*');
  const std::string text = is_prefix ? pattern.substr(0, pattern.size() - 1) : pattern;
  if (!command.is_exact && text.find('*') != std::string::npos) {
    throw std::runtime_error(
        fmt::format("'{}': a * stands at the end, for all that begins so; --exact takes it as a "
                    "part of the key",
                    sim::printable(pattern)));
  }
  if (is_prefix && text.empty() && !command.all) {
    throw std::runtime_error("'*' alone is everything; if that is meant, say --all");
  }
  json::object question{{is_prefix ? "prefix" : "key", text}};
  if (!command.edges.empty()) {
    question["edges"] = json::array(command.edges.begin(), command.edges.end());
  }
  if (command.all) question["all"] = true;
  return policy::json_line(question);
}

Standing standing_of(std::string body) {
  Standing standing{.body = std::move(body), .purge = {}};
  standing.purge = json::parse(standing.body).as_object();
  return standing;
}

/// A service that is away, or was started anew and has not read of it yet, leaves it as it was.
void look_again(const AdminOptions& admin, Standing& standing) {
  try {
    HttpReply reply = ask(admin, "GET", "/v1/purges/" + standing.text("id"));
    standing.is_reachable = reply.status == 200;
    if (standing.is_reachable) standing = standing_of(std::move(reply.body));
  } catch (const Unreachable&) {
    standing.is_reachable = false;
  }
}

/// Some of those that are waited for.
std::string waits_for(const Standing& standing) {
  constexpr std::size_t kNamed = 3;
  std::string text;
  std::size_t pending = 0;
  for (const json::value& value : standing.purge.at("edges").as_array()) {
    const json::object& edge = value.as_object();
    if (edge.at("status").as_string() != "pending" || ++pending > kNamed) continue;
    text += pending == 1 ? "" : ", ";
    text += sim::printable(edge.at("edge").as_string().c_str());
  }
  return pending > kNamed ? fmt::format("{} and {} more", text, pending - kNamed) : text;
}

/// How far it is: short, since it is rewritten in place.
std::string progress(const Standing& standing) {
  const std::size_t done = standing.count("acknowledged");
  const std::size_t pending = standing.count("pending");
  std::string text = fmt::format("{} of {} edges", done, done + pending);
  if (!standing.is_reachable) return text + "; the service does not answer";
  if (standing.text("status") == "waiting") return text + "; waits for Redis";
  return pending == 0 ? text : fmt::format("{}; waits for {}", text, waits_for(standing));
}

std::string summary(const Standing& standing) {
  const std::string error = standing.text("store_error");
  return fmt::format("{} {}, removed {}: {}{}", standing.text("kind"),
                     sim::printable(standing.text("text")), standing.count("removed"),
                     progress(standing), error.empty() ? "" : ": " + sim::printable(error));
}

Standing wait_until_done(const AdminOptions& admin, Standing standing, double timeout_s) {
  constexpr double kPauseMinS = 0.05;
  constexpr double kPauseMaxS = 0.5;
  const bool is_terminal = ::isatty(STDERR_FILENO) == 1;
  const double begun_s = steady_seconds();
  while (!standing.is_over() && !interrupted()) {
    const double elapsed_s = steady_seconds() - begun_s;
    if (elapsed_s >= timeout_s) break;
    if (is_terminal) {
      fmt::print(stderr, "\r\x1B[K{}; {:.0f} s left", progress(standing), timeout_s - elapsed_s);
      std::fflush(stderr);
    }
    const double pause_s =
        std::min(std::clamp(elapsed_s / 4, kPauseMinS, kPauseMaxS), timeout_s - elapsed_s);
    std::this_thread::sleep_for(std::chrono::duration<double>(pause_s));
    look_again(admin, standing);
  }
  if (is_terminal) fmt::print(stderr, "\r\x1B[K");
  return standing;
}

void print_table(const Standing& standing) {
  fmt::print("{:<16} {:<8} {:>10}\n", "edge", "status", "removed");
  for (const json::value& value : standing.purge.at("edges").as_array()) {
    const json::object& edge = value.as_object();
    const json::value& removed = edge.at("removed");
    fmt::print("{:<16} {:<8} {:>10}\n", sim::printable(edge.at("edge").as_string().c_str()),
               edge.at("status").as_string().c_str(),
               removed.is_null() ? "-" : json::serialize(removed));
  }
}

int run_purge(PurgeCommand& command) {
  const double timeout_s =
      static_cast<double>(parse_duration_ms("--timeout", command.timeout)) / 1000;
  const std::string question = question_of(command);
  read_token(command.admin);
  Standing standing = standing_of(ask_for(command.admin, "POST", "/v1/purge", question));
  if (!command.no_wait) {
    catch_interrupts();  // from here on there is something to print
    standing = wait_until_done(command.admin, std::move(standing), timeout_s);
  }
  if (command.json) {
    fmt::print("{}", standing.body);
  } else {
    print_table(standing);
  }
  fmt::print(stderr, "edgeward: {}\n", summary(standing));
  if (standing.is_over() || command.no_wait) return kExitDone;
  if (interrupted()) return kExitInterrupted;
  const bool is_known = standing.is_reachable && standing.text("status") != "waiting";
  return is_known ? kExitNo : kExitUnreachable;
}

}  // namespace

void add_purge(CLI::App& app, Action& action) {
  CLI::App& purge = *app.add_subcommand(
      "purge", "Tell the edges of a service what to hold no more, and wait until it is so");
  auto command = std::make_shared<PurgeCommand>();
  PurgeCommand& c = *command;
  purge.add_option("PATTERN", c.pattern, "A key (a path, or a URL whose path counts), or PREFIX*")
      ->required()
      ->type_name("KEY|PREFIX*");
  purge.add_option("--edge", c.edges, "Only there; may be given more than once; default: all")
      ->type_name("NAME");
  purge.add_flag("--exact", c.is_exact, "A * is a part of the key");
  purge.add_flag("--all", c.all, "'*' is meant: everything");
  purge.add_option("--timeout", c.timeout, "How long to wait for edges; default: 30s")
      ->type_name("DURATION");
  purge.add_flag("--no-wait", c.no_wait, "Wait for no edge");
  add_admin_options(purge, c.admin);
  purge.add_flag("--json", c.json, "JSON on standard output");
  purge.footer(
      "Edges are told through Redis (`redis:` of the service's configuration). Each answers once\n"
      "its store has nothing of it left; one that is away does so when it is back, whether or not\n"
      "somebody waits. What is fetched after the purge is kept again.\n"
      "Exit codes: 0 every edge has done it, 1 some have not in time, 2 the service refused it,\n"
      "75 the service or its Redis cannot be reached.\n"
      "Examples:\n"
      "  edgeward purge /video/1.mp4\n"
      "  edgeward purge '/video/*' --edge fra1 --edge ams1 --timeout 5s\n"
      "  edgeward purge '*' --all --json\n");
  purge.callback([command, &action] { action = [command] { return run_purge(*command); }; });
}

}  // namespace edgeward::controller
