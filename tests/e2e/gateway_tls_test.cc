// The HTTP gateway against a real TLS server: a charge is told to nobody who cannot show a
// certificate that verifies.
#include <string>

#include <gmock/gmock.h>

#include "daemon/payments/http_gateway.h"
#include "tests/e2e/appliance.h"
#include "tests/e2e/process.h"

namespace outboxd::e2e {
namespace {

using testing::HasSubstr;

TEST(GatewayTls, ACertificateThatNobodySignedIsRefused) {
  const TempDir directory;
  const HeldPort port;
  const std::string address = port.endpoint().substr(std::string("tcp://").size());
  const std::string key = directory / "key.pem";
  const std::string certificate = directory / "certificate.pem";
  const ProcessOutcome made =
      run({.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    key, "-out", certificate}});
  ASSERT_EQ(made.status, 0) << made.err;
  Process server({.argv = {"openssl", "s_server", "-www", "-accept", address, "-key", key, "-cert",
                           certificate}});
  ASSERT_TRUE(server.wait_for_output("ACCEPT")) << server.err();

  daemon::HttpGateway gateway({.url = "https://" + address + "/charges"});
  const domain::GatewayAnswer answer =
      gateway.charge({.idempotency_key = "tills-1/42",
                      .order_id = domain::OrderId::parse("o-1").value(),
                      .amount = 2208,
                      .currency = domain::Currency::parse("GBP").value(),
                      .payment_method = "pm_visa"});
  EXPECT_EQ(answer.verdict, domain::GatewayAnswer::Verdict::kUnavailable);
  EXPECT_THAT(answer.text, HasSubstr("certificate"));
}

}  // namespace
}  // namespace outboxd::e2e
