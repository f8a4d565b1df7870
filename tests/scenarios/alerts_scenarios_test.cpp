#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cctype>
#include <filesystem>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "controller/config/yaml_document.hpp"
#include "tests/certificates.hpp"
#include "tests/exposition.hpp"
#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using controller::YamlNode;
using test::Exposition;
using test::Sample;

const std::filesystem::path kSource = EDGEWARD_SOURCE_DIR;
const std::filesystem::path kAlerts = kSource / "data/prometheus/alerts.yaml";
const std::filesystem::path kAlertsTest = kSource / "tests/prometheus/alerts_test.yaml";
const std::filesystem::path kDashboard = kSource / "data/grafana/edgeward.json";

struct Matcher {
  std::string label;
  std::string sign;
  std::string value;
};

/// What a PromQL expression names.
struct Names {
  struct Selector {
    std::string metric;
    std::vector<Matcher> matchers{};
  };
  std::vector<Selector> selectors;
  std::set<std::string> grouping;  ///< labels of by, on and the like
};

/// Takes an expression apart into words, as far as names need it.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  Names read() {
    while (skip_blanks(), !rest_.empty()) {
      const char c = rest_.front();
      if (is_word(c) && std::isdigit(static_cast<unsigned char>(c)) == 0) {
        read_word();
      } else if (c == '[') {
        rest_.remove_prefix(rest_.find(']'));
      } else if (c == '{') {
        throw std::runtime_error("a selector without a name");
      } else {
        rest_.remove_prefix(1);
        if (c == '$' || std::isdigit(static_cast<unsigned char>(c)) != 0) (void)word();
      }
    }
    return std::move(names_);
  }

 private:
  static bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == ':';
  }
  void skip_blanks() {
    while (!rest_.empty() && rest_.front() == ' ') rest_.remove_prefix(1);
  }
  std::string word() {
    skip_blanks();
    std::size_t end = 0;
    while (end < rest_.size() && is_word(rest_[end])) ++end;
    std::string found(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return found;
  }
  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  void read_word() {
    static constexpr std::array<std::string_view, 14> kOthers{
        "sum", "min",  "max",    "avg",  "count",  "topk", "and",
        "or",  "bool", "unless", "time", "offset", "job",  "instance"};
    const std::string found = word();
    if (found == "by" || found == "on") {
      if (!take('(')) throw std::runtime_error("no labels after " + found);
      do {
        names_.grouping.insert(word());
      } while (take(','));
      return;
    }
    skip_blanks();
    const bool is_function = rest_.starts_with('(');
    if (is_function || std::find(kOthers.begin(), kOthers.end(), found) != kOthers.end()) return;
    names_.selectors.push_back({.metric = found});
    if (!take('{')) return;
    while (!take('}')) {
      Matcher matcher{.label = word(), .sign = {}, .value = {}};
      const std::size_t quote = rest_.find('"');
      matcher.sign = rest_.substr(0, quote);
      rest_.remove_prefix(quote + 1);
      const std::size_t end = rest_.find('"');
      matcher.value = rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      (void)take(',');
      names_.selectors.back().matchers.push_back(matcher);
    }
  }

  std::string_view rest_;
  Names names_;
};

/// Labels that Prometheus adds.
bool is_added(std::string_view label) {
  return label == "job" || label == "instance";
}

/// What of an expression, and of a text shown with its result, the service does not expose; empty:
/// nothing.
class Checker {
 public:
  explicit Checker(const Exposition& exposed) : exposed_(exposed) {}

  [[nodiscard]] std::string fault(const std::string& expression,
                                  const std::vector<std::string>& shown_labels = {}) const {
    const Names names = Reader(expression).read();
    if (names.selectors.empty()) return "names no metric: " + expression;
    for (const Names::Selector& selector : names.selectors) {
      if (selector.metric == "up") continue;
      if (!has(selector.metric, {})) return "no metric " + selector.metric;
      for (const Matcher& matcher : selector.matchers) {
        const std::string wrong = fault_of(selector.metric, matcher);
        if (!wrong.empty()) return wrong;
      }
    }
    for (const std::string& label : names.grouping) {
      if (!is_label(label, names)) return "no label " + label + " in " + expression;
    }
    for (const std::string& label : shown_labels) {
      const bool is_left =
          names.grouping.empty() ? is_label(label, names) : names.grouping.contains(label);
      if (!is_left) return "shows the label " + label + " of " + expression;
    }
    return {};
  }

