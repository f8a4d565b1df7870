#include "controller/service/api.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <boost/url/params_view.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <exception>
#include <optional>
#include <utility>

#include "cache/ids.hpp"
#include "controller/config/fault.hpp"
#include "controller/config/routing_reader.hpp"
#include "controller/service/edge_answers.hpp"
#include "controller/service/metrics.hpp"
#include "controller/service/parameters.hpp"
#include "controller/service/problem.hpp"
#include "controller/service/process_usage.hpp"
#include "policy/decision_json.hpp"
#include "policy/json.hpp"
#include "sim/input/byte_source.hpp"

namespace edgeward::controller {

namespace {

namespace json = boost::json;
namespace urls = boost::urls;

/// Decisions of a batch that are made before they are written: few enough to stay in the cache.
constexpr std::size_t kDecidedAtOnce = 64;

/// Takes as long for any token of the right length, so that answers do not spell it out.
bool is_same_secret(std::string_view given, std::string_view wanted) {
  if (given.size() != wanted.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < given.size(); ++i) {
    difference |= static_cast<unsigned>(static_cast<unsigned char>(given[i] ^ wanted[i]));
  }
  return difference == 0;
}

bool has_token(std::string_view authorization, std::string_view token) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() < kScheme.size()) return false;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    if ((authorization[i] | 0x20) != (kScheme[i] | 0x20)) return false;
  }
  return is_same_secret(authorization.substr(kScheme.size()), token);
}

/// Adds how often each fault was found, by its name, where it was.
template <class Fault, std::size_t kFaults>
void count_faults(const std::array<std::uint64_t, kFaults>& faults, json::object& rejected) {
  for (std::size_t i = 0; i < kFaults; ++i) {
    if (faults[i] > 0) rejected[name(static_cast<Fault>(i))] = faults[i];
  }
}

}  // namespace

/// One request on its way to its answer.
struct Api::Context {
  const HttpRequest& request;
  const Caller& caller;
  HttpResponse& response;
  std::string_view path;  ///< as sent, from the first '/'
  urls::params_view query;
  bool has_query = false;
  std::string_view encoded_query;  ///< as sent, without the '?'
  std::string_view name{};         ///< what the endpoint's `*` stands for

  /// That, and the query as it was sent.
  [[nodiscard]] std::string key() const {
    return has_query ? fmt::format("{}?{}", name, encoded_query) : std::string(name);
  }
};

/// A path, of which `*` stands for one segment or, at its end, for all that follows.
struct Api::Endpoint {
  std::string_view path;
  std::string_view method;  ///< HEAD goes with GET
  std::string_view allow;   ///< of the path
  bool is_admin = false;
  void (Api::*handle)(Context&) = nullptr;

  /// What `*` stands for; nothing if the path is another.
  [[nodiscard]] std::optional<std::string_view> match(std::string_view given) const {
    const std::size_t star = path.find('*');
    if (star == std::string_view::npos) {
      return given == path ? std::optional(std::string_view()) : std::nullopt;
    }
    const std::string_view before = path.substr(0, star);
    const std::string_view after = path.substr(star + 1);
    if (given.size() < before.size() + after.size() || !given.starts_with(before) ||
        !given.ends_with(after)) {
      return std::nullopt;
    }
    const std::string_view middle =
        given.substr(before.size(), given.size() - before.size() - after.size());
    if (!after.empty() && (middle.empty() || middle.find('/') != std::string_view::npos)) {
      return std::nullopt;
    }
    return middle;
  }
};

