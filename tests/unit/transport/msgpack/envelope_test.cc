#include "transport/msgpack/envelope.h"

#include <string>

#include <gtest/gtest.h>

#include "transport/limits.h"

namespace outboxd::transport {
namespace {

using domain::ErrorCode;

Envelope order_created() {
  Envelope envelope;
  envelope.time_ms = 1'323'435'000'000;
  envelope.topic = "orders";
  envelope.key = "o-1";
  envelope.type = "order.created";
  envelope.data = "\x81\xA1k\x01";
  return envelope;
}

std::string encoded(const Envelope& envelope) {
  auto bytes = encode_envelope(envelope);
  EXPECT_TRUE(bytes.ok());
  return bytes ? *bytes : std::string();
}

TEST(Envelope, ComesBackAsItWasEncoded) {
  Envelope envelope = order_created();
  envelope.ttl_ms = 300'000;
  envelope.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  envelope.datacontenttype = "text/plain";
  const std::string bytes = encoded(envelope);
  Document document;
  const auto decoded = decode_envelope(bytes, document);
  ASSERT_TRUE(decoded.ok()) << decoded.error().message;
  EXPECT_EQ(decoded->time_ms, envelope.time_ms);
  EXPECT_EQ(decoded->topic, envelope.topic);
  EXPECT_EQ(decoded->key, envelope.key);
  EXPECT_EQ(decoded->type, envelope.type);
  EXPECT_EQ(decoded->datacontenttype, envelope.datacontenttype);
  EXPECT_EQ(decoded->ttl_ms, envelope.ttl_ms);
  EXPECT_EQ(decoded->traceparent, envelope.traceparent);
  EXPECT_EQ(decoded->data, envelope.data);
}

TEST(Envelope, HasNoTimeToLiveAndNoTraceUnlessTheyWereGiven) {
  const std::string bytes = encoded(order_created());
  Document document;
  const auto decoded = decode_envelope(bytes, document);
  ASSERT_TRUE(decoded.ok());
  EXPECT_FALSE(decoded->ttl_ms.has_value());
  EXPECT_TRUE(decoded->traceparent.empty());
  EXPECT_EQ(decoded->datacontenttype, kMessagePackContentType);
}

// The bytes are on disks and on the way: they may not change within a version.
TEST(Envelope, OfVersionOneHasTheseBytes) {
  Envelope envelope = order_created();
  envelope.time_ms = 1;
  const std::string expected = std::string("\x01\x98\x01\xA6orders\xA3o-1\xADorder.created\xB7") +
                               std::string(kMessagePackContentType) +
                               "\xC0\xC0\xC4\x04\x81\xA1k\x01";
  EXPECT_EQ(encoded(envelope), expected);
}

TEST(Envelope, IsReadWhenANewerWriterAppendedFields) {
  std::string bytes = encoded(order_created());
  bytes[1] = static_cast<char>(0x99);
  Writer(bytes).string("a field of the future");
  Document document;
  const auto decoded = decode_envelope(bytes, document);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->data, order_created().data);
}

TEST(Envelope, NamesTheFieldThatIsNoIdentifier) {
  for (const std::string& bad : {std::string(), std::string(65, 'x'), std::string("a b")}) {
    Envelope topic = order_created(), key = order_created(), type = order_created();
    topic.topic = key.key = type.type = bad;
    EXPECT_EQ(encode_envelope(topic).error().argument, "topic");
    EXPECT_EQ(encode_envelope(key).error().argument, "key");
    EXPECT_EQ(encode_envelope(type).error().argument, "type");
  }
}

TEST(Envelope, TakesDataToTheLimitAndNotBeyond) {
  Envelope envelope = order_created();
  const std::string data(kMaxEventDataBytes + 1, 'd');
  envelope.data = std::string_view(data).substr(1);
  EXPECT_LE(encoded(envelope).size(), kMaxEnvelopeBytes);
  envelope.data = data;
  const auto refused = encode_envelope(envelope);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(refused.error().argument, "data");
}

TEST(Envelope, RefusesTextThatCouldNotBeShown) {
  Envelope envelope = order_created();
  envelope.traceparent = "\xFF";
  EXPECT_EQ(encode_envelope(envelope).error().argument, "traceparent");
  envelope = order_created();
  envelope.datacontenttype = "";
  EXPECT_EQ(encode_envelope(envelope).error().argument, "datacontenttype");
}

TEST(Envelope, IsRefusedWheneverItIsCutOff) {
  const std::string bytes = encoded(order_created());
  Document document;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto decoded = decode_envelope(bytes.substr(0, size), document);
    ASSERT_FALSE(decoded.ok()) << size;
    EXPECT_EQ(decoded.error().code, ErrorCode::kBadRequest);
  }
}

