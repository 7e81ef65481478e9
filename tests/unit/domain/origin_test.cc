#include "domain/origin.h"

#include <gtest/gtest.h>

namespace outboxd::domain {
namespace {

TEST(Origin, OfTheFirstLifeIsTheProducersName) {
  EXPECT_EQ(origin_name("till", 0), "till");
  EXPECT_EQ(split_origin("till").producer, "till");
  EXPECT_EQ(split_origin("till").life, 0U);
}

TEST(Origin, OfALaterLifeSaysWhich) {
  ASSERT_EQ(origin_name("till", 12), "till:life-12");
  EXPECT_EQ(split_origin("till:life-12").producer, "till");
  EXPECT_EQ(split_origin("till:life-12").life, 12U);
  EXPECT_TRUE(is_valid_id("till:life-12"));
}

TEST(Origin, WhatOnlyLooksLikeALaterLifeIsAName) {
  for (const char* name : {"till:life-", "till:life-0", "till:life-01", "till:life-x", ":life-1",
                           "till:life-18446744073709551616", "till-life-1"}) {
    EXPECT_EQ(split_origin(name).producer, name);
    EXPECT_EQ(split_origin(name).life, 0U) << name;
  }
}

TEST(Origin, HasRoomInAnIdentifierOrIsNotMade) {
  EXPECT_TRUE(origin_name(std::string(kMaxIdLength - 7, 'a'), 1));
  EXPECT_FALSE(origin_name(std::string(kMaxIdLength - 6, 'a'), 1));
}

TEST(Origin, AProducerIsNotNamedAsTheLaterLifeOfAnother) {
  EXPECT_TRUE(is_producer_name("till:life"));
  EXPECT_FALSE(is_producer_name("till:life-1"));
  EXPECT_FALSE(is_producer_name("no name"));
}

}  // namespace
}  // namespace outboxd::domain
