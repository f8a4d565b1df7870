#include "cache/redis/client.hpp"

#include <poll.h>

#include <catch2/catch.hpp>

#include "tests/cache/store/stores.hpp"

namespace edgeward::cache::redis {

namespace {

using test::RedisServer;

ClientOptions options_of(const RedisServer& server) {
  return test::servers_at(server).options;
}

Client client_of(const ClientOptions& options) {
  return {options, test::steady_ms, 1};
}

StoreFault fault_of(const Stored<Reply>& reply) {
  REQUIRE_FALSE(reply);
  INFO(reply.error().message);
  return reply.error().fault;
}

}  // namespace

TEST_CASE("answers come in the order of their commands") {
  const RedisServer server;
  Client client = client_of(options_of(server));
  std::vector<Command> commands;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    commands.push_back(Command{"APPEND", "key"}.add(std::string(1000, 'x')));
  }
  const auto replies = client.run(commands);
  REQUIRE(replies);
  for (std::size_t i = 0; i < replies->size(); ++i) {
    CHECK((*replies)[i].integer == static_cast<std::int64_t>(1000 * (i + 1)));
  }
  CHECK(fault_of(client.run(Command{"LPUSH", "key", "1"})) == StoreFault::protocol);
  CHECK(client.run(Command{"PING"}));
}

TEST_CASE("a wrong password is told as one and a right one is taken") {
  const RedisServer server({"--requirepass", "secret"});
  ClientOptions options = options_of(server);
  CHECK(fault_of(client_of(options).run(Command{"PING"})) == StoreFault::refused);
  options.login.password = "wrong";
  CHECK(fault_of(client_of(options).run(Command{"PING"})) == StoreFault::refused);
  options.login.password = "secret";
  CHECK(client_of(options).run(Command{"PING"}));
}

TEST_CASE("a user of an ACL may do what it says") {
  const RedisServer server({"--user", "edge", "on", ">word", "~edgeward:*", "+@all", "-flushall"});
  ClientOptions options = options_of(server);
  options.login = {.user = "edge", .password = "word"};
  Client client = client_of(options);
  CHECK(client.run(Command{"SET", "edgeward:a", "1"}));
  CHECK(fault_of(client.run(Command{"SET", "other", "1"})) == StoreFault::refused);
  CHECK(fault_of(client.run(Command{"FLUSHALL"})) == StoreFault::refused);
  options.login.user = "nobody";
  CHECK(fault_of(client_of(options).run(Command{"PING"})) == StoreFault::refused);
}

TEST_CASE("a server that is away fails at once within a pause and is found when it is back") {
  RedisServer server;
  ClientOptions options = options_of(server);
  std::int64_t now_ms = 0;
  Client client(
      options, [&now_ms] { return now_ms; }, 1);
  CHECK(client.run(Command{"SET", "a", "1"}));
  server.kill();
  CHECK(fault_of(client.run(Command{"GET", "a"})) == StoreFault::unreachable);
  CHECK(fault_of(client.run(Command{"GET", "a"})) == StoreFault::unreachable);  // tries to connect
  server.start();
  const auto reply = client.run(Command{"GET", "a"});
  CHECK(fault_of(reply) == StoreFault::unreachable);
  CHECK(reply.error().message.find("tried again in") != std::string::npos);
  now_ms += options.backoff.first_ms;
  const auto found = client.run(Command{"GET", "a"});
  REQUIRE(found);
  CHECK(found->text == "1");
}

TEST_CASE("a server that hangs costs its time limit once and then fails at once") {
  RedisServer server;
  ClientOptions options = options_of(server);
  options.limits.command_timeout_ms = 50;
  options.limits.connect_timeout_ms = 50;
  options.backoff.first_ms = 60'000;
  options.backoff.max_ms = 60'000;
  Client client = client_of(options);
  CHECK(client.run(Command{"PING"}));
  server.hang();
  CHECK(fault_of(client.run(Command{"PING"})) == StoreFault::timeout);
  const std::int64_t begun_ms = test::steady_ms();
  for (int i = 0; i < 1000; ++i) CHECK_FALSE(client.run(Command{"PING"}));
  CHECK(test::steady_ms() - begun_ms < 30'000);
  server.go_on();
}

TEST_CASE("a full server says so and still gives what it has") {
  const RedisServer server({"--maxmemory", "3mb", "--maxmemory-policy", "noeviction"});
  Client client = client_of(options_of(server));
  Stored<Reply> reply = Reply{};
  for (int i = 0; i < 100 && reply; ++i) {
    reply = client.run(Command{"SET", std::to_string(i), std::string(100'000, 'x')});
  }
  CHECK(fault_of(reply) == StoreFault::out_of_memory);
  CHECK(client.run(Command{"GET", "0"}));
}

TEST_CASE("commands and answers beyond their limits are refused") {
  const RedisServer server;
  ClientOptions options = options_of(server);
  options.limits.output_bytes_max = 1000;
  options.limits.reply_bytes_max = 1000;
  Client client = client_of(options);
  CHECK(fault_of(client.run(Command{"SET", "a", std::string(2000, 'x')})) == StoreFault::too_large);
  for (int i = 0; i < 5; ++i) CHECK(client.run(Command{"APPEND", "a", std::string(500, 'x')}));
  CHECK(fault_of(client.run(Command{"GET", "a"})) == StoreFault::too_large);
  CHECK(client.run(Command{"PING"}));
}

TEST_CASE("a name that is none is an error that says so") {
  ClientOptions options;
  options.address.host = "no-such-host.invalid";
  const auto reply = client_of(options).run(Command{"PING"});
  CHECK(fault_of(reply) == StoreFault::unreachable);
  CHECK(reply.error().message.find("no-such-host.invalid") != std::string::npos);
}

}  // namespace edgeward::cache::redis
