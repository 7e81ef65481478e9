#include "storage/database/crc32c.h"

#include <string>

#include <gtest/gtest.h>

namespace outboxd::storage {
namespace {

// RFC 3720, appendix B.4.
TEST(Crc32c, MatchesThePublishedExamples) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  std::string ascending;
  for (char byte = 0; byte < 32; ++byte) ascending.push_back(byte);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
}

TEST(Crc32c, TakesBytesThatDoNotFillAWord) {
  EXPECT_EQ(crc32c(""), 0U);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

}  // namespace
}  // namespace outboxd::storage