 private:
  [[nodiscard]] bool has(const std::string& metric, const Matcher& matcher) const {
    const std::vector<Sample>& samples = exposed_.samples();
    return std::any_of(samples.begin(), samples.end(), [&](const Sample& sample) {
      if (sample.name != metric) return false;
      if (matcher.label.empty()) return true;
      const auto found = sample.labels.find(matcher.label);
      return found != sample.labels.end() &&
             (matcher.value.empty() || found->second == matcher.value);
    });
  }
  [[nodiscard]] bool is_label(const std::string& label, const Names& names) const {
    return is_added(label) ||
           std::any_of(names.selectors.begin(), names.selectors.end(), [&](const auto& selector) {
             return has(selector.metric, {.label = label, .sign = {}, .value = {}});
           });
  }
  [[nodiscard]] std::string fault_of(const std::string& metric, const Matcher& matcher) const {
    if (is_added(matcher.label)) return {};
    std::string_view left = matcher.value;
    while (true) {  // each alternative of a|b
      const std::size_t end = std::min(left.find('|'), left.size());
      const std::string value(left.substr(0, end));
      if (!has(metric, {.label = matcher.label, .sign = {}, .value = value})) {
        return "no " + metric + " with " + matcher.label + " " + value;
      }
      if (end == left.size()) return {};
      left.remove_prefix(end + 1);
    }
  }

  const Exposition& exposed_;
};

/// Labels in `{{ $labels.edge }}` and `{{edge}}`.
std::vector<std::string> labels_in(std::string_view text) {
  std::vector<std::string> labels;
  for (std::size_t at = text.find("{{"); at != std::string_view::npos; at = text.find("{{")) {
    text.remove_prefix(at + 2);
    std::string inside(text.substr(0, text.find("}}")));
    inside.erase(std::remove(inside.begin(), inside.end(), ' '), inside.end());
    if (inside.starts_with("$labels.")) {
      labels.push_back(inside.substr(std::string_view("$labels.").size()));
    } else if (!inside.starts_with('$')) {
      labels.push_back(inside);
    }
  }
  return labels;
}

struct Alert {
  std::string name;
  std::string expression;
  std::string annotations;
};

const YamlNode& child(const YamlNode& node, std::string_view key) {
  for (const YamlNode& one : node.children) {
    if (one.key == key) return one;
  }
  throw std::runtime_error("no key " + std::string(key));
}

std::vector<Alert> alerts() {
  controller::Faults faults("alerts.yaml");
  const auto document = controller::parse_yaml(test::read_file(kAlerts), faults);
  REQUIRE(faults.empty());
  std::vector<Alert> all;
  for (const YamlNode& group : child(*document, "groups").children) {
    for (const YamlNode& rule : child(group, "rules").children) {
      Alert& alert = all.emplace_back(Alert{.name = child(rule, "alert").text,
                                            .expression = child(rule, "expr").text,
                                            .annotations = {}});
      for (const YamlNode& text : child(rule, "annotations").children) {
        CHECK(text.text.size() > 20);
        alert.annotations += text.text;
      }
      CHECK(child(rule, "annotations").children.size() == 2);
    }
  }
  return all;
}

/// Checks every query of a dashboard, wherever it stands; returns how many there are.
std::size_t check_queries(const json::value& value, const Checker& checker) {
  std::size_t count = 0;
  if (value.is_array()) {
    for (const json::value& one : value.get_array()) count += check_queries(one, checker);
  }
  if (!value.is_object()) return count;
  const json::object& object = value.get_object();
  for (const char* key : {"expr", "definition"}) {
    const json::value* const query = object.if_contains(key);
    if (query == nullptr) continue;
    ++count;
    std::vector<std::string> shown;
    for (const char* text : {"legendFormat", "titleFormat"}) {
      if (const json::value* const format = object.if_contains(text)) {
        const std::vector<std::string> labels = labels_in(format->as_string());
        shown.insert(shown.end(), labels.begin(), labels.end());
      }
    }
    const std::string fault = checker.fault(std::string(query->as_string()), shown);
    if (!fault.empty()) FAIL_CHECK(fault);
    CHECK(object.at("datasource").at("uid") == "${datasource}");
  }
  for (const auto& member : object) count += check_queries(member.value(), checker);
  return count;
}

}  // namespace

