#include "client/import/online_retail.h"

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "domain/order.h"
#include "tests/support/paths.h"

namespace outboxd::order_import {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kHeader =
    "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

struct Read {
  std::vector<ImportRequest> requests;
  std::vector<Rejection> rejections;
  domain::Status status = domain::ok_status();

  // "line reason" of each rejection.
  [[nodiscard]] std::vector<std::string> reasons() const {
    std::vector<std::string> all;
    for (const Rejection& rejection : rejections) {
      all.push_back(std::to_string(rejection.line) + " " + rejection.reason);
    }
    return all;
  }
};

Read read(std::istream& in, const std::vector<std::string>& methods = {"pm_ok"}) {
  OnlineRetailSource source(
      in, {.currency = domain::Currency::parse("GBP").value(), .payment_methods = methods});
  Read all;
  while (true) {
    auto item = source.next();
    if (!item) {
      all.status = item.error();
      return all;
    }
    if (!item->has_value()) return all;
    if (auto* request = std::get_if<ImportRequest>(&**item)) {
      all.requests.push_back(std::move(*request));
    } else {
      all.rejections.push_back(std::get<Rejection>(**item));
    }
  }
}

Read read_rows(const std::string& rows) {
  std::istringstream in(kHeader + rows);
  return read(in);
}

TEST(OnlineRetail, RowsOfOneInvoiceAreTheLinesOfOneOrder) {
  const Read all = read_rows(
      "536365,85123A,WHITE HANGING HEART,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom\n"
      "536365,71053,,1,2010-12-01 08:26:00,3.39,17850.0,United Kingdom\n"
      "536366,22633,HAND WARMER,6,2010-12-01 08:28:00,1.85,17850.0,United Kingdom\n");
  EXPECT_THAT(all.rejections, IsEmpty());
  ASSERT_EQ(all.requests.size(), 2U);
  EXPECT_EQ(all.requests[0].method, "order.create");
  EXPECT_EQ(all.requests[0].order_id, "536365");
  EXPECT_EQ(all.requests[0].first_line, 2U);
  EXPECT_EQ(all.requests[0].rows, 2U);
  EXPECT_EQ(all.requests[0].arguments.dump(),
            R"({"order_id":"536365","customer_id":"17850","payment_method":"pm_ok",)"
            R"("currency":"GBP","lines":[)"
            R"({"sku":"85123A","quantity":6,"unit_price":255,"description":"WHITE HANGING HEART"},)"
            R"({"sku":"71053","quantity":1,"unit_price":339}]})");
  EXPECT_EQ(all.requests[1].order_id, "536366");
}

// The values are part of the format: another hash would make a repeated import ask for other
// payments, which the daemon refuses (id_conflict).
TEST(OnlineRetail, TheInvoiceNumberAloneDecidesWhichOfSeveralPaymentMethodsAnOrderHas) {
  std::istringstream in(kHeader +
                        "536365,A,x,1,d,1.00,1.0,UK\n536366,A,x,1,d,1.00,2.0,UK\n"
                        "536367,A,x,9,d,3.00,3.0,UK\n536368,A,x,1,d,1.00,4.0,UK\n");
  const Read all = read(in, {"pm_ok", "pm_decline", "pm_flaky_2"});
  std::vector<std::string> methods;
  for (const auto& request : all.requests) {
    methods.push_back(request.arguments["payment_method"].get<std::string>());
  }
  EXPECT_THAT(methods, ElementsAre("pm_ok", "pm_decline", "pm_flaky_2", "pm_flaky_2"));
}

TEST(OnlineRetail, ColumnsAreFoundByTheirNamesInAnyOrder) {
  std::istringstream in(
      "Country,CustomerID,UnitPrice,Quantity,Description,StockCode,InvoiceNo\n"
      "UK,1.0,1.50,2,CUP,A1,7\n");
  const Read all = read(in);
  ASSERT_EQ(all.requests.size(), 1U);
  EXPECT_EQ(all.requests[0].arguments["lines"][0]["unit_price"], 150);
}

TEST(OnlineRetail, AFileWithoutItsColumnsIsRefusedAndTheMissingOneNamed) {
  std::istringstream in("InvoiceNo,StockCode,Description,Quantity,CustomerID\n1,2,3,4,5\n");
  const Read all = read(in);
  ASSERT_FALSE(all.status.ok());
  EXPECT_THAT(all.status.error().message, HasSubstr("UnitPrice"));
  std::istringstream empty("");
  EXPECT_FALSE(read(empty).status.ok());
}

TEST(OnlineRetail, AGuestIsACustomerOfHisOwnForEachInvoice) {
  const Read all = read_rows("7,A,x,1,d,1.00,,UK\n8,A,x,1,d,1.00,,UK\n");
  ASSERT_EQ(all.requests.size(), 2U);
  EXPECT_EQ(all.requests[0].arguments["customer_id"], "guest:7");
  EXPECT_EQ(all.requests[1].arguments["customer_id"], "guest:8");
}

TEST(OnlineRetail, ACancellationCancelsTheOrderOfItsNumberOnceForAllItsRows) {
  const Read all = read_rows("C536379,D,Discount,-1,d,27.50,14527.0,UK\nC536379,M,x,-2,d,1,1,UK\n");
  EXPECT_THAT(all.rejections, IsEmpty());
  ASSERT_EQ(all.requests.size(), 1U);
  EXPECT_EQ(all.requests[0].method, "order.cancel");
  EXPECT_EQ(all.requests[0].order_id, "536379");
  EXPECT_EQ(all.requests[0].rows, 2U);
  EXPECT_EQ(all.requests[0].arguments.dump(),
            R"({"order_id":"536379","reason":"invoice C536379"})");
}

struct DirtyRow {
  const char* reason;
  std::string row;
};

class OnlineRetailDirtyRow : public ::testing::TestWithParam<DirtyRow> {};

TEST_P(OnlineRetailDirtyRow, IsReportedAndTheRestOfItsInvoiceSells) {
  const Read all =
      read_rows("7,A,x,1,d,1.00,5.0,UK\n" + GetParam().row + "\n7,B,x,1,d,1.00,5.0,UK\n");
  EXPECT_THAT(all.reasons(), ElementsAre(std::string("3 ") + GetParam().reason));
  ASSERT_EQ(all.requests.size(), 1U);
  EXPECT_EQ(all.requests[0].arguments["lines"].size(), 2U);
  EXPECT_EQ(all.requests[0].rows, 2U);
}

INSTANTIATE_TEST_SUITE_P(
    Each, OnlineRetailDirtyRow,
    ::testing::Values(DirtyRow{"zero_price", "7,A,x,1,d,0.0,5.0,UK"},
                      DirtyRow{"negative_price", "7,A,x,1,d,-1.50,5.0,UK"},
                      DirtyRow{"bad_price", "7,A,x,1,d,1.505,5.0,UK"},
                      DirtyRow{"negative_quantity", "7,A,x,-10,d,1.00,5.0,UK"},
                      DirtyRow{"bad_quantity", "7,A,x,1.5,d,1.00,5.0,UK"},
                      DirtyRow{"bad_stock_code", "7,,x,1,d,1.00,5.0,UK"},
                      DirtyRow{"bad_description", "7,A," + std::string(257, 'x') + ",1,d,1,5,UK"},
                      DirtyRow{"bad_customer", "7,A,x,1,d,1.00,6.0,UK"},
                      DirtyRow{"total_too_large", "7,A,x,9000000000000000,d,1000,5.0,UK"},
                      DirtyRow{"not_utf8", "7,A,CAF\xC9,1,d,1.00,5.0,UK"},
                      DirtyRow{"malformed_row", "7,A,x,1,d,1.00,5.0"}),
    [](const auto& param) { return std::string(param.param.reason); });

TEST(OnlineRetail, AnInvoiceNumberOfAnotherKindIsNoSale) {
  const Read all = read_rows("A563185,B,Adjust bad debt,1,d,11062.06,,UK\n,A,x,1,d,1,1,UK\n");
  EXPECT_THAT(all.requests, IsEmpty());
  EXPECT_THAT(all.reasons(), ElementsAre("2 not_a_sale", "3 not_a_sale"));
}

TEST(OnlineRetail, AnOrderWhoseRowsWereAllRejectedIsReportedItself) {
  const Read all = read_rows("7,A,x,1,d,0,5.0,UK\n7,B,x,-1,d,1,5.0,UK\n");
  EXPECT_THAT(all.requests, IsEmpty());
  EXPECT_THAT(all.reasons(),
              ElementsAre("2 zero_price", "3 negative_quantity", "2 nothing_to_sell"));
  EXPECT_EQ(all.rejections.back().rows, 0U) << "its rows are counted already";
}

TEST(OnlineRetail, AnInvoiceWithMoreLinesThanAnOrderHoldsKeepsTheFirst) {
  std::string rows;
  for (std::size_t i = 0; i <= domain::kMaxOrderLines; ++i) rows += "7,A,x,1,d,1,5.0,UK\n";
  const Read all = read_rows(rows);
  EXPECT_THAT(all.reasons(), ElementsAre("2002 too_many_lines"));
  EXPECT_EQ(all.requests.at(0).arguments["lines"].size(), domain::kMaxOrderLines);
}

// The figures of docs/import.md, counted there by other means.
TEST(OnlineRetail, ARealDayIsReadAsDocumented) {
  std::ifstream in(support::source_dir() + "/docs/examples/online-retail/2010-12-01.csv");
  ASSERT_TRUE(in.is_open());
  const Read all = read(in);
  ASSERT_TRUE(all.status.ok());
  std::map<std::string, std::uint64_t> requests;
  std::uint64_t lines = 0;
  std::int64_t total = 0;
  std::uint64_t rows = 0;
  for (const ImportRequest& request : all.requests) {
    ++requests[request.method];
    rows += request.rows;
    if (request.method != "order.create") continue;
    for (const Json& line : request.arguments["lines"]) {
      ++lines;
      total += line["quantity"].get<std::int64_t>() * line["unit_price"].get<std::int64_t>();
    }
  }
  std::map<std::string, std::uint64_t> reasons;
  for (const Rejection& rejection : all.rejections) {
    ++reasons[rejection.reason];
    rows += rejection.rows;
  }
  EXPECT_THAT(requests, ElementsAre(std::pair{"order.cancel", 6}, std::pair{"order.create", 127}));
  EXPECT_EQ(lines, 3072U);
  EXPECT_EQ(total, 5'896'079);
  EXPECT_EQ(rows, 3108U) << "no row is lost or counted twice";
  EXPECT_THAT(reasons, ElementsAre(std::pair{"negative_quantity", 1},
                                   std::pair{"nothing_to_sell", 10}, std::pair{"zero_price", 9}));
}

}  // namespace
}  // namespace outboxd::order_import
