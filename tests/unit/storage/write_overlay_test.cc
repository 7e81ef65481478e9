#include "storage/write_overlay.h"

#include <string>

#include <gtest/gtest.h>

namespace outboxd::storage {
namespace {

// Operations over one-piece keys in a batch of this test's own.
class WriteOverlayTest : public testing::Test {
 protected:
  void add(const std::string& key, const std::string& value, Family family = Family::kState) {
    WriteOverlay::Operation operation{.family = family};
    operation.key_offset = static_cast<std::uint32_t>(batch_.size());
    operation.key_size = static_cast<std::uint32_t>(key.size());
    batch_ += key;
    operation.value_offset = static_cast<std::uint32_t>(batch_.size());
    operation.value_size = static_cast<std::uint32_t>(value.size());
    batch_ += value;
    overlay_.add(operation, batch_);
  }

  std::string find(const std::string& key, Family family = Family::kState) const {
    const WriteOverlay::Operation* found = overlay_.find(family, key, batch_);
    return found == nullptr ? "nothing" : batch_.substr(found->value_offset, found->value_size);
  }

  std::string batch_;
  WriteOverlay overlay_;
};

TEST_F(WriteOverlayTest, TheNewestWriteOfAKeyIsFound) {
  add("a", "1");
  add("b", "2");
  add("a", "3");
  EXPECT_EQ(find("a"), "3");
  EXPECT_EQ(find("b"), "2");
  EXPECT_EQ(find("c"), "nothing");
}

TEST_F(WriteOverlayTest, TheSameKeyInTwoFamiliesIsTwoKeys) {
  add("a", "state", Family::kState);
  add("a", "request", Family::kRequests);
  EXPECT_EQ(find("a", Family::kState), "state");
  EXPECT_EQ(find("a", Family::kRequests), "request");
  EXPECT_EQ(find("a", Family::kOutbox), "nothing");
}

TEST_F(WriteOverlayTest, ShrinkingUncoversWhatWasThereBefore) {
  add("a", "1");
  add("b", "2");
  const std::size_t mark = overlay_.size();
  add("a", "3");
  add("c", "4");
  overlay_.shrink_to(mark);
  EXPECT_EQ(find("a"), "1");
  EXPECT_EQ(find("b"), "2");
  EXPECT_EQ(find("c"), "nothing");
}

TEST_F(WriteOverlayTest, GrowsPastItsFirstSizeAndEmptiesAgain) {
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 5000; ++i) add("key" + std::to_string(i), std::to_string(i));
    for (int i = 0; i < 5000; ++i) ASSERT_EQ(find("key" + std::to_string(i)), std::to_string(i));
    overlay_.shrink_to(2500);
    EXPECT_EQ(find("key2499"), "2499");
    EXPECT_EQ(find("key2500"), "nothing");
    overlay_.shrink_to(0);
    EXPECT_EQ(find("key0"), "nothing");
    EXPECT_EQ(overlay_.size(), 0U);
  }
}

}  // namespace
}  // namespace outboxd::storage
