#include "transport/ipc/framing.h"

#include <string>

#include <gtest/gtest.h>

#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

using Kind = Message::Kind;

class ReadMessage : public testing::Test {
 protected:
  Message read(std::string_view bytes) {
    bytes_ = bytes;
    const auto root = document_.decode(bytes_);
    EXPECT_TRUE(root.ok());
    return root ? read_message(*root) : Message{};
  }

  std::string bytes_;
  Document document_;
};

TEST_F(ReadMessage, KnowsRequestsAndNotifications) {
  const Message request = read(std::string("\x94\x00\x05\xA1m\x91\x01", 7));
  EXPECT_EQ(request.kind, Kind::kRequest);
  EXPECT_EQ(request.msgid, 5U);
  EXPECT_EQ(request.method, "m");
  EXPECT_EQ(request.params.at(0).as_integer(), 1);
  const Message notification = read("\x93\x02\xA1m\x90");
  EXPECT_EQ(notification.kind, Kind::kNotification);
  EXPECT_EQ(notification.method, "m");
}

TEST_F(ReadMessage, TellsAWrongRequestFromWhatIsNone) {
  EXPECT_EQ(read(std::string("\x94\x00\x05\x01\x90", 5)).kind, Kind::kBadRequest);
  EXPECT_EQ(read(std::string("\x94\x00\x05\xA1m\xC0", 6)).kind, Kind::kBadRequest);
  EXPECT_EQ(read("\x93\x02\x01\x90").kind, Kind::kBadNotification);
  EXPECT_EQ(read("\x93\x02\xA1m\x80").kind, Kind::kBadNotification);
  EXPECT_EQ(read("\x01").kind, Kind::kBroken);
  EXPECT_EQ(read("\x94\xA1\x30\x05\xA1m\x90").kind, Kind::kBroken);
  EXPECT_EQ(read("\x94\x02\x05\xA1m\x90").kind, Kind::kBroken);
  EXPECT_EQ(read(std::string("\x95\x00\x05\xA1m\x90\xC0", 7)).kind, Kind::kBroken);
}

std::string request_beginning(std::uint64_t msgid) {
  std::string bytes;
  Writer(bytes).array(4).integer(0).unsigned_integer(msgid);
  return bytes;
}

TEST(SalvageMsgid, FindsItInTheBeginningOfARequest) {
  for (const std::uint32_t msgid : {0U, 127U, 128U, 255U, 256U, 65535U, 65536U, 4294967295U}) {
    EXPECT_EQ(salvage_msgid(request_beginning(msgid)), msgid);
    EXPECT_EQ(salvage_msgid(request_beginning(msgid) + "\xC1"), msgid);
  }
}

TEST(SalvageMsgid, FindsNoneWhereThereIsNone) {
  const std::string whole = request_beginning(65536);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(salvage_msgid(whole.substr(0, size))) << size;
  }
  EXPECT_FALSE(salvage_msgid(request_beginning(4294967296)));
  EXPECT_FALSE(salvage_msgid("\x93\x02\xA1m\x90"));
  EXPECT_FALSE(salvage_msgid(std::string("\x94\x00\xA1x\x90", 5)));
}

Value field(const Value& map, std::string_view name) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map.entry(i).first.as_string() == name) return map.entry(i).second;
  }
  return Value();
}

TEST(AppendError, GivesDetailsOnlyWhenAnArgumentIsAtFault) {
  std::string out;
  append_error(out, 1, {domain::ErrorCode::kOutboxFull, "full", {}});
  Document document;
  const auto root = document.decode(out);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->at(2).size(), 3U);
  EXPECT_EQ(field(root->at(2), "code").as_string(), "outbox_full");
  EXPECT_EQ(field(root->at(2), "retry").as_string(), "later");
  EXPECT_TRUE(root->at(3).is_nil());
}

TEST(AppendError, SaysHowManyPointsAreMissing) {
  std::string out;
  append_error(out, 1,
               {.code = domain::ErrorCode::kInsufficientPoints,
                .message = "too few",
                .argument = "user_id",
                .missing = 40});
  Document document;
  const auto root = document.decode(out);
  ASSERT_TRUE(root.ok());
  const Value details = field(root->at(2), "details");
  EXPECT_EQ(field(details, "argument").as_string(), "user_id");
  EXPECT_EQ(field(details, "missing").as_integer(), 40);
}

TEST(AppendError, ShowsNoTextThatIsNotUtf8) {
  std::string out;
  append_error(out, 1, domain::bad_request("\xFFlines", "not \xC3\x28 this"));
  Document document;
  const auto root = document.decode(out);
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(field(root->at(2), "message").as_string(), "not ?( this");
  EXPECT_EQ(field(field(root->at(2), "details"), "argument").as_string(), "?lines");
}

}  // namespace
}  // namespace outboxd::transport
