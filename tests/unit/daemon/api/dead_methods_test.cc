#include "daemon/api/dead_methods.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "daemon/services/order_service.h"
#include "tests/unit/daemon/api/served_methods.h"
#include "tests/unit/daemon/services/service_stage.h"
#include "transport/msgpack/envelope.h"

namespace outboxd::daemon {
namespace {

using client::Failure;
using client::Json;
using domain::Seq;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr domain::TimestampMs kBuriedAtMs = 1'291'191'960'000;  // 2010-12-01T08:26:00Z

class DeadMethodsTest : public testing::Test, protected ServedMethods {
 protected:
  DeadMethodsTest() {
    add_dead_methods(methods_, {.core = core_,
                                .server = server_,
                                .reader = store_,
                                .backlog = backlog_,
                                .producer = "till-1"});
    start();
  }
  ~DeadMethodsTest() override { stop(); }

  // An event of topic "stock" in the outbox, and then a letter.
  void bury_event(const std::string& key, std::size_t data_bytes = 1) {
    std::string data;
    transport::Writer(data).binary(std::string(data_bytes, 'x'));
    const std::string envelope =
        transport::encode_envelope(
            {.time_ms = 1, .topic = "stock", .key = key, .type = "stock.counted", .data = data})
            .value();
    commit([&](domain::UnitOfWork& work) {
      const Seq seq = work.outbox().append(
          {.seq = 0, .time_ms = 1, .ttl_ms = {}, .topic = "stock", .envelope = envelope});
      return work.outbox().bury(seq, "nobody wants " + key, kBuriedAtMs);
    });
  }

  // An order whose order.created is a letter.
  void bury_order(const std::string& id) {
    commit([&](domain::UnitOfWork& work) -> domain::Status {
      const domain::NewOrder request = {
          .order_id = domain::OrderId::parse(id).value(),
          .customer_id = domain::CustomerId::parse("c-1").value(),
          .payment_method = "pm_ok",
          .currency = domain::Currency::parse("GBP").value(),
          .lines = {{.sku = "71053", .quantity = 1, .unit_price = 339}}};
      OUTBOXD_ASSIGN_OR_RETURN(const OrderOutcome created, orders_.create(request, work));
      return work.outbox().bury(created.seq, "expired", kBuriedAtMs);
    });
  }
  void cancel_order(const std::string& id) {
    commit([&](domain::UnitOfWork& work) -> domain::Status {
      OUTBOXD_TRY(orders_.cancel(domain::OrderId::parse(id).value(), "gone", work));
      return domain::ok_status();
    });
  }

  // The sequence numbers of a page of dead.list.
  static std::vector<Seq> seqs_of(const Json& page) {
    std::vector<Seq> seqs;
    for (const Json& letter : page.at("letters")) seqs.push_back(letter.at("seq").get<Seq>());
    return seqs;
  }
  std::vector<Seq> letters() { return seqs_of(call("dead.list", Json::object())); }
  std::vector<Seq> outbox() const {
    std::vector<Seq> seqs;
    for (const auto& [seq, entry] : contents().outbox) seqs.push_back(seq);
    return seqs;
  }

