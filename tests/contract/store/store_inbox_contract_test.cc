// What every store promises about what comes back from others: processed marks, payments, dead
// letters, and how far the outbox has come beyond its watermark.
#include <gmock/gmock.h>

#include "tests/contract/store/store_under_test.h"

namespace outboxd {
namespace {

using domain::InboxKey;
using domain::PaymentStatus;
using domain::SeqRange;
using domain::UnitOfWork;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

class StoreInboxContract : public StoreContract {
 protected:
  bool is_marked(const InboxKey& key) {
    bool marked = false;
    look([&](UnitOfWork& work) { marked = work.inbox().contains(key).value(); });
    return marked;
  }

  std::vector<std::string> all_payments(std::optional<PaymentStatus> status, std::size_t limit) {
    std::vector<std::string> ids;
    domain::Page page{.limit = limit};
    for (;;) {
      const auto result = reader().list_payments(status, page).value();
      EXPECT_LE(result.entries.size(), limit);
      for (const auto& payment : result.entries) ids.push_back(payment.payment_id.text());
      if (!result.next) return ids;
      page.after = *result.next;
    }
  }

  void append(int count) {
    run_durably([&](UnitOfWork& work) {
      for (int i = 1; i <= count; ++i) work.outbox().append(make_entry("e" + std::to_string(i)));
    });
  }

