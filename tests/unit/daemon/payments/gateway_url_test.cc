#include "daemon/payments/gateway_url.h"

#include <string>

#include <gtest/gtest.h>

namespace outboxd::daemon {
namespace {

TEST(GatewayUrlTest, IsSecureOrOnThisMachine) {
  for (const std::string url :
       {"https://pay.example/charges", "https://10.0.0.1:8443", "http://127.0.0.1:8080/charges",
        "http://localhost/", "http://[::1]:80/x", "http://localhost"}) {
    EXPECT_TRUE(is_gateway_url(url)) << url;
  }
}

TEST(GatewayUrlTest, IsNothingElse) {
  for (const std::string url :
       {"", "https://", "http://pay.example/charges", "http://127.0.0.1.example/",
        "http://localhost:80@pay.example/", "ftp://127.0.0.1/", "file:///etc/passwd",
        "127.0.0.1:80", "https://a b", "https://a\r\nX: y"}) {
    EXPECT_FALSE(is_gateway_url(url)) << url;
  }
}

}  // namespace
}  // namespace outboxd::daemon
