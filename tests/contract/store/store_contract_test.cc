// What every store promises to use cases: atomic groups, own writes, undoing, numbers without gaps.
#include <gmock/gmock.h>

#include "storage/chain.h"
#include "tests/contract/store/store_under_test.h"

namespace outboxd {
namespace {

using domain::OrderStatus;
using domain::UnitOfWork;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

INSTANTIATE_TEST_SUITE_P(AllAdapters, StoreContract, testing::ValuesIn(all_adapters()),
                         [](const auto& instance) { return instance.param.name; });

domain::OrderId order_id(const std::string& id) {
  return domain::OrderId::parse(id).value();
}
domain::RequestId request_id(const std::string& id) {
  return domain::RequestId::parse(id).value();
}

TEST_P(StoreContract, AnOrderIsFoundAsItWasPut) {
  domain::OrderSnapshot order = make_order("o-1", OrderStatus::kPaid);
  order.payment_id = domain::PaymentId::parse("pay-1").value();
  order.failure = "none";
  order.created_seq = 3;
  order.settled_seq = 4;
  run_durably([&](UnitOfWork& work) { work.orders().put(order); });
  now_and_after_reopening([&] {
    look([&](UnitOfWork& work) {
      EXPECT_THAT(work.orders().find(order_id("o-1")).value(), Optional(order));
      EXPECT_EQ(work.orders().find(order_id("o-2")).value(), std::nullopt);
    });
  });
}

TEST_P(StoreContract, LaterUnitsOfWorkSeeWritesThatAreNotDurableYet) {
  run([](UnitOfWork& work) { work.application_state().put("a", {"building", 1}); });
  look([](UnitOfWork& work) {
    EXPECT_EQ(work.application_state().find("a").value()->bytes, "building");
  });

  auto in_flight = store().seal();
  ASSERT_NE(in_flight, nullptr);
  look([](UnitOfWork& work) {
    EXPECT_EQ(work.application_state().find("a").value()->bytes, "building");
  });

  run([](UnitOfWork& work) { work.application_state().put("a", {"newer", 2}); });
  look([](UnitOfWork& work) {
    EXPECT_EQ(work.application_state().find("a").value()->bytes, "newer");
  });

  ASSERT_TRUE(in_flight->write().ok());
  store().retire(std::move(in_flight));
  look([](UnitOfWork& work) {
    EXPECT_EQ(work.application_state().find("a").value()->bytes, "newer");
  });
}

TEST_P(StoreContract, ARemovedKeyIsGoneBeforeAndAfterItIsDurable) {
  run_durably([](UnitOfWork& work) { work.application_state().put("a", {"x", 1}); });
  run([](UnitOfWork& work) { work.application_state().remove("a"); });
  look([](UnitOfWork& work) {
    EXPECT_EQ(work.application_state().find("a").value(), std::nullopt);
    EXPECT_EQ(work.depends_on(), 2U) << "that it is gone is not durable yet";
  });
  commit();
  now_and_after_reopening([&] {
    look([](UnitOfWork& work) {
      EXPECT_EQ(work.application_state().find("a").value(), std::nullopt);
    });
  });
}

TEST_P(StoreContract, AUnitOfWorkDependsOnTheNewestGroupItTouched) {
  const auto nothing = [](UnitOfWork&) {};
  EXPECT_EQ(run(nothing), 0U);
  EXPECT_EQ(run([](UnitOfWork& work) { work.application_state().put("a", {"1", 1}); }), 1U);
  const auto read_a = [](UnitOfWork& work) { (void)work.application_state().find("a").value(); };
  const auto read_b = [](UnitOfWork& work) { (void)work.application_state().find("b").value(); };
  EXPECT_EQ(run(read_a), 1U) << "it saw a write of the group being built";
  EXPECT_EQ(run(read_b), 0U) << "it saw nothing of it";

  auto first = store().seal();
  EXPECT_EQ(first->number(), 1U);
  EXPECT_EQ(run(read_a), 1U) << "it saw a write of the group in flight";
  EXPECT_EQ(run([](UnitOfWork& work) { work.application_state().put("b", {"2", 2}); }), 2U);

  ASSERT_TRUE(first->write().ok());
  store().retire(std::move(first));
  EXPECT_EQ(run(read_a), 0U) << "what it saw is durable";
  EXPECT_EQ(run(read_b), 2U);
}

TEST_P(StoreContract, OnlyDurableGroupsSurvive) {
  run_durably([](UnitOfWork& work) { work.orders().put(make_order("durable")); });
  run([](UnitOfWork& work) {
    work.orders().put(make_order("sealed"));
    work.outbox().append(make_entry("sealed"));
  });
  auto sealed = store().seal();
  run([](UnitOfWork& work) { work.orders().put(make_order("building")); });
  sealed.reset();  // never written
  reopen();
  EXPECT_THAT(all_orders(std::nullopt, 10), ElementsAre("durable"));
  EXPECT_THAT(outbox_seqs(), IsEmpty());
  EXPECT_EQ(progress_at_open().next_seq, 1U);
}

TEST_P(StoreContract, DiscardingTakesBackExactlyTheUnitOfWork) {
  run([](UnitOfWork& work) {
    work.application_state().put("kept", {"1", 1});
    work.application_state().put("changed", {"old", 1});
    work.outbox().append(make_entry("kept"));
  });
  const std::size_t before = store().pending_bytes();

  UnitOfWork& work = store().begin();
  work.application_state().put("changed", {"new", 2});
  work.application_state().remove("kept");
  work.application_state().put("added", {"2", 2});
  work.orders().put(make_order("added"));
  work.requests().put(request_id("added"), {"digest", "outcome", 1});
  EXPECT_EQ(work.outbox().append(make_entry("dropped")), 2U);
  ASSERT_TRUE(work.outbox().bury(1, "why", 5).ok());
  work.outbox().complete_through(2);
  store().discard();

  EXPECT_EQ(store().pending_bytes(), before);
  commit();
  now_and_after_reopening([&] {
    look([](UnitOfWork& after) {
      EXPECT_EQ(after.application_state().find("kept").value()->bytes, "1");
      EXPECT_EQ(after.application_state().find("changed").value()->bytes, "old");
      EXPECT_EQ(after.application_state().find("added").value(), std::nullopt);
      EXPECT_EQ(after.orders().find(order_id("added")).value(), std::nullopt);
      EXPECT_FALSE(after.requests().find(request_id("added")).value().has_value());
      EXPECT_EQ(after.outbox().append(make_entry("next")), 2U);
    });
    EXPECT_THAT(outbox_seqs(), ElementsAre(1));
    EXPECT_EQ(reader().count_dead().value(), 0U);
  });
  EXPECT_EQ(progress_at_open().completed_seq, 0U);
}

TEST_P(StoreContract, DiscardingTheOnlyUnitOfWorkLeavesNothingToWrite) {
  UnitOfWork& work = store().begin();
  work.orders().put(make_order("o-1"));
  work.outbox().append(make_entry("e"));
  store().discard();
  EXPECT_EQ(store().pending_bytes(), 0U);
  EXPECT_EQ(store().seal(), nullptr);
}

TEST_P(StoreContract, AUnitOfWorkThatOnlyReadsLeavesNothingToWrite) {
  run([](UnitOfWork& work) { (void)work.orders().find(order_id("o-1")).value(); });
  EXPECT_EQ(store().pending_bytes(), 0U);
  EXPECT_EQ(store().seal(), nullptr);
}

TEST_P(StoreContract, G3SequenceNumbersHaveNoGapsAcrossDiscardsGroupsAndReopening) {
  domain::Seq expected = 0;
  for (int round = 0; round < 3; ++round) {
    EXPECT_EQ(progress_at_open().next_seq, expected + 1);
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(store().begin().outbox().append(make_entry("discarded")), expected + 1);
      store().discard();
      run([&](UnitOfWork& work) {
        EXPECT_EQ(work.outbox().append(make_entry("a")), ++expected);
        EXPECT_EQ(work.outbox().append(make_entry("b")), ++expected);
      });
      if (i % 3 == 0) commit();
    }
    commit();
    reopen();
  }
  const auto seqs = outbox_seqs();
  ASSERT_EQ(seqs.size(), 120U);
  for (std::size_t i = 0; i < seqs.size(); ++i) EXPECT_EQ(seqs[i], i + 1);
}

TEST_P(StoreContract, AGroupGivesItsEntriesToTheRelayInOrder) {
  run([](UnitOfWork& work) {
    work.outbox().append(make_entry("a"));
    work.outbox().append(make_entry("b"));
  });
  store().begin().outbox().append(make_entry("discarded"));
  store().discard();
  run([](UnitOfWork& work) { work.outbox().append(make_entry("c")); });
  auto group = store().seal();
  ASSERT_EQ(group->entries().size(), 3U);
  EXPECT_EQ(group->entries()[0].envelope, "a");
  EXPECT_EQ(group->entries()[2].envelope, "c");
  EXPECT_EQ(group->entries()[2].seq, 3U);
  ASSERT_TRUE(group->write().ok());
  store().retire(std::move(group));
}

TEST_P(StoreContract, RevisionsGrowForEverAndAreOnePerUnitOfWork) {
  std::uint64_t last = 0;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 3; ++i) {
      run_durably([&](UnitOfWork& work) {
        const std::uint64_t revision = work.revision();
        EXPECT_GT(revision, last);
        EXPECT_EQ(work.revision(), revision);
        work.application_state().put("a", {"x", revision});
        last = revision;
      });
    }
    reopen();
  }
}