  OutboxPublisher::Backlog backlog_{.max_entries = 10};  // core thread
  OutboxPublisher publisher_{backlog_};
  SetClock clock_;
  OrderService orders_{publisher_, clock_};
};

TEST_F(DeadMethodsTest, ALetterIsItsEventWithWhenAndWhyItDied) {
  bury_event("tea");
  const Json letter = call("dead.get", {{"seq", 1}});
  EXPECT_EQ(letter.at("seq"), 1);
  EXPECT_EQ(letter.at("died_at"), "2010-12-01T08:26:00.000Z");
  EXPECT_EQ(letter.at("reason"), "nobody wants tea");
  EXPECT_EQ(letter.at("event").at("subject"), "tea");
  EXPECT_EQ(letter.at("event").at("type"), "stock.counted");
  EXPECT_EQ(letter.at("event").at("source"), "/outboxd/till-1");
  const Json page = call("dead.list", Json::object());
  EXPECT_EQ(page.at("letters"), Json::array({letter}));
  EXPECT_TRUE(page.at("next").is_null());
}

TEST_F(DeadMethodsTest, AListGoesOnWhereThePageBeforeEnded) {
  for (const char* key : {"a", "b", "c", "d", "e"}) bury_event(key);
  const Json first = call("dead.list", {{"limit", 2}});
  EXPECT_THAT(seqs_of(first), ElementsAre(1, 2));
  EXPECT_EQ(first.at("next"), 2);
  const Json second = call("dead.list", {{"limit", 2}, {"after", first.at("next")}});
  EXPECT_THAT(seqs_of(second), ElementsAre(3, 4));
  const Json third = call("dead.list", {{"limit", 2}, {"after", second.at("next")}});
  EXPECT_THAT(seqs_of(third), ElementsAre(5));
  EXPECT_TRUE(third.at("next").is_null());
  EXPECT_THAT(seqs_of(call("dead.list", {{"after", 5}})), IsEmpty());
}

TEST_F(DeadMethodsTest, APageOfLargeLettersEndsBeforeItsLimit) {
  for (const char* key : {"a", "b", "c", "d"}) bury_event(key, 200'000);
  const Json first = call("dead.list", {{"limit", 100}});
  EXPECT_THAT(seqs_of(first), ElementsAre(1, 2, 3)) << "closed once it is over 512 KiB";
  EXPECT_THAT(seqs_of(call("dead.list", {{"after", first.at("next")}})), ElementsAre(4));
}

TEST_F(DeadMethodsTest, AReplayedLetterIsTheSameEventUnderANewNumberAndNoLetterAnyMore) {
  bury_event("tea");
  bury_event("milk");
  const std::string envelope = contents().dead.at(1).entry.envelope;
  EXPECT_EQ(call("dead.replay", {{"seq", 1}, {"reason", "now they do"}}),
            Json({{"letter", 1}, {"seq", 3}}));
  EXPECT_EQ(contents().outbox.at(3).envelope, envelope);
  EXPECT_THAT(letters(), ElementsAre(2));

  const Failure again = refusal("dead.replay", {{"seq", 1}});
  EXPECT_EQ(again.code, "not_found");
  EXPECT_EQ(again.argument(), "seq");
  EXPECT_THAT(outbox(), ElementsAre(3)) << "it is not sent twice";
}

TEST_F(DeadMethodsTest, ADiscardedLetterIsGone) {
  bury_event("tea");
  bury_event("milk");
  EXPECT_EQ(call("dead.discard", {{"seq", 2}}), Json({{"letter", 2}}));
  EXPECT_THAT(letters(), ElementsAre(1));
  EXPECT_EQ(refusal("dead.get", {{"seq", 2}}).code, "not_found");
  EXPECT_EQ(refusal("dead.discard", {{"seq", 2}}).code, "not_found");
  EXPECT_EQ(refusal("dead.replay", {{"seq", 2}}).code, "not_found");
  EXPECT_THAT(outbox(), IsEmpty());
}

TEST_F(DeadMethodsTest, AnOrderThatIsStillOpenIsAnnouncedAgain) {
  bury_order("o-1");
  EXPECT_EQ(call("dead.replay", {{"seq", 1}}).at("seq"), 2);
  EXPECT_THAT(outbox(), ElementsAre(2));
}

TEST_F(DeadMethodsTest, AnOrderThatHasEndedIsNotAnnouncedAgain) {
  bury_order("o-1");
  cancel_order("o-1");
  const Failure refused = refusal("dead.replay", {{"seq", 1}});
  EXPECT_EQ(refused.code, "invalid_state");
  EXPECT_THAT(refused.message, HasSubstr("order o-1 is CANCELLED"));
  EXPECT_THAT(letters(), ElementsAre(1)) << "a refusal changes nothing";
  EXPECT_THAT(outbox(), ElementsAre(2)) << "order.cancelled";
  EXPECT_EQ(call("dead.discard", {{"seq", 1}}).at("letter"), 1);
}

TEST_F(DeadMethodsTest, NothingIsReplayedIntoAnOutboxThatIsFull) {
  bury_event("tea");
  on_core([this] { backlog_.entries = backlog_.max_entries; });
  EXPECT_EQ(refusal("dead.replay", {{"seq", 1}}).code, "outbox_full");
  EXPECT_THAT(letters(), ElementsAre(1));
  on_core([this] { backlog_.entries = 0; });
  EXPECT_EQ(call("dead.replay", {{"seq", 1}}).at("seq"), 2);
}

TEST_F(DeadMethodsTest, ArgumentsThatMakeNoSenseAreNamed) {
  bury_event("tea");
  const auto argument = [this](const std::string& method, const Json& arguments) {
    const Failure failure = refusal(method, arguments);
    EXPECT_EQ(failure.code, "bad_request") << method << " " << arguments.dump();
    return failure.argument();
  };
  for (const char* method : {"dead.get", "dead.replay", "dead.discard"}) {
    EXPECT_EQ(argument(method, {{"seq", 0}}), "seq");
    EXPECT_EQ(argument(method, {{"seq", "1"}}), "seq");
    EXPECT_EQ(argument(method, Json::object()), "seq");
    EXPECT_EQ(argument(method, {{"seq", 1}, {"colour", 1}}), "colour");
  }
  EXPECT_EQ(argument("dead.list", {{"limit", 0}}), "limit");
  EXPECT_EQ(argument("dead.list", {{"limit", 1001}}), "limit");
  EXPECT_EQ(argument("dead.list", {{"after", -1}}), "after");
  const std::string too_long(2000, 'x');
  EXPECT_EQ(argument("dead.replay", {{"seq", 1}, {"reason", too_long}}), "reason");
  EXPECT_EQ(argument("dead.discard", {{"seq", 1}, {"reason", too_long}}), "reason");
  EXPECT_THAT(letters(), ElementsAre(1));
}

}  // namespace
}  // namespace outboxd::daemon