TEST_CASE("what alerts and the dashboard ask for is what the service exposes") {
  const test::CertificateAuthority authority;
  authority.issue("server");
  const std::filesystem::path config = authority.folder().write(
      "edgeward.yaml",
      "fleet: {origin: {lat: 1, lon: 2}, edges: {a: {lat: 1, lon: 2, storage: 1B}}}\n"
      "serve: {tls: {certificate: server.pem, private_key: server.key}}\n");
  test::Serving serving({"--config", config.string()});
  test::HttpConnection admin(serving.admin_port());
  const Exposition exposed(admin.get("/metrics").body);
  const Checker checker(exposed);

  CHECK(checker.fault("edgeward_ready == 0").empty());
  CHECK_FALSE(checker.fault("rate(edgeward_nothing_total[5m]) > 1").empty());
  CHECK_FALSE(checker.fault("edgeward_edge_mode{mode=\"asleep\"}").empty());
  CHECK_FALSE(checker.fault("edgeward_decisions_total{source=~\"none|nowhere\"}").empty());
  CHECK_FALSE(checker.fault("edgeward_ready{edge=\"fra1\"}").empty());
  CHECK_FALSE(checker.fault("sum by (edgy) (edgeward_edge_candidate)").empty());
  CHECK_FALSE(checker.fault("sum by (edge) (edgeward_edge_candidate)", {"mode"}).empty());
  CHECK_FALSE(checker.fault("edgeward_ready", {"edge"}).empty());

  const std::vector<Alert> all = alerts();
  CHECK(all.size() >= 15);
  for (const Alert& alert : all) {
    const std::string fault = checker.fault(alert.expression, labels_in(alert.annotations));
    if (!fault.empty()) FAIL_CHECK(alert.name << ": " << fault);
  }
  const json::value dashboard = json::parse(test::read_file(kDashboard));
  CHECK(check_queries(dashboard, checker) >= 40);
}

TEST_CASE("the dashboard is one of a current Grafana, its data source a variable") {
  const json::value dashboard = json::parse(test::read_file(kDashboard));
  CHECK(dashboard.at("schemaVersion").as_int64() >= 39);
  const json::value& source = dashboard.at("templating").at("list").at(0);
  CHECK(source.at("name") == "datasource");
  CHECK(source.at("type") == "datasource");
  CHECK(source.at("query") == "prometheus");
  std::set<std::int64_t> ids;
  std::set<std::string> types;
  std::set<std::pair<std::int64_t, std::int64_t>> taken;
  for (const json::value& panel : dashboard.at("panels").as_array()) {
    CHECK(ids.insert(panel.at("id").as_int64()).second);
    types.emplace(panel.at("type").as_string());
    const json::value& place = panel.at("gridPos");
    const std::int64_t left = place.at("x").as_int64();
    const std::int64_t top = place.at("y").as_int64();
    for (std::int64_t x = left; x < left + place.at("w").as_int64(); ++x) {
      REQUIRE(x < 24);
      for (std::int64_t y = top; y < top + place.at("h").as_int64(); ++y) {
        if (!taken.emplace(x, y).second) FAIL_CHECK(panel.at("title") << " lies on another");
      }
    }
  }
  for (const char* type : {"stat", "timeseries", "table", "heatmap"}) CHECK(types.contains(type));
}

TEST_CASE("alerts are rules that promtool takes, and fire when they should and not before") {
  if (!std::filesystem::exists("/usr/bin/promtool")) {
    return test::skip("promtool is not installed");
  }
  const test::Outcome checked =
      test::run("/usr/bin/promtool", {"check", "rules", kAlerts.string()});
  INFO(checked.out << checked.err);
  CHECK(checked.exit_code == 0);
  const test::Outcome tested =
      test::run("/usr/bin/promtool", {"test", "rules", kAlertsTest.string()});
  INFO(tested.out << tested.err);
  CHECK(tested.exit_code == 0);
  const std::string tests = test::read_file(kAlertsTest);
  for (const Alert& alert : alerts()) {
    if (tests.find("\"" + alert.name + "\"") == std::string::npos) {
      FAIL_CHECK(alert.name << " is shown nowhere to fire");
    }
  }
}

}  // namespace edgeward
