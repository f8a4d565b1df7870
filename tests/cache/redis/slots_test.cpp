#include "cache/redis/slots.hpp"

#include <catch2/catch.hpp>

#include "cache/redis/key_names.hpp"

namespace edgeward::cache::redis {

TEST_CASE("slots are those of the cluster specification") {
  CHECK(slot_of("123456789") == 0x31C3);  // the specification's check value of its CRC
  CHECK(slot_of("foo") == 12182);         // CLUSTER KEYSLOT of a redis-server 7.0
  CHECK(slot_of("") == 0);
  CHECK(slot_of("{user1000}.following") == slot_of("{user1000}.followers"));
  CHECK(slot_of("foo{}{bar}") != slot_of("bar"));  // an empty tag is none
  CHECK(slot_of("foo{{bar}}zap") == slot_of("{bar"));
  CHECK(slot_of("foo{bar}{zap}") == slot_of("bar"));
  CHECK(slot_of("foo{bar") == slot_of("foo{bar"));
}

TEST_CASE("all keys of an edge have one slot") {
  const EdgeKeys keys("fra1");
  const std::uint16_t slot = slot_of("fra1");
  for (const std::string& key :
       {keys.state(), keys.inventory(7), keys.inventory_digests(), keys.inventory_changes(),
        keys.object_meta(ContentId{1}), keys.object_chunk(ContentId{1}, 2), keys.writing(),
        keys.requests(), keys.plan(), keys.actions(), keys.dead()}) {
    CHECK(slot_of(key) == slot);
  }
  CHECK(keys.inventory(7) == "edgeward:{fra1}:inventory:07");
  CHECK(keys.object_meta(ContentId{255}) == "edgeward:{fra1}:object:00000000000000ff:meta");
  CHECK(keys.object_chunk(ContentId{255}, 3) == "edgeward:{fra1}:object:00000000000000ff:3");
  CHECK(slot_of(kLeaderKey) == slot_of(kEpochKey));
}

TEST_CASE("redirections are read as a node writes them and nothing else is one") {
  const Address from{.host = "10.0.0.1", .port = 6379};
  CHECK(parse_redirection("MOVED 3999 127.0.0.1:6381", from) ==
        Redirection{.slot = 3999, .address = {.host = "127.0.0.1", .port = 6381}});
  CHECK(parse_redirection("ASK 16383 ::1:7000", from) ==
        Redirection{.slot = 16383, .address = {.host = "::1", .port = 7000}, .is_ask = true});
  CHECK(parse_redirection("MOVED 1 :6381", from)->address.host == "10.0.0.1");
  for (const char* text :
       {"MOVED", "MOVED 3999", "MOVED 16384 a:1", "MOVED x a:1", "MOVED 1 a:0", "MOVED 1 a:65536",
        "MOVED 1 a:", "MOVED 1 a", "ASKING 1 a:1", "", "OK", "ERR MOVED 1 a:1", "MOVED -1 a:1"}) {
    INFO(text);
    CHECK_FALSE(parse_redirection(text, from));
  }
}

}  // namespace edgeward::cache::redis
