// The chain over the outbox (G13), and the positions that it goes through.
#include <gmock/gmock.h>

#include "storage/chain.h"
#include "tests/contract/store/store_under_test.h"

namespace outboxd {
namespace {

using domain::Seq;
using domain::UnitOfWork;
using storage::chain_after;
using testing::ElementsAre;
using testing::IsEmpty;

class StoreChainContract : public StoreContract {
 protected:
  void append(const std::string& envelope) {
    run([&](UnitOfWork& work) { work.outbox().append(make_entry(envelope)); });
  }
  void append_durably(const std::string& envelope) {
    append(envelope);
    commit();
  }
  void bury(Seq seq) {
    run([&](UnitOfWork& work) { ASSERT_TRUE(work.outbox().bury(seq, "refused", 9).ok()); });
  }

  // The envelopes from `from` on; "-" where one was withdrawn. Their chain is checked on the way:
  // `chain` is that of the position before.
  std::vector<std::string> positions(Seq from, std::uint64_t chain) {
    std::vector<std::string> found;
    EXPECT_TRUE(reader()
                    .scan_positions(
                        from,
                        [&](const domain::OutboxPosition& position) {
                          EXPECT_EQ(position.seq, from + found.size());
                          const bool is_withdrawn = position.entry == nullptr;
                          if (!is_withdrawn) {
                            EXPECT_EQ(position.entry->seq, position.seq);
                            EXPECT_EQ(position.entry->chain, position.chain);
                            EXPECT_EQ(position.chain,
                                      chain_after(chain, position.seq, position.entry->envelope));
                          }
                          chain = position.chain;
                          found.push_back(is_withdrawn ? "-" : position.entry->envelope);
                          return true;
                        })
                    .ok());
    return found;
  }

