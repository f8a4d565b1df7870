#include "controller/config/time_zone.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include "tests/support.hpp"

namespace edgeward::controller {

TEST_CASE("IANA names are time zones") {
  const auto* const name =
      GENERATE("UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+3");
  CHECK_FALSE(time_zone_fault(name));
}

TEST_CASE("what cannot be a name of a time zone is none, and leads to no file") {
  const auto* const name = GENERATE("", "/etc/passwd", "../../../etc/passwd", "Europe/../UTC",
                                    "Europe//Berlin", "Europe/", "Europe/Berlin ",
                                    "Europe/Berl\xC3\xAEn", "localtime", "posix/UTC", "+01:00");
  REQUIRE(time_zone_fault(name));
  CHECK_THAT(*time_zone_fault(name), Catch::Contains("IANA time zone"));
}

TEST_CASE("an unknown time zone is told with the nearest known one") {
  if (!std::filesystem::is_directory("/usr/share/zoneinfo")) {
    return test::skip("no time zones on this system");
  }
  CHECK_THAT(*time_zone_fault("Europe/Berln"), Catch::Contains("did you mean 'Europe/Berlin'?"));
  CHECK(time_zone_fault("Europe"));    // a folder
  CHECK(time_zone_fault("zone.tab"));  // no zone
  CHECK(time_zone_fault("CEST"));
}

}  // namespace edgeward::controller