TEST_P(StoreContract, G4ARequestRecordAnswersARepetitionAlsoAfterAnotherGroupAndReopening) {
  run_durably([](UnitOfWork& work) {
    EXPECT_FALSE(work.requests().find(request_id("r-1")).value().has_value());
    work.requests().put(request_id("r-1"), {"digest", std::string("\0\x01", 2), 42});
  });
  run_durably([](UnitOfWork& work) { work.application_state().put("a", {"x", 1}); });
  now_and_after_reopening([&] {
    look([](UnitOfWork& work) {
      const auto record = work.requests().find(request_id("r-1")).value();
      ASSERT_TRUE(record.has_value());
      EXPECT_EQ(record->digest, "digest");
      EXPECT_EQ(record->outcome, std::string("\0\x01", 2));
      EXPECT_EQ(record->time_ms, 42);
      EXPECT_EQ(work.depends_on(), 0U);
    });
  });
}

TEST_P(StoreContract, TheWatermarkNeverMovesBackwards) {
  run_durably([](UnitOfWork& work) {
    for (int i = 0; i < 10; ++i) work.outbox().append(make_entry("e"));
  });
  run_durably([](UnitOfWork& work) { work.outbox().complete_through(7); });
  run([](UnitOfWork& work) { work.outbox().complete_through(3); });
  EXPECT_EQ(store().seal(), nullptr) << "there is nothing to record";
  now_and_after_reopening([&] { EXPECT_THAT(outbox_seqs(), ElementsAre(8, 9, 10)); });
  EXPECT_EQ(progress_at_open().completed_seq, 7U);
  EXPECT_EQ(progress_at_open().next_seq, 11U);
}

