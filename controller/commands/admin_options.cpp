#include "controller/commands/admin_options.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <stdexcept>
#include <utility>

#include "controller/secret_file.hpp"

namespace edgeward::controller {

void add_admin_options(CLI::App& app, AdminOptions& options) {
  app.add_option("--admin", options.access.address,
                 "The service's admin listener; default: " + AdminAccess{}.address)
      ->type_name("[https://]HOST:PORT");
  app.add_option("--ca", options.access.ca,
                 "Who signed the certificate of an https:// listener; default: whom this machine "
                 "trusts")
      ->type_name("FILE");
  CLI::Option* const certificate = app.add_option("--certificate", options.access.certificate,
                                                  "What to show a listener that asks for one");
  CLI::Option* const key = app.add_option("--private-key", options.access.private_key, "Its key");
  certificate->type_name("FILE")->needs(key);
  key->type_name("FILE")->needs(certificate);
  app.add_option("--token-file", options.token_file, "File with the admin token")
      ->type_name("FILE");
}

void read_token(AdminOptions& options) {
  if (!options.token_file.empty()) options.access.token = read_secret(options.token_file);
}

HttpReply ask(const AdminOptions& options, std::string_view method, std::string_view target,
              std::string_view body) {
  return ask_admin(options.access, method, target, body);
}

std::string ask_for(const AdminOptions& options, std::string_view method, std::string_view target,
                    std::string_view body) {
  namespace json = boost::json;
  HttpReply reply = ask(options, method, target, body);
  if (reply.status < 400) return std::move(reply.body);
  json::error_code error;
  const json::value problem = json::parse(reply.body, error);
  const json::value* const detail =
      !error && problem.is_object() ? problem.get_object().if_contains("detail") : nullptr;
  throw std::runtime_error(fmt::format("{} says: {}", options.access.address,
                                       detail != nullptr && detail->is_string()
                                           ? std::string(detail->get_string().c_str())
                                           : fmt::format("status {}", reply.status)));
}

}  // namespace edgeward::controller