std::span<const Api::Endpoint> Api::endpoints() {
  static constexpr Endpoint kEndpoints[] = {
      {"/v1/route", "GET", "GET, HEAD, POST", false, &Api::get_route},
      {"/v1/route", "POST", "GET, HEAD, POST", false, &Api::post_route},
      {"/r/*", "GET", "GET, HEAD", false, &Api::redirect},
      {"/healthz", "GET", "GET, HEAD", false, &Api::get_health},
      {"/readyz", "GET", "GET, HEAD", false, &Api::get_ready},
      {"/openapi.yaml", "GET", "GET, HEAD", false, &Api::get_openapi},
      {"/metrics", "GET", "GET, HEAD", true, &Api::get_metrics},
      {"/v1/edges", "GET", "GET, HEAD", true, &Api::get_edges},
      {"/v1/forecast", "GET", "GET, HEAD", true, &Api::get_forecast},
      {"/v1/plans", "GET", "GET, HEAD", true, &Api::get_plans},
      {"/v1/optimize", "GET", "GET, HEAD, POST", true, &Api::get_optimize},
      {"/v1/optimize", "POST", "GET, HEAD, POST", true, &Api::post_optimize},
      {"/v1/plans/run", "POST", "POST", true, &Api::post_plans_run},
      {"/v1/plans/*", "GET", "GET, HEAD", true, &Api::get_plans},
      {"/v1/edges/*/drain", "POST", "POST", true, &Api::post_drain},
      {"/v1/edges/*/undrain", "POST", "POST", true, &Api::post_drain},
      {"/v1/state", "POST", "POST", true, &Api::post_state},
      {"/v1/events", "POST", "POST", true, &Api::post_events},
      {"/v1/rtt", "POST", "POST", true, &Api::post_rtt},
      {"/v1/reload", "POST", "POST", true, &Api::post_reload},
      {"/v1/purge", "POST", "POST", true, &Api::post_purge},
      {"/v1/purges", "GET", "GET, HEAD", true, &Api::get_purges},
      {"/v1/purges/*", "GET", "GET, HEAD", true, &Api::get_purge},
      {"/v1/catalog", "GET", "GET, HEAD, POST", true, &Api::get_catalog},
      {"/v1/catalog", "POST", "GET, HEAD, POST", true, &Api::post_catalog},
      {"/v1/catalog/*", "GET", "GET, HEAD, PUT, DELETE", true, &Api::get_content},
      {"/v1/catalog/*", "PUT", "GET, HEAD, PUT, DELETE", true, &Api::put_content},
      {"/v1/catalog/*", "DELETE", "GET, HEAD, PUT, DELETE", true, &Api::delete_content},
  };
  return kEndpoints;
}

Api::Api(ApiOptions options, ApiActions actions, Publisher& publisher)
    : options_(std::move(options)),
      actions_(std::move(actions)),
      publisher_(publisher),
      tally_(options_.logged_ratio, actions_.log),
      keys_(sim::CacheKeyRules{}),
      plans_(actions_.planning),
      purges_(actions_.purging) {
  if (actions_.catalog != nullptr) catalog_.emplace(*actions_.catalog);
  install(publisher.current());
}

void Api::install(Publisher::Snapshot snapshot) {
  const bool is_new_fleet = snapshot_ == nullptr || snapshot_->fleet != snapshot->fleet;
  snapshot_ = std::move(snapshot);
  tally_.install(snapshot_);
  if (!is_new_fleet) return;
  writer_.emplace(snapshot_->fleet);
}

void Api::answer(const HttpRequest& request, const Caller& caller, HttpResponse& response) {
  response.clear();
  find_answer(request, caller, response);
  const ListenerKind listener = caller.is_admin ? ListenerKind::admin : ListenerKind::clients;
  tally_.traffic().at(listener).note(response.status);
}

void Api::find_answer(const HttpRequest& request, const Caller& caller, HttpResponse& response) {
  // The absolute form is what a proxy would be asked (RFC 9112 §3.2.2).
  const auto target = request.target.starts_with('/') ? urls::parse_origin_form(request.target)
                                                      : urls::parse_uri(request.target);
  if (!target) {
    return set_problem(400, "the target is no path with a query (RFC 9112, section 3.2)", response);
  }
  const std::string_view path(target->encoded_path().data(), target->encoded_path().size());
  const std::string_view query(target->encoded_query().data(), target->encoded_query().size());
  Context context{request, caller, response, path, target->params(), target->has_query(), query};
  std::string_view allowed;
  try {
    for (const Endpoint& endpoint : endpoints()) {
      if (endpoint.is_admin && !caller.is_admin) continue;
      const auto matched = endpoint.match(path);
      if (!matched) continue;
      allowed = endpoint.allow;
      const bool is_head = request.method == "HEAD" && endpoint.method == "GET";
      if (request.method != endpoint.method && !is_head) continue;
      if (caller.is_admin && !options_.admin_token.empty() &&
          !has_token(request.authorization, options_.admin_token)) {
        response.wants_token = true;
        refuse(401, "expected the field Authorization: Bearer TOKEN");
      }
      context.name = *matched;
      return (this->*endpoint.handle)(context);
    }
    if (allowed.empty()) refuse(404, fmt::format("there is no {} here", quote(path)));
    response.allow = allowed;
    refuse(405, fmt::format("{} takes {}", path, allowed));
  } catch (const Problem& problem) {
    set_problem(problem.status, problem.detail, response);
  } catch (const std::exception& error) {
    // One answer fails, not the worker with all its connections.
    response.clear();
    set_problem(500, fmt::format("this is a fault of the service: {}", error.what()), response);
  }
}

