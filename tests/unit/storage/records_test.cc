#include "storage/records.h"

#include <limits>

#include <gmock/gmock.h>
#include <msgpack.hpp>

#include "tests/unit/storage/encoded.h"

namespace outboxd::storage {
namespace {

using testing::HasSubstr;

domain::OrderSnapshot full_order() {
  domain::OrderSnapshot order{.order_id = domain::OrderId::parse("o-1").value(),
                              .customer_id = domain::CustomerId::parse("c-1").value(),
                              .status = domain::OrderStatus::kPaymentFailed,
                              .currency = domain::Currency::parse("KWD").value()};
  order.total = std::numeric_limits<std::int64_t>::max();
  order.lines = {{"sku", 1, 2, "d\xc3\xa9j\xc3\xa0 vu"}, {"x", 1'000'000'000'000, 1, ""}};
  order.payment_method = "pm_ok";
  order.payment_id = domain::PaymentId::parse("p-1").value();
  order.failure = "declined";
  order.created_at_ms = -1;
  order.updated_at_ms = 1'700'000'000'000;
  order.created_seq = 17;
  order.settled_seq = std::numeric_limits<std::uint64_t>::max();
  order.refund = domain::OrderRefund::kRefunded;
  return order;
}

domain::PaymentSnapshot full_payment() {
  domain::PaymentSnapshot payment{
      .payment_id = domain::PaymentId::parse("pay_1").value(),
      .source = "till-1",
      .subject = domain::OrderCharge{.order_id = domain::OrderId::parse("o-1").value(),
                                     .amount = std::numeric_limits<std::int64_t>::max(),
                                     .currency = domain::Currency::parse("KWD").value(),
                                     .payment_method = "pm_decline"},
      .status = domain::PaymentStatus::kRefunded,
      .attempts = std::numeric_limits<std::uint32_t>::max(),
      .failure = "declined",
      .failure_detail = "no funds",
      .gateway_reference = "ch_1"};
  payment.created_at_ms = -1;
  payment.updated_at_ms = 1'700'000'000'000;
  payment.decided_seq = 17;
  payment.refunded_seq = std::numeric_limits<std::uint64_t>::max();
  return payment;
}

domain::DeadEntry full_dead() {
  domain::DeadEntry dead;
  dead.entry = {.seq = 9, .time_ms = -3, .ttl_ms = 300'000, .topic = "orders"};
  dead.entry.envelope = std::string("\0\x01\xff", 3);
  dead.entry.elapsed_ms = 86'400'000;
  dead.entry.chain = std::numeric_limits<std::uint64_t>::max();
  dead.died_at_ms = 12;
  dead.reason = "expired";
  return dead;
}

TEST(Records, AnOrderComesBackAsItWasWithEveryFieldInUseAndWithNone) {
  EXPECT_EQ(decode_order("o-1", encoded(full_order())).value(), full_order());
  domain::OrderSnapshot sparse = full_order();
  sparse.lines.clear();
  sparse.payment_id.reset();
  sparse.failure.clear();
  EXPECT_EQ(decode_order("o-1", encoded(sparse)).value(), sparse);
}

TEST(Records, AnOrderFromBeforeThereWereRefundsIsRead) {
  domain::OrderSnapshot old = full_order();
  old.refund = domain::OrderRefund::kNone;
  std::string bytes = encoded(old);
  ASSERT_EQ(bytes[1], '\x9d') << "an array of 13";
  bytes[1] = '\x9c';
  bytes.pop_back();
  EXPECT_EQ(decode_order("o-1", bytes).value(), old);
}

TEST(Records, AnOutboxEntryComesBackAsItWas) {
  domain::OutboxEntry entry = full_dead().entry;
  domain::OutboxEntry decoded;
  ASSERT_TRUE(decode_outbox(9, encoded(entry), decoded).ok());
  EXPECT_EQ(decoded, entry);
  entry.ttl_ms.reset();
  ASSERT_TRUE(decode_outbox(9, encoded(entry), decoded).ok());
  EXPECT_EQ(decoded, entry) << "nothing of the entry before may stay";
}

TEST(Records, ADeadLetterComesBackAsItWas) {
  domain::DeadEntry decoded;
  ASSERT_TRUE(decode_dead(9, encoded(full_dead()), decoded).ok());
  EXPECT_EQ(decoded, full_dead());
}

TEST(Records, APaymentComesBackAsItWasWithEveryFieldInUseAndWithNone) {
  EXPECT_EQ(decode_payment("pay_1", encoded(full_payment())).value(), full_payment());
  domain::PaymentSnapshot sparse = full_payment();
  std::get<domain::OrderCharge>(sparse.subject).payment_method.clear();
  sparse.failure.clear();
  sparse.failure_detail.clear();
  sparse.gateway_reference.clear();
  EXPECT_EQ(decode_payment("pay_1", encoded(sparse)).value(), sparse);
}

TEST(Records, ThePaymentOfAReservationComesBackAsItWas) {
  domain::PaymentSnapshot payment = full_payment();
  payment.subject = domain::ReservationCharge{
      .reservation_id = domain::ReservationId::parse("r-1").value(), .points = 50};
  EXPECT_EQ(decode_payment("pay_1", encoded(payment)).value(), payment);
  std::get<domain::ReservationCharge>(payment.subject).points = 0;
  EXPECT_FALSE(decode_payment("pay_1", encoded(payment)).ok());
}

TEST(Records, APaymentWithFieldsThatNoPaymentHasIsRefused) {
  EXPECT_FALSE(decode_payment("not an id", encoded(full_payment())).ok());
  std::string bytes = encoded(full_payment());
  const std::size_t status = bytes.find("pm_decline") + 10;
  ASSERT_EQ(bytes[status], '\x02');
  bytes[status] = '\x03';
  EXPECT_FALSE(decode_payment("pay_1", bytes).ok());
  EXPECT_THAT(decode_payment("pay_9", "").error().message, HasSubstr("payment 'pay_9'"));
}

// The bytes are those of release 0.1.0 before it knew elapsed times.
TEST(Records, RecordsFromBeforeThereWereElapsedTimesAreRead) {
  EXPECT_EQ(decode_head("\x01\x93\x01\x02\x03").value(), (HeadRecord{1, 2, 3, 0}));

  const domain::OutboxEntry expected{.seq = 9, .time_ms = 7, .topic = "orders", .envelope = "e"};
  domain::OutboxEntry entry{.elapsed_ms = 5};
  ASSERT_TRUE(decode_outbox(9,
                            "\x01\x94\x07\xc0\xa6orders\xc4\x01"
                            "e",
                            entry)
                  .ok());
  EXPECT_EQ(entry, expected) << "nothing of the entry before may stay";

  domain::DeadEntry dead{.entry = {.elapsed_ms = 5}};
  ASSERT_TRUE(decode_dead(9,
                          "\x01\x96\x07\xc0\xa6orders\xc4\x01"
                          "e"
                          "\x0c\xa7"
                          "expired",
                          dead)
                  .ok());
  EXPECT_EQ(dead, (domain::DeadEntry{expected, 12, "expired"}));
}

TEST(Records, WhatIsLeftOfAWithdrawnEntryIsItsChain) {
  std::string bytes;
  encode_withdrawn(full_dead().entry, bytes);
  domain::OutboxEntry entry;
  EXPECT_EQ(decode_outbox(9, bytes, entry).value(), OutboxKind::kWithdrawn);
  EXPECT_EQ(entry.chain, full_dead().entry.chain);
  EXPECT_EQ(entry.elapsed_ms, full_dead().entry.elapsed_ms);
  EXPECT_TRUE(entry.topic.empty() && entry.envelope.empty());
  EXPECT_LE(bytes.size(), 40U);
}

TEST(Records, AKindOfPositionThatNobodyKnowsIsRefused) {
  std::string bytes;
  encode(full_dead().entry, bytes, OutboxKind::kSubstitute);
  domain::OutboxEntry entry;
  EXPECT_EQ(decode_outbox(9, bytes, entry).value(), OutboxKind::kSubstitute);
  bytes.back() = '\x03';
  EXPECT_FALSE(decode_outbox(9, bytes, entry).ok());
}

TEST(Records, RecordsFromBeforeThereWereChainsHaveNone) {
  domain::OutboxEntry entry{.chain = 5};
  EXPECT_EQ(decode_outbox(9, "\x01\x95\x07\xc0\xa6orders\xc4\x01z\x05", entry).value(),
            OutboxKind::kEntry);
  EXPECT_EQ(entry.chain, 0U);
  domain::DeadEntry dead{.entry = {.chain = 5}};
  ASSERT_TRUE(decode_dead(9, "\x01\x97\x07\xc0\xa6orders\xc4\x01z\x0c\xa7refused\x05", dead).ok());
  EXPECT_EQ(dead.entry.chain, 0U);
  EXPECT_EQ(decode_completed("\x01\x91\x07").value().seq, 7U);
  EXPECT_EQ(decode_completed("\x01\x91\x07").value().chain, 0U);
  EXPECT_EQ(decode_completed(encoded(CompletedRecord{7, 8})).value().chain, 8U);
}

TEST(Records, AnElapsedTimeThatNobodyCanHaveMeasuredIsRefused) {
  EXPECT_TRUE(decode_head(encoded(HeadRecord{.elapsed_ms = INT64_MAX / 2})).ok());
  EXPECT_FALSE(decode_head(encoded(HeadRecord{.elapsed_ms = INT64_MAX})).ok());
  EXPECT_FALSE(decode_head(encoded(HeadRecord{.elapsed_ms = -1})).ok());
}

TEST(Records, RangesComeBackAsTheyWere) {
  std::string bytes;
  for (const std::vector<domain::SeqRange>& ranges :
       {std::vector<domain::SeqRange>{}, {{1, 1}}, {{2, 5}, {7, 7}, {9, UINT64_MAX}}}) {
    encode_ranges(ranges, bytes);
    EXPECT_EQ(decode_ranges(bytes, "r").value(), ranges);
  }
}

TEST(Records, RangesThatAreEmptyOrOutOfOrderAreRefused) {
  std::string bytes;
  for (const std::vector<domain::SeqRange>& ranges :
       {std::vector<domain::SeqRange>{{0, 1}}, {{3, 2}}, {{1, 4}, {4, 5}}, {{5, 6}, {1, 2}}}) {
    encode_ranges(ranges, bytes);
    EXPECT_FALSE(decode_ranges(bytes, "r").ok());
  }
}

TEST(Records, WhatStandsForARemovedLetterIsToldFromALetter) {
  std::string bytes;
  encode_removed_letter(bytes);
  EXPECT_TRUE(is_removed_letter(bytes));
  EXPECT_FALSE(is_removed_letter(encoded(full_dead())));
  EXPECT_FALSE(is_removed_letter(""));
  EXPECT_FALSE(is_removed_letter("garbage"));
}

TEST(Records, TheOthersComeBackAsTheyWere) {
  const HeadRecord head{1, 2, 3, 4};
  EXPECT_EQ(decode_head(encoded(head)).value(), head);

  const auto state = decode_state("k", encoded(domain::StateValue{"bytes", 7})).value();
  EXPECT_EQ(state.bytes, "bytes");
  EXPECT_EQ(state.version, 7U);

  const std::string request = encoded(domain::RequestRecord{"digest", "outcome", -9});
  EXPECT_EQ(decode_request("r", request)->digest, "digest");
  EXPECT_EQ(decode_request("r", request)->outcome, "outcome");
  EXPECT_EQ(decode_request("r", request)->time_ms, -9);
  EXPECT_EQ(decode_request_time(request).value(), -9);

  std::string bytes;
  encode_number(12, bytes);
  EXPECT_EQ(decode_number(bytes, "epoch").value(), 12U);
  encode_text("till-1", bytes);
  EXPECT_EQ(decode_text(bytes, "producer").value(), "till-1");
}

TEST(Records, FieldsThatALaterVersionAppendsAreIgnored) {
  msgpack::sbuffer buffer;
  buffer.write("\x01", 1);
  msgpack::packer<msgpack::sbuffer> packer(buffer);
  packer.pack_array(6);
  packer.pack(std::uint64_t{1});
  packer.pack(std::uint64_t{2});
  packer.pack(std::uint64_t{3});
  packer.pack(std::uint64_t{4});
  packer.pack(std::string("new"));
  packer.pack_array(1);
  packer.pack_nil();
  EXPECT_EQ(decode_head({buffer.data(), buffer.size()}).value(), (HeadRecord{1, 2, 3, 4}));
}

TEST(Records, AnUnknownVersionIsRefused) {
  std::string bytes = encoded(HeadRecord{1, 2, 3});
  bytes[0] = 2;
  EXPECT_FALSE(decode_head(bytes).ok());
}

TEST(Records, AnErrorNamesTheRecord) {
  EXPECT_THAT(decode_order("o-77", "garbage").error().message, HasSubstr("order 'o-77'"));
  domain::OutboxEntry entry;
  EXPECT_THAT(decode_outbox(77, "", entry).error().message, HasSubstr("outbox entry '77'"));
}

// Every prefix and every changed byte must be told from a record, or give one that is whole.
TEST(Records, DamagedBytesNeverCrashADecoder) {
  const std::string order = encoded(full_order());
  const std::string dead = encoded(full_dead());
  const std::string payment = encoded(full_payment());
  for (std::size_t size = 0; size < order.size(); ++size) {
    EXPECT_FALSE(decode_order("o-1", order.substr(0, size)).ok()) << size;
  }
  for (const std::string& record : {order, dead, payment}) {
    for (std::size_t at = 0; at < record.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string bytes = record;
        bytes[at] = static_cast<char>(value);
        domain::DeadEntry decoded;
        (void)decode_order("o-1", bytes).ok();
        (void)decode_dead(9, bytes, decoded).ok();
        (void)decode_payment("pay_1", bytes).ok();
        (void)decode_ranges(bytes, "ranges").ok();
      }
    }
  }
  EXPECT_FALSE(decode_order("o-1", order + "x").ok()) << "nothing may follow the record";
}

TEST(Records, LengthsThatPromiseMoreThanThereIsAreRefused) {
  const std::string four_billion_entries("\x01\xdd\xff\xff\xff\xff", 6);
  const std::string four_gigabytes("\x01\x91\xc6\xff\xff\xff\xff", 7);
  const std::string deep = "\x01" + std::string(100'000, '\x91');
  for (const std::string& bomb : {four_billion_entries, four_gigabytes, deep}) {
    EXPECT_FALSE(decode_order("o-1", bomb).ok());
    EXPECT_FALSE(decode_state("k", bomb).ok());
  }
}

TEST(Records, AnOrderWithFieldsThatNoOrderHasIsRefused) {
  const auto with_status = [](std::uint64_t status) {
    std::string bytes = encoded(full_order());
    // version, array of 12, str 3 "c-1", status
    bytes[1 + 1 + 4] = static_cast<char>(status);
    return bytes;
  };
  EXPECT_TRUE(decode_order("o-1", with_status(4)).ok());
  EXPECT_FALSE(decode_order("o-1", with_status(5)).ok());
  EXPECT_FALSE(decode_order("not an id", encoded(full_order())).ok());
}

}  // namespace
}  // namespace outboxd::storage
