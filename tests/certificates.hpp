#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support.hpp"

namespace edgeward::test {

/// Makes certificates for 127.0.0.1 and localhost with the `openssl` command, in a folder of its
/// own. The key of each is of elliptic curve P-256.
class CertificateAuthority {
 public:
  /// Throws std::runtime_error where the command fails.
  CertificateAuthority();

  /// Its own certificate.
  [[nodiscard]] std::filesystem::path certificate() const { return file("ca.pem"); }
  /// Makes NAME.pem and NAME.key; `openssl req` takes `more`.
  void issue(const std::string& name, int days = 30,
             const std::vector<std::string>& more = {}) const;
  [[nodiscard]] std::filesystem::path file(const std::string& name) const {
    return folder_.path() / name;
  }
  /// Puts one in the place of another.
  void replace(const std::string& name, const std::string& by) const;
  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
};

}  // namespace edgeward::test