bool Api::may_ask_for_others(const Caller& caller) const {
  return caller.is_admin || is_among(caller.peer, options_.trust.callers);
}

void Api::require_trusted(const Caller& caller) const {
  if (may_ask_for_others(caller)) return;
  refuse(403, fmt::format("{} may not ask for other clients: it is not among serve.trusted_callers",
                          caller.peer.text()));
}

bool Api::is_stale(std::int64_t now_ms) const {
  return now_ms - snapshot_->published_at_ms > options_.stale_after_ms;
}

policy::ServiceIndex Api::service(std::string_view name) const {
  const auto found = find_service(name, snapshot_->fleet->options().services);
  if (!found) refuse(400, no_such_service(name, found.error()));
  return *found;
}

policy::Decision Api::decide(const policy::Request& request, std::string_view key) {
  const policy::Decision decision = policy::route(request, *snapshot_);
  tally_.count(request, decision, key);
  return decision;
}

void Api::get_route(Context& context) {
  static constexpr std::string_view kKnown[] = {"client", "content", "service", "size_bytes",
                                                "explain"};
  const Parameters parameters(context.query, kKnown);
  const std::string_view content = parameters.text("content");
  if (content.empty()) refuse(400, "content: a path such as /a is missing");
  policy::Request request{.at_ms = context.caller.now_ms,
                          .client = client_of(context.caller.peer, context.request, options_.trust),
                          .size_bytes = parameters.count("size_bytes"),
                          .service = service(parameters.text("service"))};
  if (const std::string_view text = parameters.text("client"); !text.empty()) {
    require_trusted(context.caller);
    const auto address = geo::IpAddress::parse(text);
    if (!address) refuse(400, not_an_address(text));
    request.client = *address;
  }
  keys_.write("", content, key_);
  request.content = cache::content_id(key_);
  const std::string client = request.client.text();
  const policy::Question question{
      .client = client, .key = key_, .is_stale = is_stale(context.caller.now_ms)};
  const policy::Decision decision = decide(request, key_);
  if (decision.edge == cache::kNoEdge) {
    context.response.status = 503;
    context.response.retry_after_s = 1;
  }
  line_.clear();
  if (parameters.flag("explain")) {
    writer_->append(policy::explain(request, *snapshot_), question, line_);
  } else {
    writer_->append(decision, question, line_);
  }
  context.response.body = policy::indented_json(line_);
}

void Api::redirect(Context& context) {
  policy::Request request{
      .at_ms = context.caller.now_ms,
      .client = client_of(context.caller.peer, context.request, options_.trust)};
  const std::vector<policy::Service>& services = snapshot_->fleet->options().services;
  const std::string_view host =
      std::string_view(context.request.host).substr(0, context.request.host.find(':'));
  for (std::size_t i = 0; i < services.size(); ++i) {
    if (services[i].name == host) request.service = static_cast<policy::ServiceIndex>(i);
  }
  // The path after /r with its query, as it was sent.
  std::string asked(context.path.substr(2));
  if (context.has_query) fmt::format_to(std::back_inserter(asked), "?{}", context.encoded_query);
  keys_.write("", asked, key_);
  request.content = cache::content_id(key_);
  const policy::Decision decision = decide(request, key_);
  if (decision.edge == cache::kNoEdge) {
    context.response.retry_after_s = 1;
    refuse(503, "no_edge: no edge may serve this client");
  }
  context.response.status = 302;
  context.response.content_type = "text/plain";
  context.response.location = policy::content_url(snapshot_->fleet->fleet()[decision.edge], key_);
}

