#include "transport/link/admission.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "transport/limits.h"
#include "transport/link/frames.h"
#include "transport/msgpack/envelope.h"
#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

std::string envelope_of(std::string_view topic) {
  return *encode_envelope({.topic = topic, .key = "k1", .type = "order.created", .data = "\x01"});
}

std::string raw_envelope_of(std::string_view topic) {
  std::string bytes = "\x01";
  Writer(bytes)
      .array(8)
      .integer(0)
      .string(topic)
      .string("k")
      .string("t")
      .string("text/plain")
      .nil()
      .nil()
      .binary("x");
  return bytes;
}

std::string code_of(Admission& admission, std::string_view envelope) {
  std::string_view topic;
  const auto refused = admission.refuse(envelope, topic);
  return refused ? std::string(refused->code) : "taken";
}

TEST(EnvelopeAdmission, TakesAnEventAndTellsItsTopic) {
  EnvelopeAdmission admission;
  const std::string envelope = envelope_of("orders");
  std::string_view topic;
  EXPECT_FALSE(admission.refuse(envelope, topic).has_value());
  EXPECT_EQ(topic, "orders");
  EXPECT_GE(topic.data(), envelope.data()) << "a view into the envelope, not a copy";
  EXPECT_LT(topic.data(), envelope.data() + envelope.size());
}

TEST(EnvelopeAdmission, RefusesWhatCannotBeDecoded) {
  EnvelopeAdmission admission;
  EXPECT_EQ(code_of(admission, "garbage"), reject_code::kUndecodable);
  const std::string envelope = envelope_of("orders");
  EXPECT_EQ(code_of(admission, envelope.substr(0, envelope.size() - 1)), reject_code::kUndecodable);
}

TEST(EnvelopeAdmission, RefusesWhatIsLargerThanAnyEvent) {
  EnvelopeAdmission admission;
  EXPECT_EQ(code_of(admission, std::string(kMaxEnvelopeBytes + 1, 'x')), reject_code::kTooLarge);
}

TEST(EnvelopeAdmission, RefusesATopicThatIsNoIdentifier) {
  EnvelopeAdmission admission;
  EXPECT_EQ(code_of(admission, raw_envelope_of("or/ders")), reject_code::kInvalidTopic);
  EXPECT_EQ(code_of(admission, raw_envelope_of("")), reject_code::kInvalidTopic);
}

TEST(EnvelopeAdmission, RefusesATopicThatTheBrokerDoesNotAllow) {
  EnvelopeAdmission admission([](std::string_view topic) { return topic == "orders"; });
  EXPECT_EQ(code_of(admission, envelope_of("orders")), "taken");
  EXPECT_EQ(code_of(admission, envelope_of("payments")), reject_code::kForbiddenTopic);
}

TEST(EnvelopeAdmission, TopicsOfDeadLettersAreTheBrokersOwn) {
  EnvelopeAdmission admission;
  EXPECT_EQ(code_of(admission, envelope_of("dead:orders:payments")), reject_code::kForbiddenTopic);
  EXPECT_EQ(code_of(admission, envelope_of("dead:")), reject_code::kForbiddenTopic);
  EXPECT_EQ(code_of(admission, envelope_of("dead")), "taken");
  EXPECT_EQ(code_of(admission, envelope_of("a:b")), "taken") << "as ever; but no group gets it";
}

}  // namespace
}  // namespace outboxd::transport
