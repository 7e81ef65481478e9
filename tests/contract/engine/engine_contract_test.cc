// What every engine must do, run over each of them. An engine is closed and opened again in the
// middle, and what held before must hold after.
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "tests/contract/engine/engine_subjects.h"

namespace outboxd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class EngineContract : public EngineContractBase {
 protected:
  // "OFFSET PRODUCER SEQ ENVELOPE" of everything in `topic` from `from` on.
  std::vector<std::string> read(std::string_view topic, Offset from = 1,
                                std::size_t limit = std::numeric_limits<std::size_t>::max()) {
    std::vector<std::string> events;
    const domain::Status status = engine().read(topic, from, [&](const StoredEvent& event) {
      events.push_back(std::to_string(event.offset) + " " + std::string(event.producer) + " " +
                       std::to_string(event.seq) + " " + std::string(event.envelope));
      return events.size() < limit;
    });
    EXPECT_TRUE(status.ok()) << status.error().message;
    return events;
  }
};

TEST_P(EngineContract, ANewEngineKnowsNobodyAndNothing) {
  holds_for_ever([this] {
    EXPECT_THAT(engine().topics(), IsEmpty());
    EXPECT_THAT(engine().producers("", 10), IsEmpty());
    EXPECT_EQ(engine().producer("shop-1"), std::nullopt);
    const domain::Status status =
        engine().read("orders", 1, [](const StoredEvent&) { return true; });
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.error().code, domain::ErrorCode::kNotFound);
  });
}

TEST_P(EngineContract, AnEventIsReadAsItWasAppended) {
  const std::string envelope("\x01\x00\xff any bytes", 13);
  append({{{"shop-1", 7, 1}}, {{0, 1, "orders", envelope}}});
  holds_for_ever([&] {
    EXPECT_THAT(read("orders"), ElementsAre("1 shop-1 1 " + envelope));
    EXPECT_THAT(engine().topics(), ElementsAre(TopicInfo{"orders", 1, 2}));
    EXPECT_EQ(engine().producer("shop-1"), (ProducerPosition{"shop-1", 7, 1}));
  });
}

TEST_P(EngineContract, OffsetsOfATopicHaveNoGapsAcrossBatchesProducersAndReopening) {
  append({{{"a", 1, 2}, {"b", 1, 1}},
          {{0, 1, "orders", "a1"}, {1, 1, "orders", "b1"}, {0, 2, "orders", "a2"}}});
  subject_->reopen();
  append({{{"b", 1, 2}}, {{0, 2, "orders", "b2"}}});
  holds_for_ever([this] {
    EXPECT_THAT(read("orders"), ElementsAre("1 a 1 a1", "2 b 1 b1", "3 a 2 a2", "4 b 2 b2"));
    EXPECT_THAT(engine().producers("", 10),
                ElementsAre(ProducerPosition{"a", 1, 2}, ProducerPosition{"b", 1, 2}));
  });
}

TEST_P(EngineContract, TopicsHaveOffsetsOfTheirOwn) {
  append({{{"a", 1, 3}}, {{0, 1, "orders", "1"}, {0, 2, "payments", "2"}, {0, 3, "orders", "3"}}});
  holds_for_ever([this] {
    EXPECT_THAT(read("orders"), ElementsAre("1 a 1 1", "2 a 3 3"));
    EXPECT_THAT(read("payments"), ElementsAre("1 a 2 2"));
    EXPECT_THAT(engine().topics(),
                ElementsAre(TopicInfo{"orders", 1, 3}, TopicInfo{"payments", 1, 2}));
    EXPECT_EQ(engine().topic("payments"), (TopicInfo{"payments", 1, 2}));
    EXPECT_EQ(engine().topic("payment"), std::nullopt);
  });
}

