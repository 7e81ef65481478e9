#include "client/import/csv_reader.h"

#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace outboxd::order_import {
namespace {

using ::testing::ElementsAre;

// Rows as "line: a|b|c", or "line! problem".
std::vector<std::string> rows_of(const std::string& text, std::size_t max_row_bytes = 1024) {
  std::istringstream in(text);
  CsvReader reader(in, max_row_bytes);
  std::vector<std::string> rows;
  while (const auto row = reader.next()) {
    std::string shown = std::to_string(row->line);
    shown += row->problem.empty() ? ":" : "! " + row->problem;
    for (const std::string& field : row->fields) shown += "|" + field;
    rows.push_back(shown);
  }
  EXPECT_EQ(reader.bytes_read(), text.size());
  return rows;
}

TEST(CsvReader, FieldsAreSeparatedByCommasAndRowsByLineBreaks) {
  EXPECT_THAT(rows_of("a,b,c\n1,,3\n"), ElementsAre("1:|a|b|c", "2:|1||3"));
  EXPECT_THAT(rows_of("a,b\r\nc,d"), ElementsAre("1:|a|b", "2:|c|d"))
      << "CRLF, and none at the end";
  EXPECT_THAT(rows_of(""), ElementsAre());
  EXPECT_THAT(rows_of(",\n"), ElementsAre("1:||"));
}

TEST(CsvReader, AQuotedFieldMayHoldCommasQuotesAndLineBreaks) {
  EXPECT_THAT(rows_of("\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\nnext,\"\"\n"),
              ElementsAre("1:|a,b|say \"hi\"|two\nlines", "3:|next|"));
  EXPECT_THAT(rows_of("\"a\r\nb\"\r\n"), ElementsAre("1:|a\r\nb"));
}

TEST(CsvReader, AQuoteInsideAnUnquotedFieldIsAnOrdinaryCharacter) {
  EXPECT_THAT(rows_of("12\" RULER,5\n"), ElementsAre("1:|12\" RULER|5"));
}

TEST(CsvReader, ByteOrderMarkAndBlankLinesAreSkipped) {
  EXPECT_THAT(rows_of("\xEF\xBB\xBF"
                      "a,b\n\n\r\nc,d\n\n"),
              ElementsAre("1:|a|b", "4:|c|d"));
}

TEST(CsvReader, TextAfterAClosingQuoteSpoilsItsLineOnly) {
  EXPECT_THAT(rows_of("\"a\"b,c\nd,e\n"), ElementsAre("1! text after a closing quote", "2:|d|e"));
}

TEST(CsvReader, AQuoteThatIsNeverClosedIsReportedAtTheEnd) {
  EXPECT_THAT(rows_of("a,b\nc,\"d\ne\n"), ElementsAre("1:|a|b", "2! a quote is not closed"));
}

TEST(CsvReader, AQuoteThatIsNotClosedReachesNoFurtherThanTheRowsBound) {
  EXPECT_THAT(rows_of("\"a\n" + std::string(20, 'x') + "\nb,c\n", 16),
              ElementsAre("1! longer than 16 bytes", "3:|b|c"));
}

TEST(CsvReader, AHugeLineIsReportedAndTheNextOneIsRead) {
  EXPECT_THAT(rows_of("a,b\n" + std::string(5'000'000, 'x') + "\nc,d\n"),
              ElementsAre("1:|a|b", "2! longer than 1024 bytes", "3:|c|d"));
}

TEST(CsvReader, AnyBytesAreFieldsAndNothingIsLostAfterThem) {
  const std::string bytes("\x00\xFF\xFE\r,", 5);
  EXPECT_THAT(rows_of(bytes + "\nz\n"),
              ElementsAre("1:|" + std::string("\x00\xFF\xFE\r", 4) + "|", "2:|z"));
}

}  // namespace
}  // namespace outboxd::order_import
