#include "tests/certificates.hpp"

#include <stdexcept>

namespace edgeward::test {

namespace {

void run_openssl(const std::vector<std::string>& arguments) {
  const Outcome outcome = run("/usr/bin/openssl", arguments);
  if (outcome.exit_code != 0) throw std::runtime_error("openssl: " + outcome.err);
}

}  // namespace

CertificateAuthority::CertificateAuthority() {
  folder_.write("req.cnf", "[req]\ndistinguished_name = name\n[name]\n");
  run_openssl({"req", "-config", file("req.cnf"), "-x509", "-newkey", "ec", "-pkeyopt",
               "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", "/CN=ca", "-addext",
               "basicConstraints=critical,CA:TRUE", "-keyout", file("ca.key"), "-out",
               file("ca.pem")});
}

void CertificateAuthority::issue(const std::string& name, int days,
                                 const std::vector<std::string>& more) const {
  std::vector<std::string> arguments{"req",
                                     "-config",
                                     file("req.cnf"),
                                     "-x509",
                                     "-CA",
                                     file("ca.pem"),
                                     "-CAkey",
                                     file("ca.key"),
                                     "-nodes",
                                     "-days",
                                     std::to_string(days),
                                     "-subj",
                                     "/CN=" + name,
                                     "-addext",
                                     "subjectAltName=IP:127.0.0.1,DNS:localhost",
                                     "-keyout",
                                     file(name + ".key"),
                                     "-out",
                                     file(name + ".pem")};
  const std::vector<std::string> key{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"};
  const std::vector<std::string>& last = more.empty() ? key : more;
  arguments.insert(arguments.end(), last.begin(), last.end());
  run_openssl(arguments);
}

void CertificateAuthority::replace(const std::string& name, const std::string& by) const {
  for (const char* const end : {".pem", ".key"}) {
    folder_.write("next", read_file(file(by + end)));
    std::filesystem::rename(file("next"), file(name + end));
  }
}

}  // namespace edgeward::test