TEST_P(EngineContract, ASequenceNumberWithoutAnEventMovesItsProducerOn) {
  append({{{"a", 1, 5}}, {{0, 2, "orders", "2"}}});  // 1 and 3 to 5 were rejected or withdrawn
  append({{{"a", 1, 9}}, {}});
  holds_for_ever([this] {
    EXPECT_EQ(engine().producer("a"), (ProducerPosition{"a", 1, 9}));
    EXPECT_THAT(read("orders"), ElementsAre("1 a 2 2"));
  });
}

TEST_P(EngineContract, AnEpochIsTakenWithoutAnyEvent) {
  append({{{"a", 3, 0}}, {}});
  append({{{"a", 4, 0}}, {}});
  holds_for_ever([this] { EXPECT_EQ(engine().producer("a"), (ProducerPosition{"a", 4, 0})); });
}

TEST_P(EngineContract, ReadingBeginsAtTheOffsetAskedForAndEndsWhenTheVisitorSaysSo) {
  append({{{"a", 1, 4}}, {{0, 1, "t", "1"}, {0, 2, "t", "2"}, {0, 3, "t", "3"}, {0, 4, "t", "4"}}});
  holds_for_ever([this] {
    EXPECT_THAT(read("t", 3), ElementsAre("3 a 3 3", "4 a 4 4"));
    EXPECT_THAT(read("t", 2, 2), ElementsAre("2 a 2 2", "3 a 3 3"));
    EXPECT_THAT(read("t", 0, 1), ElementsAre("1 a 1 1"));
    EXPECT_THAT(read("t", 5), IsEmpty());
    EXPECT_THAT(read("t", std::numeric_limits<Offset>::max()), IsEmpty());
  });
}

TEST_P(EngineContract, ProducersArePagedByName) {
  AppendBatch batch;
  for (const char* name : {"d", "b", "a", "c"}) batch.positions.push_back({name, 1, 0});
  append(batch);
  holds_for_ever([this] {
    const auto names = [this](std::string_view after, std::size_t limit) {
      std::string text;
      for (const ProducerPosition& entry : engine().producers(after, limit)) text += entry.producer;
      return text;
    };
    EXPECT_EQ(names("", 3), "abc");
    EXPECT_EQ(names("c", 3), "d");
    EXPECT_EQ(names("bb", 1), "c");
    EXPECT_EQ(names("d", 3), "");
  });
}

TEST_P(EngineContract, NamesThatBeginAlikeAreDifferentTopicsAndProducers) {
  append({{{"a", 1, 1}, {"ab", 1, 1}}, {{0, 1, "orders", "x"}, {1, 1, "orders.eu", "y"}}});
  holds_for_ever([this] {
    EXPECT_THAT(read("orders"), ElementsAre("1 a 1 x"));
    EXPECT_THAT(read("orders.eu"), ElementsAre("1 ab 1 y"));
  });
}

TEST_P(EngineContract, ManyEventsOfTwoProducersKeepEachProducersOrder) {
  static constexpr domain::Seq kEach = 5000;
  for (domain::Seq first = 1; first <= kEach; first += 100) {
    AppendBatch batch{{{"a", 1, first + 99}, {"b", 1, first + 99}}, {}};
    const std::string envelope(300, 'x');
    for (domain::Seq seq = first; seq < first + 100; ++seq) {
      batch.events.push_back({0, seq, "orders", envelope});
      batch.events.push_back({1, seq, "orders", envelope});
    }
    append(batch);
    if (first == kEach / 2 + 1) subject_->reopen();
  }
  holds_for_ever([this] {
    std::map<std::string, domain::Seq> last;
    Offset expected = 1;
    const domain::Status status = engine().read("orders", 1, [&](const StoredEvent& event) {
      EXPECT_EQ(event.offset, expected++);
      EXPECT_EQ(event.seq, ++last[std::string(event.producer)]);
      return true;
    });
    EXPECT_TRUE(status.ok());
    EXPECT_EQ(last["a"], kEach);
    EXPECT_EQ(last["b"], kEach);
  });
}

INSTANTIATE_TEST_SUITE_P(AllEngines, EngineContract, ::testing::ValuesIn(kSubjects), subject_name);

}  // namespace
}  // namespace outboxd::broker
