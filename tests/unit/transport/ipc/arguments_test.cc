#include "transport/ipc/arguments.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "transport/msgpack/writer.h"

namespace outboxd::transport {
namespace {

class ArgumentsTest : public testing::Test {
 protected:
  // `params` as a request has them: an array around the map that `write` writes.
  Value params(const std::function<void(Writer&)>& write) {
    bytes_.clear();
    Writer writer(bytes_);
    writer.array(1);
    write(writer);
    return decoded();
  }

  Value raw(std::string_view bytes) {
    bytes_ = bytes;
    return decoded();
  }

  Arguments arguments(std::initializer_list<std::string_view> allowed,
                      const std::function<void(Writer&)>& write) {
    auto result = Arguments::of_params(params(write), allowed);
    EXPECT_TRUE(result.ok()) << result.error().message;
    return std::move(result).value();
  }

 private:
  Value decoded() {
    const auto root = document_.decode(bytes_);
    EXPECT_TRUE(root.ok());
    return *root;
  }

  std::string bytes_;
  Document document_;
};

// Checks both parts of an error that names an argument.
template <typename T>
void expect_refusal(const domain::Result<T>& result, const std::string& argument,
                    const std::string& message) {
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, domain::ErrorCode::kBadRequest);
  EXPECT_EQ(result.error().argument, argument);
  EXPECT_EQ(result.error().message, message);
}

TEST_F(ArgumentsTest, ReadsWhatWasGiven) {
  const Arguments given = arguments({"s", "i", "n", "a"}, [](Writer& w) {
    w.map(4).field("s", "text").field("i", std::int64_t{5}).key("n").nil();
    w.key("a").array(2).string("x").string("y");
  });
  EXPECT_EQ(*given.string("s"), "text");
  EXPECT_EQ(*given.optional_string("s"), "text");
  EXPECT_EQ(*given.integer("i"), 5);
  EXPECT_EQ(*given.optional_integer("i"), 5);
  EXPECT_EQ(given.any("a")->size(), 2U);
  EXPECT_EQ(*given.strings("a", 2), (std::vector<std::string_view>{"x", "y"}));
}

TEST_F(ArgumentsTest, CountsNilAsNotGiven) {
  const Arguments given = arguments({"n", "m"}, [](Writer& w) { w.map(1).key("n").nil(); });
  for (const std::string_view name : {"n", "m"}) {
    EXPECT_FALSE(given.optional_string(name)->has_value());
    EXPECT_FALSE(given.optional_integer(name)->has_value());
    EXPECT_TRUE(*given.optional_boolean(name, true));
    EXPECT_FALSE(*given.optional_boolean(name, false));
    EXPECT_TRUE(given.strings(name, 1)->empty());
    EXPECT_TRUE(given.maps(name, false, 1, {})->empty());
  }
}

TEST_F(ArgumentsTest, TakesNoParamsForNoArguments) {
  const auto given = Arguments::of_params(raw("\x90"), {"a"});
  ASSERT_TRUE(given.ok());
  EXPECT_FALSE(given->optional_string("a")->has_value());
}

TEST_F(ArgumentsTest, RefusesParamsThatAreNotOneMap) {
  const std::string why = "params must be [ {named arguments} ] or []";
  expect_refusal(Arguments::of_params(raw("\x80"), {}), "params", why);
  expect_refusal(Arguments::of_params(raw("\x92\x80\x80"), {}), "params", why);
  expect_refusal(Arguments::of_params(raw("\x91\x01"), {}), "params",
                 why + ", and its first entry is an integer");
}

TEST_F(ArgumentsTest, RefusesUnknownArgumentsAndSaysWhichThereAre) {
  const Value value = params([](Writer& w) { w.map(1).field("colour", "red"); });
  expect_refusal(Arguments::of_params(value, {"order_id", "reason"}), "colour",
                 "colour is not known here; possible are order_id, reason");
  expect_refusal(Arguments::of_params(value, {}), "colour",
                 "colour is not known here; it takes no arguments");
}

TEST_F(ArgumentsTest, DoesNotRepeatAKeyThatIsNoName) {
  const Value text = params([](Writer& w) { w.map(1).key(std::string(100'000, '\xFF')).nil(); });
  EXPECT_LT(Arguments::of_params(text, {"a"}).error().message.size(), 100U);
  const Value number = params([](Writer& w) { w.map(1).integer(5).nil(); });
  expect_refusal(Arguments::of_params(number, {"a"}), "a key that is an integer",
                 "a key that is an integer is not known here; possible are a");
}

TEST_F(ArgumentsTest, RefusesAnArgumentThatIsGivenTwice) {
  const Value value = params([](Writer& w) { w.map(2).field("a", "1").field("a", "2"); });
  expect_refusal(Arguments::of_params(value, {"a"}), "a", "a is given twice; give it once");
}

TEST_F(ArgumentsTest, SaysWhatIsMissingAndWhatItMustBe) {
  const Arguments none = arguments({}, [](Writer& w) { w.map(0); });
  expect_refusal(none.string("s"), "s", "s is missing; it must be a string");
  expect_refusal(none.integer("i"), "i", "i is missing; it must be an integer");
  expect_refusal(none.any("v"), "v", "v is missing; it must be given");
  expect_refusal(none.maps("l", true, 9, {}), "l", "l is missing; it must be an array of maps");
}

TEST_F(ArgumentsTest, SaysWhatWasFoundInstead) {
  const Arguments given = arguments({"a"}, [](Writer& w) { w.map(1).key("a").boolean(true); });
  expect_refusal(given.string("a"), "a", "a must be a string, not a boolean");
  expect_refusal(given.optional_string("a"), "a", "a must be a string, not a boolean");
  expect_refusal(given.integer("a", {1, 9}), "a",
                 "a must be an integer from 1 to 9, not a boolean");
  expect_refusal(given.optional_integer("a"), "a", "a must be an integer, not a boolean");
  expect_refusal(given.maps("a", false, 9, {}), "a", "a must be an array of maps, not a boolean");
  expect_refusal(given.strings("a", 9), "a", "a must be an array of strings, not a boolean");
}

TEST_F(ArgumentsTest, TakesBooleansAndNothingElseForThem) {
  const Arguments given = arguments(
      {"yes", "one"}, [](Writer& w) { w.map(2).field("yes", true).field("one", std::int64_t{1}); });
  EXPECT_TRUE(*given.optional_boolean("yes", false));
  expect_refusal(given.optional_boolean("one", false), "one",
                 "one must be true or false, not an integer");
}

TEST_F(ArgumentsTest, TakesIntegersAtTheEndsOfTheirRangeAndNotBeyond) {
  const auto with = [&](std::int64_t value) {
    return arguments({"q"}, [value](Writer& w) { w.map(1).field("q", value); });
  };
  EXPECT_EQ(*with(1).integer("q", {1, 100}), 1);
  EXPECT_EQ(*with(100).integer("q", {1, 100}), 100);
  expect_refusal(with(0).integer("q", {1, 100}), "q", "q must be an integer from 1 to 100, not 0");
  expect_refusal(with(101).integer("q", {1, 100}), "q",
                 "q must be an integer from 1 to 100, not 101");
  expect_refusal(with(-1).integer("q", {.min = 0}), "q",
                 "q must be an integer of at least 0, not -1");
  expect_refusal(with(8).integer("q", {.max = 7}), "q", "q must be an integer of at most 7, not 8");
}

TEST_F(ArgumentsTest, RefusesIntegersBeyondSixtyThreeBitsAndFractions) {
  const Arguments huge = arguments(
      {"q"}, [](Writer& w) { w.map(1).field("q", std::uint64_t{18'446'744'073'709'551'615U}); });
  expect_refusal(huge.integer("q"), "q",
                 "q must be an integer of at most 9223372036854775807, not 18446744073709551615");
  const Arguments fraction = arguments({"q"}, [](Writer& w) { w.map(1).key("q").floating(1.0); });
  expect_refusal(fraction.integer("q"), "q", "q must be an integer, not a float");
}

TEST_F(ArgumentsTest, NamesThePlaceInsideOfLists) {
  const Arguments given = arguments({"lines"}, [](Writer& w) {
    w.map(1).key("lines").array(2);
    w.map(1).field("quantity", std::int64_t{1});
    w.map(1).field("quantity", "two");
  });
  const auto lines = given.maps("lines", true, 2, {"quantity"});
  ASSERT_TRUE(lines.ok());
  EXPECT_EQ(*lines->at(0).integer("quantity"), 1);
  EXPECT_EQ(lines->at(1).path_of("quantity"), "lines[1].quantity");
  expect_refusal(lines->at(1).integer("quantity"), "lines[1].quantity",
                 "lines[1].quantity must be an integer, not a string");
}

TEST_F(ArgumentsTest, TakesListsOfNumbers) {
  const Arguments given = arguments({"tags", "mixed", "nothing"}, [](Writer& w) {
    w.map(2).key("tags").array(2).unsigned_integer(7).unsigned_integer(~std::uint64_t{0});
    w.key("mixed").array(2).integer(1).integer(-1);
  });
  EXPECT_EQ(*given.unsigned_integers("tags", 2),
            (std::vector<std::uint64_t>{7, ~std::uint64_t{0}}));
  EXPECT_TRUE(given.unsigned_integers("nothing", 2)->empty());
  expect_refusal(given.unsigned_integers("mixed", 2), "mixed[1]",
                 "mixed[1] must be an integer of at least 0, not an integer");
  expect_refusal(given.unsigned_integers("tags", 1), "tags", "tags may have 1 entries, not 2");
}

TEST_F(ArgumentsTest, ChecksEveryEntryOfAList) {
  const Arguments given = arguments({"maps", "strings"}, [](Writer& w) {
    w.map(2).key("maps").array(2).map(0).map(1).field("colour", "red");
    w.key("strings").array(2).string("x").integer(1);
  });
  expect_refusal(given.maps("maps", true, 2, {"sku"}), "maps[1].colour",
                 "maps[1].colour is not known here; possible are sku");
  expect_refusal(given.strings("strings", 2), "strings[1]",
                 "strings[1] must be a string, not an integer");
  expect_refusal(given.maps("maps", true, 1, {}), "maps", "maps may have 1 entries, not 2");
  expect_refusal(given.strings("strings", 1), "strings", "strings may have 1 entries, not 2");
  expect_refusal(given.maps("strings", true, 2, {}), "strings[0]",
                 "strings[0] must be a map, not a string");
}

}  // namespace
}  // namespace outboxd::transport
