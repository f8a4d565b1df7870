#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/scenarios/serving.hpp"
#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace fs = std::filesystem;
using test::HttpConnection;
using test::Serving;

/// `cmake --install` into a folder of its own.
class Installed {
 public:
  Installed() { install(); }

  void install() const {
    const test::Outcome outcome =
        test::run(EDGEWARD_CMAKE, {"--install", EDGEWARD_BUILD_DIR, "--prefix", prefix().string()});
    INFO(outcome.err);
    REQUIRE(outcome.exit_code == 0);
  }
  [[nodiscard]] fs::path prefix() const { return folder_.path() / "prefix"; }
  [[nodiscard]] fs::path config() const { return prefix() / "etc/edgeward/edgeward.yaml"; }

 private:
  test::TemporaryFolder folder_;
};

/// A command line under which the folder that Edgeward was built from is empty.
std::vector<std::string> without_source(const fs::path& program) {
  const std::string script =
      fmt::format("mount -t tmpfs none '{}' && exec \"$@\"", EDGEWARD_SOURCE_DIR);
  return {"/usr/bin/unshare", "--mount", "--map-root-user", "/bin/sh", "-c", script, "sh",
          program.string()};
}

test::Outcome run(std::vector<std::string> command, const std::vector<std::string>& arguments) {
  command.insert(command.end(), arguments.begin(), arguments.end());
  const std::string program = command.front();
  command.erase(command.begin());
  return test::run(program, command);
}

}  // namespace

TEST_CASE("what is installed answers and serves with the source tree gone") {
  const Installed installed;
  const test::Outcome hidden =
      run(without_source("/usr/bin/test"), {"!", "-e", EDGEWARD_SOURCE_DIR "/data"});
  if (hidden.exit_code != 0) return test::skip("no mount namespace here: " + hidden.err);
  // Elsewhere than where it was installed to: it finds its data beside itself.
  const test::TemporaryFolder elsewhere;
  const fs::path moved = elsewhere.path() / "moved";
  fs::rename(installed.prefix(), moved);
  const auto command = without_source(moved / "bin/edgeward");
  const test::Outcome geo = run(command, {"geo", "8.8.8.8"});
  INFO(geo.err);
  CHECK(geo.exit_code == 0);
  CHECK(geo.out.find("country   US") != std::string::npos);
  CHECK(geo.out.find((moved / "share/edgeward/geo/world.mmdb").string()) != std::string::npos);
  CHECK(run(command, {"replay", (moved / "share/edgeward/samples/access.log.gz").string()})
            .exit_code == 0);

  Serving serving({}, {.command = command});
  HttpConnection connection(serving.port());
  CHECK(connection.get("/v1/route?client=81.2.69.142&content=/a").body.find("\"lhr1\"") !=
        std::string::npos);
  CHECK(connection.get("/openapi.yaml").status == 200);
  CHECK(serving.stop() == 0);
}

TEST_CASE("the installed configuration is valid, and a second installation leaves it alone") {
  const Installed installed;
  const test::Outcome checked =
      test::run(installed.prefix() / "bin/edgeward", {"check", installed.config().string()});
  INFO(checked.out << checked.err);
  CHECK(checked.exit_code == 0);
  const std::string shipped = test::read_file(installed.config());
  CHECK(shipped.find("../") == std::string::npos);
  CHECK(shipped.find("\n  state_dir: /var/lib/edgeward\n") != std::string::npos);
  std::ofstream(installed.config()) << "# mine\n";
  installed.install();
  CHECK(test::read_file(installed.config()) == "# mine\n");
}

TEST_CASE("systemd takes the installed units, and finds the service well confined") {
  constexpr const char* kAnalyze = "/usr/bin/systemd-analyze";
  if (!fs::exists(kAnalyze)) return test::skip("systemd-analyze is not installed");
  const Installed installed;
  const fs::path units = installed.prefix() / "lib/systemd/system";
  std::vector<std::string> arguments{"verify", "--man=no", "--recursive-errors=no"};
  for (const auto& unit : fs::directory_iterator(units)) arguments.push_back(unit.path().string());
  CHECK(arguments.size() == 3 + 4);
  const test::Outcome verified = test::run(kAnalyze, arguments);
  INFO(verified.out << verified.err);
  CHECK(verified.exit_code == 0);
  CHECK(verified.err.empty());
  // Exposure is 0 to 10, told in tenths: 1.4 now.
  const test::Outcome confined =
      test::run(kAnalyze, {"security", "--offline=yes", "--threshold=15", "--no-pager",
                           (units / "edgeward.service").string()});
  INFO(confined.out << confined.err);
  CHECK(confined.exit_code == 0);
}

TEST_CASE("licence, attributions, manual page and completions are installed") {
  const Installed installed;
  const fs::path share = installed.prefix() / "share";
  for (const char* const file :
       {"man/man1/edgeward.1", "bash-completion/completions/edgeward",
        "zsh/site-functions/_edgeward", "fish/vendor_completions.d/edgeward.fish"}) {
    INFO(file);
    CHECK(fs::exists(share / file));
  }
  CHECK(test::read_file(share / "doc/edgeward/LICENSE") ==
        test::read_file(EDGEWARD_SOURCE_DIR "/LICENSE"));
  const std::string copyright = test::read_file(share / "doc/edgeward/copyright");
  CHECK(copyright.find("https://db-ip.com") != std::string::npos);
  CHECK(copyright.find("Attribution 4.0 International") != std::string::npos);
  CHECK(test::read_file(share / "edgeward/geo/README.md").find("CC BY 4.0") != std::string::npos);
}

}  // namespace edgeward
