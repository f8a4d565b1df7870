#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support.hpp"

namespace edgeward {

namespace {

namespace json = boost::json;
using test::Outcome;

Outcome edgeward(const std::vector<std::string>& arguments, std::string_view input = {}) {
  return test::run(EDGEWARD_BINARY, arguments, input);
}

json::value parsed(const Outcome& outcome) {
  INFO(outcome.err);
  REQUIRE(outcome.exit_code == 0);
  return json::parse(outcome.out);
}

/// A combined log line; `second` counts from midnight of 17 May 2015.
std::string line(int second, const std::string& path, int status = 200,
                 const std::string& bytes = "100", const std::string& method = "GET") {
  char time[64];
  std::snprintf(time, sizeof time, "17/May/2015:%02d:%02d:%02d +0000", second / 3600,
                second / 60 % 60, second % 60);
  return "192.0.2.7 - - [" + std::string(time) + "] \"" + method + " " + path + " HTTP/1.1\" " +
         std::to_string(status) + " " + bytes + " \"-\" \"agent\"\n";
}

std::string small_log() {
  std::string log;
  for (int i = 0; i < 600; ++i) log += line(i * 10, "/object/" + std::to_string(i * i % 97));
  return log;
}

}  // namespace

TEST_CASE("a log replays from a file, compressed or not, and from standard input alike") {
  const test::TemporaryFolder folder;
  const std::string log = small_log();
  const std::string path = folder.write("access.log", log).string();
  const std::vector<std::string> rest{"--policy", "lru,fifo", "--capacity",
                                      "10%",      "--json",   "--no-timing"};
  std::vector<std::string> from_file{"replay", path};
  from_file.insert(from_file.end(), rest.begin(), rest.end());
  std::vector<std::string> from_stdin{"replay", "-"};
  from_stdin.insert(from_stdin.end(), rest.begin(), rest.end());
  const Outcome file = edgeward(from_file);
  const Outcome piped = edgeward(from_stdin, log);
  CHECK(file.exit_code == 0);
  CHECK(file.out == piped.out);
  CHECK(file.out == edgeward(from_file).out);
  CHECK_THAT(file.err, Catch::Contains("read as combined"));
}

TEST_CASE("lines are requests and skipped ones, by reason") {
  const std::string log = line(1, "/a") + line(2, "/a", 500) + line(3, "/b", 200, "50", "POST") +
                          line(4, "/c", 304, "-") + "not a log line\n" + "\n" +
                          line(5, "/b", 206, "10") + line(6, "/b", 200, "70");
  const json::value report =
      parsed(edgeward({"replay", "-", "--policy", "lru", "--capacity", "1GiB", "--json"}, log));
  const json::object& trace = report.at("trace").as_object();
  CHECK(trace.at("lines") == 8);
  CHECK(trace.at("requests") == 3);
  CHECK(trace.at("unique_objects") == 2);
  CHECK(trace.at("footprint_bytes") == 170);  // /a 100, /b its full response 70
  CHECK(trace.at("bytes") == 240);
  const json::object& skipped = trace.at("skipped").as_object();
  CHECK(skipped.at("status") == 1);
  CHECK(skipped.at("method") == 1);
  CHECK(skipped.at("no_size") == 1);
  CHECK(skipped.at("bad_line") == 1);
  CHECK(skipped.at("blank") == 1);
  CHECK(report.at("runs").at(0).at("hits") == 1);
}

TEST_CASE("lines out of order are put in order of time, equal times in order of the input") {
  // In time order /a /b /a /c /a: with room for one object only nothing repeats at once.
  const std::string log =
      line(30, "/a") + line(10, "/a") + line(20, "/b") + line(50, "/a") + line(40, "/c");
  const json::value report =
      parsed(edgeward({"replay", "-", "--policy", "lru", "--capacity", "100", "--json"}, log));
  CHECK(report.at("trace").at("went_back") == 2);
  CHECK(report.at("runs").at(0).at("hits") == 0);
}

TEST_CASE("a log spooled to disk replays to the same bytes") {
  const test::TemporaryFolder folder;
  std::string log;
  for (int i = 0; i < 250'000; ++i) {
    log += line((i * 7919) % 80'000, "/o/" + std::to_string(i * 31 % 5000));
  }
  const std::string path = folder.write("access.log", log).string();
  const std::vector<std::string> arguments{"replay",     path, "--policy",    "lru,s3fifo",
                                           "--capacity", "5%", "--no-timing", "--json"};
  std::vector<std::string> spooled(arguments);
  spooled.insert(spooled.end(), {"--memory", "1MiB"});
  const Outcome in_memory = edgeward(arguments);
  const Outcome on_disk = edgeward(spooled);
  REQUIRE(in_memory.exit_code == 0);
  CHECK(in_memory.out == on_disk.out);
  CHECK(json::parse(in_memory.out).at("trace").at("went_back").as_int64() > 20'000);
}

TEST_CASE("threads: one or many give the same bytes") {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("access.log", small_log()).string();
  const auto run = [&](const std::string& threads) {
    return edgeward({"replay", path, "--policy", "lru,fifo,sieve,arc", "--no-timing", "--json",
                     "--threads", threads})
        .out;
  };
  CHECK(run("1") == run("5"));
}

TEST_CASE("what the log's own cache did stands beside the simulated runs") {
  std::string log;
  for (int i = 0; i < 40; ++i) {
    std::string text = line(i, "/o/" + std::to_string(i % 8));
    text.pop_back();
    log += text + (i < 8 ? " MISS\n" : i % 8 == 7 ? " BYPASS\n" : " HIT\n");
  }
  const json::value report =
      parsed(edgeward({"replay", "-", "--policy", "lru", "--capacity", "1MiB", "--json"}, log));
  const json::object& recorded = report.at("runs").at(0).as_object();
  CHECK(recorded.at("policy") == "recorded");
  CHECK(recorded.at("capacity_bytes").is_null());
  CHECK(recorded.at("requests") == 40);
  CHECK(recorded.at("hits") == 28);
  CHECK(recorded.at("uncacheable") == 4);
  const json::object& lru = report.at("runs").at(1).as_object();
  CHECK(lru.at("uncacheable") == 4);
  CHECK(lru.at("hits") == 28);  // of /o/7 only the first was cacheable: the others are misses
}

TEST_CASE("chunks of large objects are cached apart") {
  std::string log =
      line(1, "/video", 200, "1000") + line(2, "/video", 206, "300") + line(3, "/small", 200, "10");
  const auto runs = parsed(edgeward(
      {"replay", "-", "--policy", "lru", "--capacity", "1MiB", "--chunk", "256", "--json"}, log));
  const json::object& run = runs.at("runs").at(0).as_object();
  CHECK(run.at("requests") == 3);
  CHECK(run.at("hits") == 1);
  CHECK(run.at("bytes") == 1000 + 512 + 10);
  CHECK(run.at("hit_bytes") == 512);
}

TEST_CASE("an object known only by ranges reaches to the end of the farthest") {
  std::string log =
      "#Version: 1.0\n#Fields: date time cs-method x-host-header cs-uri-stem sc-status sc-bytes "
      "sc-content-len sc-range-start sc-range-end\n";
  int second = 1;
  for (const char* const range :
       {"1048576\t0\t1048575", "1048576\t1048576\t2097151", "1048576\t0\t1048575",
        "100\t5242880\t5242979", "100\t5242880\t5242979"}) {
    log += "2019-12-04\t21:02:0" + std::to_string(second++) +
           "\tGET\th.example\t/v.mp4\t206\t1048976\t" + range + "\n";
  }
  const auto report = parsed(edgeward(
      {"replay", "-", "--policy", "lru", "--capacity", "1GiB", "--chunk", "1MiB", "--json"}, log));
  CHECK(report.at("runs").at(0).at("hits") == 2);
  CHECK(report.at("trace").at("footprint_bytes") == 5242980);
}

TEST_CASE("a stated lifetime holds from its own response on, not before") {
  std::string log;
  for (const auto& [second, ttl] :
       {std::pair{0, 60}, {30, 60}, {59, 60}, {60, 60}, {61, 60}, {121, 5}, {127, 5}}) {
    log += "{\"time\":" + std::to_string(1'000'000'000 + second) +
           ",\"url\":\"/a\",\"size\":10,\"ttl\":" + std::to_string(ttl) + "}\n";
  }
  const auto report = parsed(edgeward(
      {"replay", "-", "--policy", "lru", "--capacity", "1GiB", "--ttl", "log", "--json"}, log));
  // Fetched at 0 (60 s), 60 (60 s), 121 (5 s) and 127.
  CHECK(report.at("runs").at(0).at("hits") == 3);
  CHECK(report.at("runs").at(0).at("expired") == 3);
}

TEST_CASE("a time to live turns stale hits into misses, counted apart") {
  const std::string log = line(0, "/a") + line(50, "/a") + line(100, "/a") + line(130, "/a");
  const auto report = parsed(edgeward(
      {"replay", "-", "--policy", "lru", "--capacity", "1MiB", "--ttl", "60s", "--json"}, log));
  const json::object& run = report.at("runs").at(0).as_object();
  CHECK(run.at("hits") == 2);
  CHECK(run.at("expired") == 1);
}

TEST_CASE("a worse policy ends with exit code 1 where that was asked for") {
  const test::TemporaryFolder folder;
  std::string log;
  // Rounds over more than fits favour what FIFO and LRU lose entirely: random keeps some.
  for (int i = 0; i < 3000; ++i)
    log += line(i * 20, "/o/" + std::to_string(i % 3 == 0 ? 0 : i % 101));
  const std::string path = folder.write("access.log", log).string();
  const std::vector<std::string> common{"replay",          path,   "--capacity", "3%",
                                        "--fail-if-worse", "0.5pp"};
  const auto with = [&](const std::string& policies, bool confident) {
    std::vector<std::string> arguments(common);
    arguments.insert(arguments.end(), {"--policy", policies});
    if (confident) arguments.emplace_back("--confident");
    return edgeward(arguments).exit_code;
  };
  CHECK(with("lru,fifo", false) == 1);
  CHECK(with("lru,fifo", true) == 1);
  CHECK(with("fifo,lru", false) == 0);
  CHECK(with("lru", false) == 0);
}

TEST_CASE("an output never destroys an input, nor an earlier report when the replay fails") {
  const test::TemporaryFolder folder;
  const std::string input = folder.write("in.csv", small_log()).string();
  CHECK(edgeward({"replay", input, "--policy", "lru", "-o", input}).exit_code == 2);
  CHECK(test::read_file(input) == small_log());
  const std::string report = folder.write("old.json", "an earlier report").string();
  CHECK(edgeward({"replay", "/nowhere", "-o", report}).exit_code == 2);
  CHECK(edgeward({"replay", input, "--format", "squid", "-o", report}).exit_code == 2);
  CHECK(test::read_file(report) == "an earlier report");
}

TEST_CASE("the log's own cache can be the baseline") {
  std::string log;
  for (int i = 0; i < 400; ++i) {
    std::string text = line(i * 10, "/o/" + std::to_string(i % 5));
    text.pop_back();
    log += text + (i % 2 == 0 ? " MISS\n" : " HIT\n");
  }
  const auto report = parsed(edgeward({"replay", "-", "--policy", "lru", "--capacity", "1MiB",
                                       "--baseline", "policy=recorded", "--json"},
                                      log));
  const json::object& change = report.at("runs").at(1).at("change").as_object();
  CHECK(change.at("hit_ratio").as_double() == Approx(395 / 400.0 - 0.5));
  CHECK(change.at("low").as_double() <= change.at("hit_ratio").as_double());
  CHECK(change.at("baseline").at("policy") == "recorded");
  CHECK(edgeward({"replay", "-", "--baseline", "policy=recorded"}, small_log()).exit_code == 2);
}

TEST_CASE("results are written to files by their suffix") {
  const test::TemporaryFolder folder;
  const std::string csv = (folder.path() / "out.csv").string();
  const std::string out = (folder.path() / "out.json").string();
  const Outcome outcome = edgeward(
      {"replay", "-", "--policy", "lru", "--capacity", "10%", "-o", csv, "-o", out}, small_log());
  CHECK(outcome.exit_code == 0);
  CHECK(json::parse(test::read_file(out)).at("schema_version") == 1);
  CHECK_THAT(test::read_file(csv), Catch::StartsWith("policy,") && Catch::Contains("\nlru,"));
  CHECK_THAT(outcome.out, Catch::Contains("hit ratio"));
}

TEST_CASE("errors say what is wrong and end with exit code 2") {
  const test::TemporaryFolder folder;
  const std::string log = folder.write("access.log", small_log()).string();
  const auto fails = [&](std::vector<std::string> arguments, const std::string& message) {
    const Outcome outcome = edgeward(arguments);
    INFO(outcome.err);
    CHECK(outcome.exit_code == 2);
    CHECK_THAT(outcome.err, Catch::Contains(message));
    CHECK(outcome.out.empty());
  };
  fails({}, "subcommand");
  fails({"replay"}, "inputs");
  fails({"replay", log, "--polcy", "lru"}, "--polcy");
  fails({"replay", log, "--policy", "lruu"}, "did you mean 'lru'");
  fails({"replay", log, "--policy", "s3fifo:smal=0.1"}, "did you mean 'small'");
  fails({"replay", log, "--policy", "s3fifo:small=2"}, "expected a number");
  fails({"replay", log, "--admission", "sieve"}, "unknown admission");
  fails({"replay", log, "--capacity", "lots"}, "expected bytes");
  fails({"replay", log, "--format", "apache"}, "combined");
  fails({"replay", log, "--baseline", "policy=gdsf", "--policy", "lru"}, "no run has that policy");
  fails({"replay", log, "-o", "out.xlsx"}, ".json or .csv");
  fails({"replay", log, "-o", "/nowhere/out.json"}, "cannot be written");
  fails({"replay", (folder.path() / "none.log").string()}, "No such file");
  fails({"replay", folder.path().string()}, "is a folder");
  fails({"replay", folder.write("noise", "what is this\nand this\n").string()},
        "cannot tell the log format");
  fails({"replay", folder.write("wrong", "what is this\n").string(), "--format", "squid"},
        "no line reads as squid");
  fails({"replay", log, "--ttl", "soon"}, "--ttl");
  fails({"synth", "-o", "x", "--sizes", "many"}, "many");
}

TEST_CASE("nothing to count is said, and is no error") {
  const Outcome posts = edgeward({"replay", "-", "--json"}, line(1, "/a", 200, "5", "POST"));
  CHECK(posts.exit_code == 0);
  CHECK_THAT(posts.err, Catch::Contains("no countable request"));
  CHECK(json::parse(posts.out).at("trace").at("skipped").at("method") == 1);
  const Outcome empty = edgeward({"replay", "-", "--json"}, "");
  CHECK(empty.exit_code == 0);
  CHECK(json::parse(empty.out).at("trace").at("lines") == 0);
}

TEST_CASE("a file of blank lines and comments is counted, not refused") {
  const test::TemporaryFolder folder;
  const std::string blank = folder.write("blank.log", "\n# nothing\n\n").string();
  const std::string log = folder.write("access.log", small_log()).string();
  const auto report = parsed(edgeward({"replay", log, blank, "--policy", "lru", "--json"}));
  CHECK(report.at("trace").at("requests") == 600);
  CHECK(report.at("trace").at("lines") == 603);
}

TEST_CASE("a log without sizes replays with unit sizes") {
  const std::string log = "time,url\n2020-10-10T13:55:01Z,/a\n2020-10-10T13:55:02Z,/a\n";
  const auto sized = parsed(edgeward({"replay", "-", "--policy", "lru", "--json"}, log));
  CHECK(sized.at("trace").at("skipped").at("no_size") == 2);
  const auto unit = parsed(edgeward(
      {"replay", "-", "--policy", "lru", "--capacity", "1", "--unit-size", "--json"}, log));
  CHECK(unit.at("runs").at(0).at("hits") == 1);
}

TEST_CASE("a chosen column that is not there is an error") {
  const std::string log = "{\"time\":1700000000,\"url\":\"/a\",\"size\":5}\n";
  CHECK(edgeward({"replay", "-", "--size", "sizee"}, log).exit_code == 2);
  CHECK(edgeward({"replay", "-", "--size", "sizee"}, small_log()).exit_code == 2);
}

TEST_CASE("what a binary trace cannot tell is refused") {
  const test::TemporaryFolder folder;
  const std::string trace = (folder.path() / "trace.bin").string();
  REQUIRE(edgeward({"synth", "--requests", "1000", "--format", "oracle_general", "-o", trace})
              .exit_code == 0);
  CHECK(edgeward({"replay", trace, "--ttl", "log"}).exit_code == 2);
  CHECK(edgeward({"replay", trace, "--chunk", "1MiB"}).exit_code == 2);
  CHECK(edgeward({"replay", trace, "--size", "size"}).exit_code == 2);
  CHECK(edgeward({"replay", trace, "--ttl", "10m"}).exit_code == 0);
}

TEST_CASE("zeros are no trace, and UTF-16 is said") {
  const test::TemporaryFolder folder;
  CHECK(
      edgeward({"replay", folder.write("zeros", std::string(100'000, '\0')).string()}).exit_code ==
      2);
  const Outcome wide = edgeward({"replay", folder
                                               .write("wide", std::string("\xFF\xFE"
                                                                          "1\0 \0",
                                                                          6))
                                               .string()});
  CHECK(wide.exit_code == 2);
  CHECK_THAT(wide.err, Catch::Contains("UTF-16"));
}

TEST_CASE("hostile log contents never reach the terminal unescaped") {
  const std::string evil =
      "\x1B]0;owned\x07\x1B[2J\xC2\x9B"
      "31m\r";
  const std::string log =
      line(1, "/a") + evil + "\n" + line(2, "/b" + evil) + "192.0.2.1 " + evil + "\n";
  const test::TemporaryFolder folder;
  for (const Outcome& outcome :
       {edgeward({"replay", "-", "--policy", "lru", "--capacity", "1MiB"}, log),
        edgeward({"replay", folder.write("x", evil + "\n").string()}),
        edgeward({"replay", folder.write("y", evil + "\n").string(), "--format", "combined"}),
        edgeward({"replay", (folder.path() / evil.substr(0, 8)).string()}),
        edgeward({"replay", "-", "--policy", evil}, log)}) {
    for (const std::string& text : {outcome.out, outcome.err}) {
      CHECK(text.find('\x1B') == std::string::npos);
      CHECK(text.find('\x07') == std::string::npos);
      CHECK(text.find("\xC2\x9B") == std::string::npos);
      CHECK(text.find('\r') == std::string::npos);
    }
  }
}

TEST_CASE("help has the policies, formats and examples") {
  const Outcome help = edgeward({"replay", "--help"});
  CHECK(help.exit_code == 0);
  for (const char* const word :
       {"s3fifo", "wtinylfu", "cloudfront", "--warmup", "Examples:", "second_hit"}) {
    CHECK_THAT(help.out, Catch::Contains(word));
  }
  CHECK(edgeward({"--version"}).exit_code == 0);
}

TEST_CASE("an interrupt ends with a partial report that is still valid JSON") {
  const test::TemporaryFolder folder;
  const std::string trace = (folder.path() / "trace.bin").string();
  REQUIRE(edgeward({"synth", "--requests", "4000000", "--objects", "400000", "--format",
                    "oracle_general", "-o", trace})
              .exit_code == 0);
  const std::string out = (folder.path() / "out").string();
  const pid_t child = ::fork();
  if (child == 0) {
    const int file = ::open(out.c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(file, STDOUT_FILENO);
    ::execl(EDGEWARD_BINARY, "edgeward", "replay", trace.c_str(), "--threads", "1", "--json",
            "--policy", "lirs,twoq,arc,slru,s3fifo,lru,fifo,clock,sieve", "--capacity",
            "1%,2%,3%,4%,5%,6%,7%,8%,9%,10%,11%,12%,13%", static_cast<char*>(nullptr));
    ::_exit(99);
  }
  // Late enough that it has begun, early enough that it cannot have ended: 117 runs.
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  const json::value report = json::parse(test::read_file(out));
  CHECK(report.at("partial") == true);
}

TEST_CASE("an interrupt ends the wait for input that does not come") {
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "out").string();
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const std::string log = small_log();
  REQUIRE(::write(ends[1], log.data(), log.size()) == static_cast<ssize_t>(log.size()));
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(ends[0], STDIN_FILENO);
    ::close(ends[1]);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT, 0600), STDOUT_FILENO);
    ::execl(EDGEWARD_BINARY, "edgeward", "replay", "-", "--json", static_cast<char*>(nullptr));
    ::_exit(99);
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  ::kill(child, SIGINT);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ends[0]);
  ::close(ends[1]);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  const json::value report = json::parse(test::read_file(out));
  CHECK(report.at("partial") == true);
  // The last line's end has not been seen: it may go on.
  CHECK(report.at("trace").at("requests").as_int64() >= 590);
}

TEST_CASE("a closed pipe is silent") {
  const test::TemporaryFolder folder;
  const std::string log = folder.write("access.log", small_log()).string();
  const Outcome outcome = test::run(
      "/bin/bash",
      {"-c", std::string("'") + EDGEWARD_BINARY + "' synth --requests 300000 -o - | head -n 1"});
  CHECK(outcome.exit_code == 0);
  CHECK(outcome.err.empty());
  CHECK_THAT(outcome.out, Catch::Contains("GET /o/"));
}

TEST_CASE("synthetic traffic of every format replays with the same hits") {
  const test::TemporaryFolder folder;
  std::vector<std::int64_t> hits;
  for (const std::string format : {"combined", "csv", "oracle_general"}) {
    const std::string path = (folder.path() / format).string();
    REQUIRE(edgeward({"synth", "--requests", "50000", "--objects", "5000", "--format", format, "-o",
                      path})
                .exit_code == 0);
    const json::value report =
        parsed(edgeward({"replay", path, "--policy", "lru", "--capacity", "50MiB", "--json"}));
    CHECK(report.at("trace").at("requests") == 50'000);
    hits.push_back(report.at("runs").at(0).at("hits").as_int64());
  }
  CHECK(hits[0] > 10'000);
  CHECK(hits[0] == hits[1]);
  CHECK(hits[0] == hits[2]);
}

}  // namespace edgeward
