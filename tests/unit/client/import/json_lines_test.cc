#include "client/import/json_lines.h"

#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace outboxd::order_import {
namespace {

Item only_item_of(const std::string& text) {
  std::istringstream in(text);
  JsonLinesSource source(in);
  auto first = source.next();
  OUTBOXD_CHECK(first.ok() && first->has_value());
  OUTBOXD_CHECK(!source.next()->has_value());
  EXPECT_EQ(source.bytes_read(), text.size());
  return std::move(**first);
}

std::string reason_of(const std::string& line) {
  const Item item = only_item_of(line);
  const auto* rejection = std::get_if<Rejection>(&item);
  return rejection == nullptr ? "none" : rejection->reason;
}

TEST(JsonLines, ALineIsTheArgumentMapOfAnOrderCreate) {
  const std::string line = R"({"order_id":"o-1","customer_id":"c","lines":[{"sku":"A"}]})";
  const Item item = only_item_of("\n  \n" + line + "\n");
  const auto& request = std::get<ImportRequest>(item);
  EXPECT_EQ(request.method, "order.create");
  EXPECT_EQ(request.order_id, "o-1");
  EXPECT_EQ(request.arguments.dump(), line) << "what the daemon may refuse is the daemon's to say";
  EXPECT_EQ(request.first_line, 3U) << "blank lines are skipped but counted";
}

TEST(JsonLines, ALineWithCancelIsTheArgumentMapOfAnOrderCancel) {
  const Item item = only_item_of(R"({"cancel":{"order_id":"o-1","reason":"changed mind"}})");
  const auto& request = std::get<ImportRequest>(item);
  EXPECT_EQ(request.method, "order.cancel");
  EXPECT_EQ(request.order_id, "o-1");
  EXPECT_EQ(request.arguments.dump(), R"({"order_id":"o-1","reason":"changed mind"})");
}

TEST(JsonLines, WithoutAnOrderIdALineCouldNotBeImportedTwiceAndIsRejected) {
  EXPECT_EQ(reason_of(R"({"customer_id":"c"})"), "bad_order_id");
  EXPECT_EQ(reason_of(R"({"order_id":7})"), "bad_order_id");
  EXPECT_EQ(reason_of(R"({"order_id":"a b"})"), "bad_order_id");
  EXPECT_EQ(reason_of(R"({"cancel":{}})"), "bad_order_id");
}

TEST(JsonLines, WhatIsNoJsonObjectIsRejected) {
  EXPECT_EQ(reason_of("{"), "malformed_row");
  EXPECT_EQ(reason_of("[1]"), "malformed_row");
  EXPECT_EQ(reason_of("\xFF"), "malformed_row");
  EXPECT_EQ(reason_of(R"({"cancel":1})"), "malformed_row");
  EXPECT_EQ(reason_of(R"({"cancel":{"order_id":"o"},"order_id":"p"})"), "malformed_row");
}

TEST(JsonLines, LinesThatWouldCostTooMuchAreRejectedAndTheNextOneIsRead) {
  std::string keys = "{\"order_id\":\"o\"";
  for (int i = 0; i < 40'000; ++i) keys += ",\"" + std::to_string(i) + "\":1";
  keys += "}";
  const std::string too_much[] = {std::string((1 << 20) + 1, ' '),
                                  R"({"order_id":"o","lines":)" + std::string(500'000, '['),
                                  std::string(500'000, '['), keys};
  for (const std::string& line : too_much) {
    std::istringstream in(line + "\n{\"order_id\":\"next\"}");
    JsonLinesSource source(in);
    EXPECT_EQ(std::get<Rejection>(**source.next()).reason, "malformed_row");
    const auto next = source.next();
    EXPECT_EQ(std::get<ImportRequest>(**next).order_id, "next");
    EXPECT_EQ(std::get<ImportRequest>(**next).first_line, 2U);
  }
}

}  // namespace
}  // namespace outboxd::order_import
