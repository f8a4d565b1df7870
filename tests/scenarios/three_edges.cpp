#include "tests/scenarios/three_edges.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <stdexcept>

namespace edgeward::test {

namespace json = boost::json;

std::string edge_of(const HttpAnswer& answer) {
  const json::object decision = json::parse(answer.body).as_object();
  const json::value& edge = decision.at("edge");
  return edge.is_string() ? edge.get_string().c_str() : "none";
}

void wait_for_edge(HttpConnection& connection, const std::string& wanted) {
  // By the clock: how many requests fit into a reload depends on the machine.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (edge_of(connection.get(kRoute)) == wanted) return;
  }
  FAIL("the edge never became " << wanted);
}

Crowd::Crowd(const Connect& connect) {
  constexpr int kClients = 16;
  constexpr int kItems = 9000;
  std::string batch;
  for (int i = 0; i < kItems; ++i) batch += "{\"clinet\":1}\n";
  for (int i = 0; i < kClients; ++i) {
    clients_.emplace_back([this, connect, batch] {
      std::unique_ptr<HttpConnection> connection;
      while (!is_over_) {
        try {
          if (connection == nullptr) connection = connect();
          const HttpAnswer answer = connection->post("/v1/route", batch, "application/x-ndjson");
          // Where the machine is busy with other things, too slow a sender is a true answer.
          const bool is_right =
              answer.status == 200 || answer.status == 503 || answer.status == 408;
          wrong_ += is_right ? 0 : 1;
          if (answer.status != 200) connection.reset();
        } catch (const std::runtime_error&) {
          ++cut_off_;
          connection.reset();
        }
      }
    });
  }
}

void Crowd::end() {
  is_over_ = true;
  for (std::thread& client : clients_) client.join();
  clients_.clear();
}

}  // namespace edgeward::test
