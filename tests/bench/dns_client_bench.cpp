// A client that sends DNS queries in batches, as a busy resolver farm would, to whatever server:
//   edgeward_dns_client_bench ADDRESS PORT NAME SECONDS [static]
// A queries with random /24 client subnets (without, if `static`); 256 are under way at a time.
// Prints answers a second, and how many named an address.

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "cache/random.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kWindow = 256;
constexpr std::size_t kBatch = 64;

std::vector<std::uint8_t> query(std::string_view name, bool has_subnet) {
  std::vector<std::uint8_t> out{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0};
  out.push_back(has_subnet ? 1 : 0);
  while (!name.empty()) {
    const std::size_t end = std::min(name.find('.'), name.size());
    out.push_back(static_cast<std::uint8_t>(end));
    out.insert(out.end(), name.begin(), name.begin() + static_cast<std::ptrdiff_t>(end));
    name.remove_prefix(std::min(end + 1, name.size()));
  }
  out.insert(out.end(), {0, 0, 1, 0, 1});
  if (has_subnet) {
    // OPT with one option: client subnet, IPv4, /24; its three bytes come last.
    out.insert(out.end(), {0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 11, 0, 8, 0, 7, 0, 1, 24, 0, 0, 0, 0});
  }
  return out;
}

int run(const char* address, int port, const char* name, double seconds, bool has_subnet) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  sockaddr_in server{};
  server.sin_family = AF_INET;
  server.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, address, &server.sin_addr) != 1 ||
      ::connect(socket, reinterpret_cast<const sockaddr*>(&server), sizeof server) != 0) {
    fmt::print(stderr, "cannot reach {}:{}\n", address, port);
    return 2;
  }
  edgeward::cache::Random random(1);
  const std::vector<std::uint8_t> pattern = query(name, has_subnet);
  std::array<std::vector<std::uint8_t>, kBatch> out;
  std::array<std::array<std::uint8_t, 2048>, kBatch> in{};
  std::array<iovec, kBatch> out_pieces{};
  std::array<iovec, kBatch> in_pieces{};
  std::array<mmsghdr, kBatch> out_messages{};
  std::array<mmsghdr, kBatch> in_messages{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    out[i] = pattern;
    out_pieces[i] = {out[i].data(), out[i].size()};
    in_pieces[i] = {in[i].data(), in[i].size()};
    out_messages[i].msg_hdr.msg_iov = &out_pieces[i];
    out_messages[i].msg_hdr.msg_iovlen = 1;
    in_messages[i].msg_hdr.msg_iov = &in_pieces[i];
    in_messages[i].msg_hdr.msg_iovlen = 1;
  }
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t named = 0;
  std::uint64_t lost = 0;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  while (Clock::now() < end) {
    while (sent - answered - lost + kBatch <= kWindow) {
      for (auto& bytes : out) {
        const std::uint64_t draw = random.next();
        std::memcpy(bytes.data(), &draw, 2);
        if (has_subnet) std::memcpy(bytes.data() + bytes.size() - 3, &draw, 3);
      }
      const int count = ::sendmmsg(socket, out_messages.data(), kBatch, 0);
      if (count > 0) sent += static_cast<std::uint64_t>(count);
      if (count < static_cast<int>(kBatch)) break;
    }
    const int count = ::recvmmsg(socket, in_messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (count <= 0) {
      pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
      if (::poll(&waiting, 1, 100) == 0) lost = sent - answered;
      continue;
    }
    answered += static_cast<std::uint64_t>(count);
    for (int i = 0; i < count; ++i) named += in[static_cast<std::size_t>(i)][7] > 0 ? 1 : 0;
  }
  const double taken = std::chrono::duration<double>(Clock::now() - start).count();
  fmt::print("{:.0f} answers a second, {} of {} name an address, {} lost\n",
             static_cast<double>(answered) / taken, named, answered, lost);
  ::close(socket);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) {
    fmt::print(stderr, "usage: {} ADDRESS PORT NAME SECONDS [static]\n", argv[0]);
    return 2;
  }
  return run(argv[1], std::atoi(argv[2]), argv[3], std::atof(argv[4]), argc == 5);
}
