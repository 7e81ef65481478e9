// Who a store is: made once, kept over everything, and changed only by what people decide.
#include "storage/identity.h"

#include <gmock/gmock.h>

#include "tests/unit/storage/store_fixture.h"

namespace outboxd::storage {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::SizeIs;

class StoreIdentityTest : public StoreFixture {
 protected:
  domain::StoreIdentity identity_as(const std::string& producer, const std::string& host = "box") {
    close();
    StoreOptions options = this->options();
    options.producer = producer;
    options.host = host;
    auto opened = OutboxStore::open(options);
    return opened ? (*opened)->identity()
                  : domain::StoreIdentity{.producer = opened.error().message};
  }
};

TEST_F(StoreIdentityTest, G13AStoreHasAnIdFromItsFirstOpeningOn) {
  const std::string id = identity_as("till").store_id;
  EXPECT_THAT(id, MatchesRegex("[0-9a-f]{32}"));
  EXPECT_EQ(identity_as("till").store_id, id);
}

TEST_F(StoreIdentityTest, WhoNobodyNamedIsCalledAfterItsHostAndItsId) {
  const domain::StoreIdentity identity = identity_as("", "gate");
  EXPECT_EQ(identity.producer, "gate-" + identity.store_id.substr(0, 6));
  EXPECT_EQ(identity_as("", "renamed").producer, identity.producer) << "once and for ever";
}

TEST_F(StoreIdentityTest, AHostsNameOfAnyLengthLeavesRoomForTheId) {
  EXPECT_THAT(identity_as("", std::string(64, 'h')).producer, SizeIs(domain::kMaxIdLength));
}

TEST_F(StoreIdentityTest, ANameIsChangedWhileNothingWasDelivered) {
  (void)identity_as("till");
  EXPECT_EQ(identity_as("kiosk").producer, "kiosk");
  EXPECT_EQ(identity_as("").producer, "kiosk");
}

TEST_F(StoreIdentityTest, ANameIsKeptOnceABrokerKnewIt) {
  (void)identity_as("till");
  open();
  domain::StoreIdentity identity = store().identity();
  identity.history = "a broker";
  ASSERT_TRUE(store().remember(identity, "").ok());
  EXPECT_THAT(identity_as("kiosk").producer, AllOf(HasSubstr("producer 'till-1', not of 'kiosk'"),
                                                   HasSubstr("producer = \"till-1\"")));
}

TEST_F(StoreIdentityTest, G14WhatPeopleDecidedIsKeptWithWhatTheyDecidedItAbout) {
  open();
  domain::StoreIdentity identity = store().identity();
  identity.life = 2;
  identity.base_seq = 40;
  ASSERT_TRUE(store().remember(identity, "first").ok());
  ASSERT_TRUE(store().remember(identity, "second").ok());
  open();
  EXPECT_EQ(store().identity(), identity);
  EXPECT_EQ(store().decisions().value(), "second\nfirst\n");
}

TEST_F(StoreIdentityTest, OfManyDecisionsTheOldestGo) {
  open();
  const domain::StoreIdentity identity = store().identity();
  for (int i = 0; i < 40; ++i) {
    ASSERT_TRUE(store().remember(identity, std::to_string(i) + std::string(1000, '.')).ok());
  }
  const std::string decisions = store().decisions().value();
  EXPECT_LE(decisions.size(), 16U << 10);
  EXPECT_TRUE(decisions.starts_with("39."));
  EXPECT_TRUE(decisions.ends_with(".\n")) << "whole ones only";
}

TEST_F(StoreIdentityTest, G12AnEpochAboveAnotherIsKept) {
  open();
  EXPECT_EQ(store().take_epoch_above(70).value(), 71U);
  EXPECT_EQ(store().take_epoch_above(3).value(), 72U);
  open();
  EXPECT_EQ(store().epoch(), 73U);
}

}  // namespace
}  // namespace outboxd::storage