void Api::post_route(Context& context) {
  require_trusted(context.caller);
  const std::string_view type = std::string_view(context.request.content_type)
                                    .substr(0, context.request.content_type.find(';'));
  const bool is_lines = type == "application/x-ndjson" || type == "application/ndjson";
  if (!is_lines && type != "application/json") {
    refuse(415, "expected Content-Type application/json (an array) or application/x-ndjson");
  }
  batch_.read(context.request.body, is_lines ? BatchFormat::lines : BatchFormat::array,
              {.now_ms = context.caller.now_ms,
               .services = snapshot_->fleet->options().services,
               .items_max = options_.batch_items_max});
  std::string& body = context.response.body;
  if (!is_lines) body += batch_.size() == 0 ? "[" : "[\n";
  write_decisions(is_lines ? "\n" : ",\n", is_stale(context.caller.now_ms), body);
  if (!is_lines) {
    if (batch_.size() > 0) body.replace(body.size() - 2, 1, "\n").pop_back();
    body += "]\n";
  } else {
    context.response.content_type = "application/x-ndjson";
  }
}

void Api::write_decisions(std::string_view end, bool stale, std::string& body) {
  std::array<policy::Decision, kDecidedAtOnce> decisions;
  for (std::size_t begin = 0; begin < batch_.size(); begin += kDecidedAtOnce) {
    const auto requests =
        batch_.requests().subspan(begin, std::min(kDecidedAtOnce, batch_.size() - begin));
    policy::route(requests, *snapshot_, decisions);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const std::string_view error = batch_.error_at(begin + i);
      if (error.empty()) {
        tally_.count(requests[i], decisions[i], batch_.key_at(begin + i));
        const policy::Question question{.client = batch_.client_at(begin + i),
                                        .key = batch_.key_at(begin + i),
                                        .is_stale = stale};
        writer_->append(decisions[i], question, body);
      } else {
        body += R"({"error":)";
        policy::append_json_string(error, body);
        body += '}';
      }
      body += end;
    }
  }
}

void Api::get_edges(Context& context) {
  context.response.body = edges_answer(publisher_, snapshot_->version, context.caller.now_ms);
}

void Api::get_forecast(Context& context) {
  static constexpr std::string_view kKnown[] = {"edge", "hours"};
  context.response.body = forecast_answer(publisher_, snapshot_->fleet->fleet(),
                                          Parameters(context.query, kKnown), context.caller.now_ms);
}

void Api::get_plans(Context& context) {
  context.response.body = plans_.list(context.name);
}

void Api::post_plans_run(Context& context) {
  static constexpr std::string_view kKnown[] = {"dry_run"};
  context.response.body = plans_.run(Parameters(context.query, kKnown).flag("dry_run"));
  context.response.status = 202;
}

void Api::get_optimize(Context& context) {
  context.response.body = plans_.optimizing();
}

void Api::post_optimize(Context& context) {
  static constexpr std::string_view kKnown[] = {"measure_after_s", "canary_percent"};
  context.response.body = plans_.optimize(Parameters(context.query, kKnown));
  context.response.status = 202;
}

void Api::post_drain(Context& context) {
  const bool is_drained = context.path.ends_with("/drain");
  if (!publisher_.set_drained(context.name, is_drained, context.caller.now_ms)) {
    refuse(404, fmt::format("no edge is named {}", quote(context.name)));
  }
  if (actions_.save) actions_.save();
  context.response.status = 204;
}

void Api::post_state(Context& context) {
  const auto report = parse_state_report(context.request.body);
  if (!report) refuse(400, report.error());
  switch (publisher_.report(*report, context.caller.now_ms)) {
    case Publisher::Taken::yes:
      context.response.status = 204;
      break;
    case Publisher::Taken::older:
      refuse(409, fmt::format("seq: a later report of {} has come before", report->edge));
    case Publisher::Taken::no_such_edge:
      refuse(404, fmt::format("no edge is named {}", quote(report->edge)));
  }
}

