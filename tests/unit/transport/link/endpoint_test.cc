#include "transport/link/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outboxd::transport {
namespace {

TEST(Endpoint, LoopbackAddressesAndSocketFilesAreTaken) {
  for (const char* endpoint :
       {"tcp://127.0.0.1:5571", "tcp://127.8.9.10:1", "tcp://[::1]:5571", "tcp://127.0.0.1:0",
        "ipc:///run/outbox-broker/link.sock", "ipc://relative.sock"}) {
    const auto taken = local_endpoint(endpoint);
    ASSERT_TRUE(taken.ok()) << endpoint;
    EXPECT_EQ(*taken, endpoint);
  }
}

TEST(Endpoint, LocalhostIsTheLoopbackAddressWithoutAskingAResolver) {
  EXPECT_EQ(*local_endpoint("tcp://localhost:5571"), "tcp://127.0.0.1:5571");
}

TEST(Endpoint, WhatLeavesTheMachineIsRefusedBecauseThereAreNoKeysYet) {
  for (const char* endpoint :
       {"tcp://192.168.1.7:5571", "tcp://broker.example:5571", "tcp://0.0.0.0:5571", "tcp://*:5571",
        "tcp://[::]:5571", "tcp://127.example.com:5571", "tcp://127.0.0.1.example.com:5571",
        "tcp://126.0.0.1:5571", "tcp://127.0.0.1;10.0.0.1:5571"}) {
    const auto refused = local_endpoint(endpoint);
    ASSERT_FALSE(refused.ok()) << endpoint;
    EXPECT_EQ(refused.error().code, domain::ErrorCode::kBadRequest);
    EXPECT_EQ(refused.error().argument, "endpoint");
    EXPECT_THAT(refused.error().message, testing::HasSubstr("needs keys"));
  }
}

TEST(Endpoint, WhatIsNoEndpointIsRefusedWithWhatIsMissing) {
  const auto message = [](std::string_view endpoint) {
    const auto refused = local_endpoint(endpoint);
    return refused.ok() ? std::string("taken") : refused.error().message;
  };
  using testing::HasSubstr;
  EXPECT_THAT(message(""), HasSubstr("another kind"));
  EXPECT_THAT(message("udp://127.0.0.1:1"), HasSubstr("another kind"));
  EXPECT_THAT(message("inproc://x"), HasSubstr("another kind"));
  EXPECT_THAT(message("tcp://127.0.0.1"), HasSubstr("no port"));
  EXPECT_THAT(message("tcp://127.0.0.1:"), HasSubstr("no port"));
  EXPECT_THAT(message("tcp://127.0.0.1:65536"), HasSubstr("no port between"));
  EXPECT_THAT(message("tcp://127.0.0.1:-1"), HasSubstr("no port between"));
  EXPECT_THAT(message("tcp://127.0.0.1:99999999999"), HasSubstr("no port between"));
  EXPECT_THAT(message("tcp://127.0..1:5"), HasSubstr("leaves this machine"));
  EXPECT_THAT(message("ipc://"), HasSubstr("names no path"));
  EXPECT_THAT(message("ipc://@abstract"), HasSubstr("names no path"));
  EXPECT_THAT(message("ipc:///" + std::string(107, 'x')), HasSubstr("over 107 bytes"));
}

}  // namespace
}  // namespace outboxd::transport
