#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <vector>

#include "controller/config/fault.hpp"

namespace edgeward::test {

/// What a reader finds wrong with its text: `line:column: message`, in the order it tells.
inline std::vector<std::string> faults_of(const std::function<void()>& read) {
  std::vector<std::string> texts;
  try {
    read();
  } catch (const controller::ConfigError& error) {
    for (const controller::Fault& fault : error.faults()) {
      texts.push_back(std::to_string(fault.at.line) + ":" + std::to_string(fault.at.column) + ": " +
                      fault.message);
    }
  }
  return texts;
}

/// Two edges and an origin: the least that shows everything.
inline const std::string kSmallFleet =
    "origin: {lat: 38.9, lon: -77.5}\n"
    "edges:\n"
    "  fra1: {lat: 50.03, lon: 8.57, storage: 2TiB, capacity: 1TiB}\n"
    "  ams1: {lat: 52.31, lon: 4.76, storage: 2TiB}\n";

}  // namespace edgeward::test