void Api::post_events(Context& context) {
  const cache::Fleet& fleet = snapshot_->fleet->fleet();
  const EventReading reading = events_.read(context.request.body, fleet, context.caller.now_ms);
  if (actions_.learn && !actions_.learn(reading.events, fleet)) {
    context.response.retry_after_s = 1;
    refuse(503, "more events wait than may: none of these is taken, send them again");
  }
  json::object rejected;
  count_faults<EventFault>(reading.faults, rejected);
  context.response.body = policy::json_text(
      json::object{{"accepted", reading.events.size()}, {"rejected", std::move(rejected)}});
}

void Api::post_rtt(Context& context) {
  if (!actions_.measure) refuse(503, "round trips are not taken here");
  sim::RttReading reading;
  try {
    reading =
        actions_.measure(context.request.body, snapshot_->fleet->map(), context.caller.now_ms);
  } catch (const sim::InputError& error) {
    refuse(400, error.what());
  }
  json::object rejected;
  count_faults<sim::RttLineFault>(reading.faults, rejected);
  count_faults<geo::RttRejection>(reading.rejected, rejected);
  context.response.body = policy::json_text(
      json::object{{"accepted", reading.accepted}, {"rejected", std::move(rejected)}});
}

void Api::post_reload(Context& context) {
  if (!actions_.reload) refuse(503, "nothing is reloaded here");
  actions_.reload();
  context.response.status = 202;
  context.response.body = policy::json_text(json::object{{"reload", "started"}});
}

void Api::post_purge(Context& context) {
  purges_.add(context.request.body, snapshot_->fleet->fleet(), context.caller.now_ms,
              context.response);
}

void Api::get_purges(Context& context) {
  purges_.list(context.response);
}

void Api::get_purge(Context& context) {
  purges_.get(context.name, context.response);
}

CatalogAnswers& Api::catalog() {
  if (!catalog_) refuse(503, "there is no catalogue here");
  return *catalog_;
}

void Api::get_catalog(Context& context) {
  static constexpr std::string_view kKnown[] = {"top"};
  const Parameters parameters(context.query, kKnown);
  const std::uint64_t count = parameters.text("top").empty() ? 20 : parameters.count("top");
  context.response.body = catalog().list(count);
}

void Api::post_catalog(Context& context) {
  context.response.body = catalog().import(context.request.body);
}

void Api::get_content(Context& context) {
  context.response.body = catalog().get(context.key());
}

void Api::put_content(Context& context) {
  CatalogAnswers::Put done = catalog().put(context.key(), context.request.body);
  context.response.status = done.is_new ? 201 : 200;
  context.response.body = std::move(done.body);
}

void Api::delete_content(Context& context) {
  catalog().remove(context.key());
  context.response.status = 204;
}

std::vector<std::string> Api::operations() {
  std::vector<std::string> all;
  for (const Endpoint& endpoint : endpoints()) {
    all.push_back(fmt::format("{} {}", endpoint.method, endpoint.path));
  }
  return all;
}

void Api::get_openapi(Context& context) {
  context.response.content_type = "application/yaml";
  context.response.body = options_.openapi;
}

void Api::get_metrics(Context& context) {
  context.response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  const auto plans = plans_.status();
  context.response.body = metrics_text(publisher_, {.now_ms = context.caller.now_ms,
                                                    .is_ready = !is_stale(context.caller.now_ms),
                                                    .process = process_usage(),
                                                    .plans = plans.get(),
                                                    .catalog = catalog_counts()});
}

std::optional<ServedCatalog::Counts> Api::catalog_counts() const {
  if (actions_.catalog == nullptr) return std::nullopt;
  return actions_.catalog->counts();
}

void Api::get_health(Context& context) {
  context.response.content_type = "text/plain";
  context.response.body = "ok\n";
}

void Api::get_ready(Context& context) {
  context.response.content_type = "text/plain";
  if (is_stale(context.caller.now_ms)) {
    context.response.status = 503;
    context.response.body = fmt::format("stale: snapshot {} is {} ms old\n", snapshot_->version,
                                        context.caller.now_ms - snapshot_->published_at_ms);
    return;
  }
  context.response.body = fmt::format("ready: snapshot {}\n", snapshot_->version);
}

}  // namespace edgeward::controller