  void bury(domain::Seq seq) {
    run_durably(
        [&](UnitOfWork& work) { ASSERT_TRUE(work.outbox().bury(seq, "too old", 99).ok()); });
  }
};

INSTANTIATE_TEST_SUITE_P(AllAdapters, StoreInboxContract, testing::ValuesIn(all_adapters()),
                         [](const auto& instance) { return instance.param.name; });

const InboxKey kKey{"payments", "till-1", 7};

TEST_P(StoreInboxContract, G8AMarkIsThereWithItsEffectAndItsEventsOrNoneOfThemIs) {
  const auto effect = [](UnitOfWork& work) {
    work.inbox().put(kKey, 5);
    work.payments().put(make_payment("pay-1"));
    work.outbox().append(make_entry("payment.completed"));
  };
  const auto expect_all = [&](bool there) {
    EXPECT_EQ(is_marked(kKey), there);
    EXPECT_EQ(all_payments(std::nullopt, 10).size(), there ? 1U : 0U);
    EXPECT_EQ(outbox_seqs().size(), there ? 1U : 0U);
  };
  effect(store().begin());
  store().discard();
  expect_all(false);

  run(effect);
  store().seal().reset();  // never written
  reopen();
  expect_all(false);

  run_durably(effect);
  now_and_after_reopening([&] { expect_all(true); });
}

TEST_P(StoreInboxContract, AMarkIsSeenBeforeItIsDurable) {
  run([](UnitOfWork& work) {
    EXPECT_FALSE(work.inbox().contains(kKey).value());
    work.inbox().put(kKey, 5);
    EXPECT_TRUE(work.inbox().contains(kKey).value());
  });
  EXPECT_TRUE(is_marked(kKey));
  look([](UnitOfWork& work) {
    EXPECT_TRUE(work.inbox().contains(kKey).value());
    EXPECT_EQ(work.depends_on(), 1U) << "a second delivery waits for the first one's group";
  });
}

TEST_P(StoreInboxContract, MarksOfOtherGroupsProducersAndEventsAreOthers) {
  run_durably([](UnitOfWork& work) { work.inbox().put(kKey, 5); });
  now_and_after_reopening([&] {
    EXPECT_TRUE(is_marked(kKey));
    EXPECT_FALSE(is_marked({"payment", "till-1", 7}));
    EXPECT_FALSE(is_marked({"payments", "till-", 7}));
    EXPECT_FALSE(is_marked({"paymentstill-1", "", 7}));
    EXPECT_FALSE(is_marked({"payments", "till-1", 8}));
    EXPECT_FALSE(is_marked({"payments", "till-1", 7 << 8}));
  });
}

TEST_P(StoreInboxContract, ARemovedMarkIsGone) {
  run_durably([](UnitOfWork& work) { work.inbox().put(kKey, 5); });
  run_durably([](UnitOfWork& work) { work.inbox().remove(kKey); });
  now_and_after_reopening([&] { EXPECT_FALSE(is_marked(kKey)); });
}

TEST_P(StoreInboxContract, APaymentIsFoundAsItWasPutLast) {
  run_durably([](UnitOfWork& work) { work.payments().put(make_payment("pay-1")); });
  domain::PaymentSnapshot refunded = make_payment("pay-1", PaymentStatus::kRefunded);
  refunded.failure = "late";
  refunded.failure_detail = "the order was cancelled";
  refunded.gateway_reference = "ch_1";
  refunded.refunded_seq = 9;
  run_durably([&](UnitOfWork& work) { work.payments().put(refunded); });
  now_and_after_reopening([&] {
    look([&](UnitOfWork& work) {
      EXPECT_THAT(work.payments().find(refunded.payment_id).value(), Optional(refunded));
      EXPECT_EQ(work.payments().find(domain::PaymentId::parse("pay-2").value()).value(),
                std::nullopt);
    });
  });
}

TEST_P(StoreInboxContract, PaymentsComeByIdPageByPageAndByStatus) {
  run_durably([](UnitOfWork& work) {
    for (const char* id : {"c", "a", "e", "b"}) work.payments().put(make_payment(id));
    work.payments().put(make_payment("d", PaymentStatus::kFailed));
    work.orders().put(make_order("not-a-payment"));
    work.application_state().put("not-a-payment", {"v", 1});
  });
  now_and_after_reopening([&] {
    for (std::size_t limit = 1; limit <= 6; ++limit) {
      EXPECT_THAT(all_payments(std::nullopt, limit), ElementsAre("a", "b", "c", "d", "e"));
      EXPECT_THAT(all_payments(PaymentStatus::kFailed, limit), ElementsAre("d"));
    }
    EXPECT_THAT(all_payments(PaymentStatus::kRefunded, 10), IsEmpty());
    EXPECT_THAT(all_orders(std::nullopt, 10), ElementsAre("not-a-payment"));
  });
}

TEST_P(StoreInboxContract, AnEntryIsFoundUntilItIsCompleteOrBuried) {
  run([](UnitOfWork& work) { work.outbox().append(make_entry("e1")); });
  look([](UnitOfWork& work) {
    EXPECT_EQ(work.outbox().find_pending(1).value()->envelope, "e1") << "durable or not";
  });
  commit();
  append(2);
  bury(2);
  run_durably([](UnitOfWork& work) { work.outbox().complete_through(1); });
  now_and_after_reopening([&] {
    look([&](UnitOfWork& work) {
      EXPECT_EQ(work.outbox().find_pending(1).value(), std::nullopt);
      EXPECT_EQ(work.outbox().find_pending(2).value(), std::nullopt);
      domain::OutboxEntry third = make_entry("e2");
      third.seq = 3;
      third.chain = reader().chain_at(3).value();
      EXPECT_THAT(work.outbox().find_pending(3).value(), Optional(third));
      EXPECT_EQ(work.outbox().find_pending(4).value(), std::nullopt);
    });
  });
}

TEST_P(StoreInboxContract, AnEntryExpiresTogetherWithItsOrderOrNotAtAll) {
  run_durably([](UnitOfWork& work) {
    work.orders().put(make_order("o-1"));
    work.outbox().append(make_entry("order.created"));
  });
  const auto expire = [](UnitOfWork& work) {
    work.orders().put(make_order("o-1", domain::OrderStatus::kExpired));
    work.outbox().append(make_entry("order.expired"));
    ASSERT_TRUE(work.outbox().bury(1, "expired", 9).ok());
  };
  expire(store().begin());
  store().discard();
  EXPECT_THAT(outbox_seqs(), ElementsAre(1));
  run_durably(expire);
  now_and_after_reopening([&] {
    EXPECT_THAT(outbox_seqs(), ElementsAre(2));
    EXPECT_THAT(dead_seqs(), ElementsAre(1));
    EXPECT_THAT(all_orders(domain::OrderStatus::kExpired, 10), ElementsAre("o-1"));
  });
}

TEST_P(StoreInboxContract, ADeadLetterIsReplayedAsANewEntry) {
  append(2);
  bury(1);
  run_durably([](UnitOfWork& work) {
    const auto dead = work.dead_letters().find(1).value();
    ASSERT_TRUE(dead.has_value());
    EXPECT_EQ(dead->reason, "too old");
    EXPECT_EQ(work.outbox().append(dead->entry), 3U);
    ASSERT_TRUE(work.dead_letters().remove(1).ok());
    EXPECT_EQ(work.dead_letters().find(1).value(), std::nullopt);
  });
  now_and_after_reopening([&] {
    EXPECT_THAT(outbox_seqs(), ElementsAre(2, 3));
    EXPECT_EQ(outbox_entries(3)[0].envelope, "e1");
    EXPECT_THAT(dead_seqs(), IsEmpty());
    look([](UnitOfWork& work) {
      EXPECT_EQ(work.dead_letters().find(1).value(), std::nullopt);
      EXPECT_EQ(work.dead_letters().find(2).value(), std::nullopt) << "it is alive";
    });
  });
}

TEST_P(StoreInboxContract, DeadLettersAreCountedRightHoweverOftenOneIsRemoved) {
  append(4);
  for (const domain::Seq seq : {1U, 2U, 4U}) bury(seq);
  run([](UnitOfWork& work) { ASSERT_TRUE(work.dead_letters().remove(2).ok()); });
  run([](UnitOfWork& work) {
    ASSERT_TRUE(work.dead_letters().remove(2).ok());
    ASSERT_TRUE(work.dead_letters().remove(3).ok()) << "it is not dead";
    ASSERT_TRUE(work.dead_letters().remove(99).ok());
  });
  ASSERT_TRUE(store().begin().dead_letters().remove(1).ok());
  store().discard();
  commit();
  now_and_after_reopening([&] { EXPECT_THAT(dead_seqs(), ElementsAre(1, 4)); });
  run_durably([](UnitOfWork& work) { work.outbox().complete_through(4); });
  run_durably([](UnitOfWork& work) { ASSERT_TRUE(work.dead_letters().remove(4).ok()); });
  now_and_after_reopening([&] { EXPECT_THAT(dead_seqs(), ElementsAre(1)); });
}

TEST_P(StoreInboxContract, WhatIsCompleteAboveTheWatermarkIsKnownAfterReopening) {
  EXPECT_THAT(complete_above_at_open(), IsEmpty());
  append(20);
  run_durably([](UnitOfWork& work) {
    work.outbox().complete_through(2);
    work.outbox().note_complete_above({{4, 6}, {8, 8}, {10, 15}});
  });
  reopen();
  EXPECT_THAT(complete_above_at_open(),
              ElementsAre(SeqRange{4, 6}, SeqRange{8, 8}, SeqRange{10, 15}));
  EXPECT_EQ(outbox_seqs().size(), 18U) << "nothing is removed for it";

  store().begin().outbox().note_complete_above({{4, 20}});
  store().discard();
  run_durably([](UnitOfWork& work) { work.outbox().complete_through(11); });
  reopen();
  EXPECT_THAT(complete_above_at_open(), ElementsAre(SeqRange{12, 15}))
      << "the watermark covers the rest";

  run_durably([](UnitOfWork& work) { work.outbox().note_complete_above({}); });
  reopen();
  EXPECT_THAT(complete_above_at_open(), IsEmpty());
}

TEST_P(StoreInboxContract, EntriesAreStampedWithTheElapsedTimeWhichGoesOnAfterReopening) {
  append(1);
  const std::int64_t first = outbox_entries()[0].elapsed_ms;
  pass_ms(500);
  append(1);
  EXPECT_EQ(outbox_entries(2)[0].elapsed_ms, first + 500);
  pass_ms(60'000);
  reopen();
  append(1);
  EXPECT_EQ(outbox_entries(3)[0].elapsed_ms, first + 500) << "only what a group recorded counts";
  now_and_after_reopening([&] { EXPECT_EQ(outbox_entries(2)[0].elapsed_ms, first + 500); });
}

TEST_P(StoreInboxContract, TouchingWritesAGroupThatRecordsTheElapsedTime) {
  append(1);
  const std::int64_t first = outbox_entries()[0].elapsed_ms;
  pass_ms(10'000);
  store().begin().touch();
  store().discard();
  EXPECT_EQ(store().seal(), nullptr);
  run_durably([](UnitOfWork& work) { work.touch(); });
  reopen();
  append(1);
  EXPECT_EQ(outbox_entries(2)[0].elapsed_ms, first + 10'000);
  EXPECT_THAT(outbox_seqs(), ElementsAre(1, 2));
}

}  // namespace
}  // namespace outboxd
