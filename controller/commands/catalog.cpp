#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "controller/catalog_file.hpp"
#include "controller/commands/admin_options.hpp"
#include "controller/commands/commands.hpp"
#include "controller/terminal.hpp"
#include "policy/json.hpp"
#include "sim/catalog_lines.hpp"
#include "sim/input/byte_source.hpp"
#include "sim/logs/cache_key.hpp"
#include "sim/printable.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;

/// Of a list that is sent at a time: less than any service's limit of a body.
constexpr std::size_t kSentBytes = 192 << 10;

/// The options as they were typed.
struct CatalogCommand {
  AdminOptions admin;
  std::string file;
  std::string key;
  unsigned top = 20;
  bool json = false;
};

/// The path of a content's entry. What is typed may hold what no URL does.
std::string target_of_key(const std::string& typed) {
  std::string key;
  sim::CacheKeyWriter(sim::CacheKeyRules{}).write("", typed, key);
  // A key with a host begins with it.
  return key.starts_with('/') ? fmt::format("/v1/catalog{}", key)
                              : fmt::format("/v1/catalog/https://{}", key);
}

std::string day_of(const json::value& seconds) {
  if (seconds.is_null()) return "never";
  const auto time = static_cast<std::time_t>(seconds.to_number<double>());
  std::tm parts{};
  gmtime_r(&time, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

std::string cell_of(const json::value& value) {
  const std::string_view text(value.as_string().data(), value.as_string().size());
  return sim::printable(text);
}

int list_contents(CatalogCommand& command) {
  const std::string body =
      ask_for(command.admin, "GET", fmt::format("/v1/catalog?top={}", command.top));
  if (command.json) {
    fmt::print("{}", body);
    return kExitDone;
  }
  const json::value answer = json::parse(body);
  fmt::print("{:>10} {:>10} {:>6} {:>14} {:<10} {:<10} {:<12} {}\n", "popularity", "views",
             "rating", "bytes", "created", "viewed", "type", "key");
  for (const json::value& value : answer.at("entries").as_array()) {
    const json::object& entry = value.as_object();
    fmt::print("{:>10.4f} {:>10} {:>6.2f} {:>14} {:<10} {:<10} {:<12} {}\n",
               entry.at("popularity").to_number<double>(),
               entry.at("views").to_number<std::uint64_t>(), entry.at("rating").to_number<double>(),
               entry.at("size_bytes").to_number<std::uint64_t>(), day_of(entry.at("created_at")),
               day_of(entry.at("last_viewed_at")), cell_of(entry.at("type")),
               cell_of(entry.at("key")));
  }
  fmt::print(stderr, "{} of {} contents\n", answer.at("entries").as_array().size(),
             answer.at("total").to_number<std::uint64_t>());
  return kExitDone;
}

int show_content(CatalogCommand& command) {
  const std::string body = ask_for(command.admin, "GET", target_of_key(command.key));
  if (command.json) {
    fmt::print("{}", body);
    return kExitDone;
  }
  const json::value answer = json::parse(body);
  for (const auto& member : answer.as_object()) {
    const std::string name(member.key().data(), member.key().size());
    const bool is_time = name.ends_with("_at");
    fmt::print("{:<15} {}\n", name,
               is_time                      ? day_of(member.value())
               : member.value().is_string() ? cell_of(member.value())
                                            : json::serialize(member.value()));
  }
  return kExitDone;
}

int remove_content(CatalogCommand& command) {
  (void)ask_for(command.admin, "DELETE", target_of_key(command.key));
  return kExitDone;
}

/// What of a list the service has not by itself.
std::string sent_line(const cache::CatalogUpdate& update) {
  // A canonical key with a host is none without its scheme.
  json::object line{{"key", update.key.starts_with('/') ? update.key : "https://" + update.key},
                    {"size_bytes", update.size_bytes},
                    {"duration_min", update.duration_min},
                    {"type", update.type},
                    {"rating", update.rating}};
  if (update.created_at_ms) line["created_at"] = static_cast<double>(*update.created_at_ms) / 1000;
  if (update.last_viewed_at_ms) {
    line["last_viewed_at"] = static_cast<double>(*update.last_viewed_at_ms) / 1000;
  }
  if (update.views) line["views"] = *update.views;
  return policy::json_line(line);
}

/// Sends a list in parts and adds up what the service says of them.
class Sender {
 public:
  explicit Sender(const AdminOptions& admin) : admin_(admin) {}

  void add(const cache::CatalogUpdate& update) {
    lines_ += sent_line(update);
    if (lines_.size() >= kSentBytes) send();
  }
  void send() {
    if (lines_.empty()) return;
    const json::value answer =
        json::parse(ask_for(admin_, "POST", "/v1/catalog", std::exchange(lines_, {})));
    added += answer.at("added").to_number<std::uint64_t>();
    updated += answer.at("updated").to_number<std::uint64_t>();
    for (const auto& reason : answer.at("rejected").as_object()) {
      rejected[std::string(reason.key().data(), reason.key().size())] +=
          reason.value().to_number<std::uint64_t>();
    }
  }

  std::uint64_t added = 0;
  std::uint64_t updated = 0;
  std::map<std::string, std::uint64_t> rejected;  ///< by reason

 private:
  const AdminOptions& admin_;
  std::string lines_;
};

int import_contents(CatalogCommand& command) {
  const auto source = sim::open_input(command.file);
  Sender sender(command.admin);
  const sim::CatalogReading reading = sim::read_catalog(
      *source, command.file, [&](const cache::CatalogUpdate& update) { sender.add(update); });
  sender.send();
  for (std::size_t i = 0; i < sim::kCatalogFaults; ++i) {
    if (reading.faults[i] == 0) continue;
    sender.rejected[std::string(name(static_cast<sim::CatalogFault>(i)))] += reading.faults[i];
  }
  tell(command.file, reading,
       [](std::string_view sentence) { fmt::print(stderr, "{}\n", sentence); });
  const std::uint64_t accepted = sender.added + sender.updated;
  if (command.json) {
    json::object rejected;
    for (const auto& [reason, count] : sender.rejected) rejected[reason] = count;
    fmt::print("{}", policy::json_text(json::object{{"lines", reading.lines},
                                                    {"accepted", accepted},
                                                    {"added", sender.added},
                                                    {"updated", sender.updated},
                                                    {"rejected", std::move(rejected)}}));
  } else {
    fmt::print("{} contents added, {} updated\n", sender.added, sender.updated);
    const auto full = sender.rejected.find("full");
    if (full != sender.rejected.end()) {
      fmt::print(stderr, "{} dropped: the catalogue is full, see catalog.entries_max\n",
                 full->second);
    }
  }
  return accepted == 0 && reading.lines > 0 ? kExitNo : kExitDone;
}

}  // namespace

void add_catalog(CLI::App& app, Action& action) {
  CLI::App& catalog =
      *app.add_subcommand("catalog", "See and fill the catalogue of a service's contents");
  catalog.require_subcommand(1);
  auto command = std::make_shared<CatalogCommand>();
  CatalogCommand& c = *command;
  const auto add_sub = [&](const char* name, const char* help, int (*work)(CatalogCommand&)) {
    CLI::App* const sub = catalog.add_subcommand(name, help);
    add_admin_options(*sub, c.admin);
    sub->callback([command, work, &action] {
      action = [command, work] {
        read_token(command->admin);
        return work(*command);
      };
    });
    return sub;
  };
  CLI::App* const list = add_sub("list", "The most popular contents", list_contents);
  list->add_option("--top", c.top, "How many, 1 to 1000; default: 20")->type_name("N");
  CLI::App* const show = add_sub("show", "What is known of a content", show_content);
  show->add_option("KEY", c.key, "Its path, or a URL")->required();
  CLI::App* const import =
      add_sub("import", "Take in a list: CSV with a header, or NDJSON", import_contents);
  import->add_option("FILE", c.file, "The list, gzip or zstd or neither; -: standard input")
      ->required();
  for (CLI::App* const sub : {list, show, import}) {
    sub->add_flag("--json", c.json, "JSON on standard output");
  }
  CLI::App* const remove = add_sub("remove", "Know no more of a content", remove_content);
  remove->add_option("KEY", c.key, "Its path, or a URL")->required();
  catalog.footer(
      "A content has key, size_bytes, duration_min, type, created_at, last_viewed_at, views, "
      "rating\n"
      "(0 to 10). Its popularity is 0.4·log10(views + 1) + 0.3·rating + 0.3·e^(−age in days/365).\n"
      "Views are counted of what edges report (POST /v1/events). A list says all but views, of\n"
      "which the larger count stays; what it leaves out of created_at, last_viewed_at and views\n"
      "stays too.\n"
      "Exit codes: 0 done, 1 no line of a list was taken, 2 the service refused it or the list\n"
      "cannot be read, 75 the service cannot be reached.\n"
      "Examples:\n"
      "  edgeward catalog import contents.csv\n"
      "  edgeward catalog list --top 100\n"
      "  edgeward catalog show /films/1.mp4 --json\n"
      "  curl -X PUT -d '{\"size_bytes\":5000000000,\"rating\":8.1}' \\\n"
      "    http://127.0.0.1:8081/v1/catalog/films/1.mp4\n");
}

}  // namespace edgeward::controller