TEST(Envelope, IsRefusedInAnotherVersionOrShape) {
  Document document;
  std::string other_version = encoded(order_created());
  other_version[0] = 2;
  std::string wrong_kind = encoded(order_created());
  wrong_kind[2] = static_cast<char>(0xC0);  // the time
  for (const std::string& bytes :
       {other_version, std::string("\x01\x80"), std::string("\x01\x97\1\1\1\1\1\1\1"), wrong_kind,
        std::string(kMaxEnvelopeBytes + 1, '\x01')}) {
    const auto decoded = decode_envelope(bytes, document);
    ASSERT_FALSE(decoded.ok());
    EXPECT_EQ(decoded.error().code, ErrorCode::kBadRequest);
  }
}

Value field(const Value& map, std::string_view name) {
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map.entry(i).first.as_string() == name) return map.entry(i).second;
  }
  return Value();
}

TEST(WriteEvent, ShowsTheAttributesOfCloudEvents) {
  Envelope envelope = order_created();
  envelope.ttl_ms = 5;
  std::string out;
  Writer writer(out);
  write_event(writer, "till-7", 42, envelope);
  Document document;
  const auto event = document.decode(out);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(field(*event, "id").as_string(), "42");
  EXPECT_EQ(field(*event, "source").as_string(), "/outboxd/till-7");
  EXPECT_EQ(field(*event, "type").as_string(), "order.created");
  EXPECT_EQ(field(*event, "subject").as_string(), "o-1");
  EXPECT_EQ(field(*event, "time").as_string(), "2011-12-09T12:50:00.000Z");
  EXPECT_EQ(field(*event, "datacontenttype").as_string(), kMessagePackContentType);
  EXPECT_EQ(field(*event, "topic").as_string(), "orders");
  EXPECT_EQ(field(*event, "seq").as_integer(), 42);
  EXPECT_EQ(field(*event, "ttl_ms").as_integer(), 5);
  EXPECT_TRUE(field(*event, "traceparent").is_nil());
  EXPECT_EQ(field(field(*event, "data"), "k").as_integer(), 1);
}

TEST(WriteEvent, ShowsDataOfOtherTypesAsBinary) {
  Envelope envelope = order_created();
  envelope.datacontenttype = "image/png";
  std::string out;
  Writer writer(out);
  write_event(writer, "till-7", 1, envelope);
  Document document;
  const auto event = document.decode(out);
  ASSERT_TRUE(event.ok());
  EXPECT_EQ(field(*event, "data").as_binary(), envelope.data);
}

TEST(WriteEvent, DoesNotLetDataThatOnlyClaimsToBeMessagePackBreakTheMessage) {
  for (const std::string_view data : {"", "\x92\x01", "\x01\x01", "\xC1"}) {
    Envelope envelope = order_created();
    envelope.data = data;
    std::string out;
    Writer writer(out);
    write_event(writer, "till-7", 1, envelope);
    Document document;
    const auto event = document.decode(out);
    ASSERT_TRUE(event.ok());
    EXPECT_EQ(field(*event, "data").as_binary(), data);
  }
}

}  // namespace
}  // namespace outboxd::transport
