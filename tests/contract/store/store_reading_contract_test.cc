// What every store promises to readers: only what is durable, page by page.
#include <gmock/gmock.h>

#include "storage/chain.h"
#include "tests/contract/store/store_under_test.h"

namespace outboxd {
namespace {

using domain::OrderStatus;
using domain::UnitOfWork;
using testing::ElementsAre;
using testing::IsEmpty;

class StoreReadingContract : public StoreContract {};

INSTANTIATE_TEST_SUITE_P(AllAdapters, StoreReadingContract, testing::ValuesIn(all_adapters()),
                         [](const auto& instance) { return instance.param.name; });

std::vector<std::string> keys_of(const domain::PageOf<domain::NamedState>& page) {
  std::vector<std::string> keys;
  for (const domain::NamedState& entry : page.entries) keys.push_back(entry.key);
  return keys;
}

TEST_P(StoreReadingContract, ReadersSeeAGroupOnlyWhenItIsDurable) {
  run([](UnitOfWork& work) {
    work.orders().put(make_order("o-1"));
    work.application_state().put("k", {"v", 1});
    work.outbox().append(make_entry("e"));
  });
  const auto expect_nothing = [&] {
    EXPECT_THAT(all_orders(std::nullopt, 10), IsEmpty());
    EXPECT_THAT(keys_of(reader().list_state("", {}).value()), IsEmpty());
    EXPECT_THAT(outbox_seqs(), IsEmpty());
  };
  expect_nothing();
  auto group = store().seal();
  expect_nothing();
  ASSERT_TRUE(group->write().ok());
  EXPECT_THAT(all_orders(std::nullopt, 10), ElementsAre("o-1"));
  EXPECT_THAT(keys_of(reader().list_state("", {}).value()), ElementsAre("k"));
  EXPECT_THAT(outbox_seqs(), ElementsAre(1));
  store().retire(std::move(group));
}

TEST_P(StoreReadingContract, OrdersComeByIdPageByPage) {
  run_durably([](UnitOfWork& work) {
    for (const char* id : {"c", "a", "e", "b", "d"}) work.orders().put(make_order(id));
    work.application_state().put("not-an-order", {"v", 1});
  });
  now_and_after_reopening([&] {
    const auto first = reader().list_orders(std::nullopt, {.limit = 2}).value();
    ASSERT_EQ(first.entries.size(), 2U);
    EXPECT_EQ(first.entries[1], make_order("b"));
    EXPECT_EQ(first.next, "b");
    EXPECT_EQ(reader().list_orders(std::nullopt, {.limit = 5}).value().next, std::nullopt);
    for (std::size_t limit = 1; limit <= 6; ++limit) {
      EXPECT_THAT(all_orders(std::nullopt, limit), ElementsAre("a", "b", "c", "d", "e"));
    }
  });
}

TEST_P(StoreReadingContract, AStatusSelectsOrdersAlsoWhenTheyAreFarBetween) {
  run_durably([](UnitOfWork& work) {
    for (int i = 10'000; i < 15'000; ++i) {
      const bool paid = i == 10'003 || i == 14'998;
      work.orders().put(
          make_order("o-" + std::to_string(i), paid ? OrderStatus::kPaid : OrderStatus::kCreated));
    }
  });
  now_and_after_reopening([&] {
    EXPECT_THAT(all_orders(OrderStatus::kPaid, 10), ElementsAre("o-10003", "o-14998"));
    EXPECT_THAT(all_orders(OrderStatus::kCancelled, 10), IsEmpty());
  });
}

TEST_P(StoreReadingContract, ApplicationKeysAreListedByPrefix) {
  run_durably([](UnitOfWork& work) {
    for (const char* key : {"b", "a", "ab", "aa", "ac", "\xff\xff"}) {
      work.application_state().put(key, {key, 1});
    }
    work.orders().put(make_order("a"));
  });
  now_and_after_reopening([&] {
    EXPECT_THAT(keys_of(reader().list_state("", {}).value()),
                ElementsAre("a", "aa", "ab", "ac", "b", "\xff\xff"));
    EXPECT_THAT(keys_of(reader().list_state("a", {}).value()), ElementsAre("a", "aa", "ab", "ac"));
    EXPECT_THAT(keys_of(reader().list_state("\xff", {}).value()), ElementsAre("\xff\xff"));
    const auto page = reader().list_state("a", {.after = "aa", .limit = 1}).value();
    EXPECT_THAT(keys_of(page), ElementsAre("ab"));
    EXPECT_EQ(page.next, "ab");
    EXPECT_EQ(page.entries[0].value.bytes, "ab");
    EXPECT_THAT(keys_of(reader().list_state("a", {.after = "ac"}).value()), IsEmpty());
    EXPECT_THAT(keys_of(reader().list_state("b", {.after = "aa"}).value()), ElementsAre("b"));
  });
}

TEST_P(StoreReadingContract, TheOutboxIsScannedFromAnywhereUntilTheVisitorHasEnough) {
  run_durably([](UnitOfWork& work) {
    for (int i = 1; i <= 300; ++i) work.outbox().append(make_entry("e" + std::to_string(i)));
  });
  now_and_after_reopening([&] {
    std::vector<domain::OutboxEntry> seen;
    ASSERT_TRUE(reader()
                    .scan_outbox(255,
                                 [&](const domain::OutboxEntry& entry) {
                                   seen.push_back(entry);
                                   return seen.size() < 3;
                                 })
                    .ok());
    ASSERT_EQ(seen.size(), 3U);
    domain::OutboxEntry expected = make_entry("e257");
    expected.seq = 257;
    for (domain::Seq seq = 1; seq <= 257; ++seq) {
      expected.chain = storage::chain_after(expected.chain, seq, "e" + std::to_string(seq));
    }
    EXPECT_EQ(seen[2], expected);
    EXPECT_EQ(seen[0].seq, 255U);
    EXPECT_THAT(outbox_seqs(299), ElementsAre(299, 300));
    EXPECT_THAT(outbox_seqs(301), IsEmpty());
  });
}

TEST_P(StoreReadingContract, AnEntryWithoutTimeToLiveKeepsNone) {
  run_durably([](UnitOfWork& work) {
    work.outbox().append({.time_ms = -5, .topic = "t", .envelope = std::string("\0\xff", 2)});
  });
  now_and_after_reopening([&] {
    ASSERT_TRUE(reader()
                    .scan_outbox(1,
                                 [&](const domain::OutboxEntry& entry) {
                                   EXPECT_EQ(entry.ttl_ms, std::nullopt);
                                   EXPECT_EQ(entry.time_ms, -5);
                                   EXPECT_EQ(entry.envelope, std::string("\0\xff", 2));
                                   return true;
                                 })
                    .ok());
    EXPECT_THAT(outbox_seqs(), ElementsAre(1));
  });
}

}  // namespace
}  // namespace outboxd