TEST_P(StoreContract, G5EntriesAreVisitedUntilTheirCompletionIsDurable) {
  run_durably([](UnitOfWork& work) {
    work.outbox().append(make_entry("a"));
    work.outbox().append(make_entry("b"));
  });
  run([](UnitOfWork& work) { work.outbox().complete_through(1); });
  EXPECT_THAT(outbox_seqs(), ElementsAre(1, 2));
  auto group = store().seal();
  EXPECT_THAT(outbox_seqs(), ElementsAre(1, 2));
  ASSERT_TRUE(group->write().ok());
  EXPECT_THAT(outbox_seqs(), ElementsAre(2));
  store().retire(std::move(group));
}

TEST_P(StoreContract, BuryingMovesAnEntryToTheDeadLetters) {
  run_durably([](UnitOfWork& work) {
    work.outbox().append(make_entry("a"));
    work.outbox().append(make_entry("b"));
    work.outbox().append(make_entry("c"));
  });
  run_durably([](UnitOfWork& work) {
    ASSERT_TRUE(work.outbox().bury(2, "too old", 99).ok());
    ASSERT_TRUE(work.outbox().bury(2, "again", 100).ok());
    ASSERT_TRUE(work.outbox().bury(9, "was never there", 100).ok());
  });
  now_and_after_reopening([&] {
    EXPECT_THAT(outbox_seqs(), ElementsAre(1, 3));
    EXPECT_EQ(reader().count_dead().value(), 1U);
    std::vector<domain::DeadEntry> dead;
    ASSERT_TRUE(reader()
                    .scan_dead(0,
                               [&](const domain::DeadEntry& entry) {
                                 dead.push_back(entry);
                                 return true;
                               })
                    .ok());
    ASSERT_EQ(dead.size(), 1U);
    domain::OutboxEntry entry = make_entry("b");
    entry.seq = 2;
    entry.chain = storage::chain_after(storage::chain_after(0, 1, "a"), 2, "b");
    EXPECT_EQ(dead.front(), (domain::DeadEntry{entry, 99, "too old"}));
  });
}

TEST_P(StoreContract, AnEntryThatIsNotDurableYetCanBeBuried) {
  run([](UnitOfWork& work) { work.outbox().append(make_entry("a")); });
  run([](UnitOfWork& work) { ASSERT_TRUE(work.outbox().bury(1, "too old", 9).ok()); });
  commit();
  now_and_after_reopening([&] {
    EXPECT_THAT(outbox_seqs(), IsEmpty());
    EXPECT_EQ(reader().count_dead().value(), 1U);
  });
}

TEST_P(StoreContract, ACompletedEntryIsNotBuried) {
  run_durably([](UnitOfWork& work) {
    work.outbox().append(make_entry("a"));
    work.outbox().complete_through(1);
  });
  run([](UnitOfWork& work) { ASSERT_TRUE(work.outbox().bury(1, "late", 9).ok()); });
  EXPECT_EQ(store().seal(), nullptr);
  EXPECT_EQ(reader().count_dead().value(), 0U);
}

}  // namespace
}  // namespace outboxd