  // Of position `seq`, when these were committed.
  static std::uint64_t chain_of(const std::vector<std::string>& envelopes) {
    std::uint64_t chain = 0;
    Seq seq = 0;
    for (const std::string& envelope : envelopes) chain = chain_after(chain, ++seq, envelope);
    return chain;
  }
};

INSTANTIATE_TEST_SUITE_P(AllAdapters, StoreChainContract, testing::ValuesIn(all_adapters()),
                         [](const auto& each) { return each.param.name; });

TEST_P(StoreChainContract, G13TheChainGoesOnOverUnitsOfWorkGroupsAndReopening) {
  append("a");
  append_durably("b");
  append_durably("c");
  reopen();
  append_durably("d");
  now_and_after_reopening([&] {
    EXPECT_THAT(positions(1, 0), ElementsAre("a", "b", "c", "d"));
    EXPECT_EQ(reader().chain_at(4).value(), chain_of({"a", "b", "c", "d"}));
  });
}

TEST_P(StoreChainContract, G13WhatIsDiscardedLeavesNoTraceInTheChain) {
  append_durably("a");
  store().begin().outbox().append(make_entry("never"));
  store().discard();
  append_durably("b");
  EXPECT_THAT(positions(1, 0), ElementsAre("a", "b"));
}

TEST_P(StoreChainContract, G13AGroupThatWasNotWrittenLeavesNoTraceInTheChain) {
  append_durably("a");
  append("never durable");
  reopen();
  append_durably("b");
  EXPECT_THAT(positions(1, 0), ElementsAre("a", "b"));
}

TEST_P(StoreChainContract, TheEntriesOfAGroupCarryTheirChainToTheRelay) {
  append("a");
  append("b");
  auto group = store().seal();
  EXPECT_EQ(group->entries().at(0).chain, chain_of({"a"}));
  EXPECT_EQ(group->entries().at(1).chain, chain_of({"a", "b"}));
}

TEST_P(StoreChainContract, G13ABuriedEntryLeavesItsPositionAndItsChain) {
  for (const char* envelope : {"a", "b", "c", "d"}) append(envelope);
  commit();
  bury(2);
  bury(4);
  commit();
  append_durably("e");
  now_and_after_reopening([&] {
    EXPECT_THAT(positions(1, 0), ElementsAre("a", "-", "c", "-", "e"));
    EXPECT_THAT(positions(4, 0), ElementsAre("-", "e"));
    EXPECT_THAT(outbox_seqs(), ElementsAre(1, 3, 5));
    EXPECT_EQ(reader().chain_at(2).value(), chain_of({"a", "b"}));
    EXPECT_EQ(reader().chain_at(4).value(), chain_of({"a", "b", "c", "d"}));
    look([](UnitOfWork& work) {
      EXPECT_EQ(work.dead_letters().find(2).value()->entry.envelope, "b");
      EXPECT_EQ(work.outbox().find_pending(2).value(), std::nullopt);
    });
  });
}

TEST_P(StoreChainContract, AnEntryThatIsBuriedInItsOwnGroupLeavesItsPosition) {
  append("a");
  bury(1);
  append("b");
  commit();
  now_and_after_reopening([&] {
    EXPECT_THAT(positions(1, 0), ElementsAre("-", "b"));
    EXPECT_EQ(reader().chain_at(2).value(), chain_of({"a", "b"}));
  });
}

TEST_P(StoreChainContract, ALetterThatIsReplayedOrDiscardedLeavesThePositionWhereItWas) {
  append("a");
  append("b");
  commit();
  bury(2);
  commit();
  run_durably([](UnitOfWork& work) {
    domain::OutboxEntry again = work.dead_letters().find(2).value()->entry;
    ASSERT_TRUE(work.dead_letters().remove(2).ok());
    EXPECT_EQ(work.outbox().append(std::move(again)), 3U);
  });
  now_and_after_reopening([&] {
    EXPECT_THAT(positions(1, 0), ElementsAre("a", "-", "b"));
    EXPECT_EQ(reader().chain_at(3).value(), chain_of({"a", "b", "b"}));
  });
}

TEST_P(StoreChainContract, G13TheChainOfTheWatermarkIsKnown) {
  for (const char* envelope : {"a", "b", "c", "d"}) append(envelope);
  commit();
  bury(3);
  commit();
  EXPECT_EQ(reader().chain_at(0).value(), 0U);
  for (const Seq completed : {2U, 3U, 4U}) {
    run_durably([&](UnitOfWork& work) { work.outbox().complete_through(completed); });
    const std::vector<std::string> envelopes = {"a", "b", "c", "d"};
    const auto end = envelopes.begin() + static_cast<std::ptrdiff_t>(completed);
    now_and_after_reopening([&] {
      EXPECT_EQ(reader().chain_at(completed).value(), chain_of({envelopes.begin(), end}));
      EXPECT_EQ(reader().chain_at(5).value(), 0U) << "there is no such position";
    });
  }
  EXPECT_THAT(positions(1, 0), IsEmpty());
  append_durably("e");
  now_and_after_reopening([&] {
    EXPECT_THAT(positions(5, chain_of({"a", "b", "c", "d"})), ElementsAre("e"));
  });
}

TEST_P(StoreChainContract, G13AWatermarkInsideTheGroupThatMakesItHasItsChain) {
  run_durably([](UnitOfWork& work) {
    work.outbox().append(make_entry("a"));
    work.outbox().append(make_entry("b"));
    ASSERT_TRUE(work.outbox().bury(1, "refused", 9).ok());
    work.outbox().complete_through(1);
  });
  now_and_after_reopening([&] { EXPECT_EQ(reader().chain_at(1).value(), chain_of({"a"})); });
}

TEST_P(StoreChainContract, G13DifferentHistoriesHaveDifferentChains) {
  EXPECT_NE(chain_of({"a", "b"}), chain_of({"b", "a"}));
  EXPECT_NE(chain_of({"ab", "c"}), chain_of({"a", "bc"}));
  EXPECT_NE(chain_of({"a"}), chain_of({"a", "a"}));
  EXPECT_NE(chain_of({""}), 0U);
}

}  // namespace
}  // namespace outboxd
