// A payment gateway behind HTTP.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "domain/payment_gateway.h"

namespace outboxd::daemon {

struct HttpGatewayOptions {
  std::string url;                   // charges: see is_gateway_url()
  std::string refund_url;            // empty: `url` + "/refunds"
  std::int64_t timeout_ms = 10'000;  // of one call as a whole
  std::string authorization;         // the header's value; empty: none is sent
};

// Sends each charge and refund as a POST of JSON with the header `Idempotency-Key`, and reads the
// answer's status:
//
//   2xx            approved; `reference` or `id` of the answer's JSON is the gateway's reference
//   402, 409, 422  declined; `message`, `reason` or `error` of its JSON says why
//   anything else  unavailable: no connection, no answer in time, a certificate that does not
//                  verify, a redirect, an answer that is not HTTP
//
// Certificates are always verified. Redirects are not followed, for a charge belongs to no other
// place than the one configured, and neither is a proxy taken from the environment. Answers are
// read up to kMaxAnswerBytes, and the rest is passed over. A gateway that does not know us (401,
// 403) is unavailable and not declined: the payer can do nothing about our credentials.
//
// Any thread; connections are kept and used again.
class HttpGateway : public domain::PaymentGateway {
 public:
  static constexpr std::size_t kMaxAnswerBytes = 64 << 10;

  explicit HttpGateway(HttpGatewayOptions options);
  ~HttpGateway() override;

  domain::GatewayAnswer charge(const domain::ChargeRequest& request) override;
  domain::GatewayAnswer refund(const domain::RefundRequest& request) override;

 private:
  class Connections;

  domain::GatewayAnswer post(const std::string& url, const std::string& key,
                             const std::string& body);

  const HttpGatewayOptions options_;
  const std::string refund_url_;
  const std::unique_ptr<Connections> connections_;
};

}  // namespace outboxd::daemon
