#include "client/ctl/table.h"

#include <sstream>
#include <string>

#include <gtest/gtest.h>

namespace outboxd::ctl {
namespace {

std::string shown(const Table& table) {
  std::ostringstream out;
  table.print(out);
  return out.str();
}

TEST(Table, ColumnsAreAsWideAsTheirWidestCellAndNumbersStandRight) {
  Table table({{"NAME"}, {"COUNT", Align::kRight}, {"NOTE"}});
  table.add({"a", "7", "short"});
  table.add({"a longer one", "12,345", ""});
  EXPECT_EQ(shown(table),
            "NAME           COUNT  NOTE\n"
            "a                  7  short\n"
            "a longer one  12,345\n");
}

TEST(Table, WithoutRowsItsTitlesAreShown) {
  EXPECT_EQ(shown(Table({{"A"}, {"B"}})), "A  B\n");
}

TEST(Table, CharactersOfSeveralBytesTakeOneColumn) {
  Table table({{"NAME"}, {"N"}});
  table.add({"Straße", "1"});
  table.add({"Strasse", "2"});
  EXPECT_EQ(shown(table), "NAME     N\nStraße   1\nStrasse  2\n");
}

TEST(Table, ControlCharactersDoNotReachTheTerminal) {
  Table table({{"NAME"}});
  table.add({"\033[2Jgone\nnext"});
  EXPECT_EQ(shown(table), "NAME\n?[2Jgone?next\n");
}

TEST(Fields, ValuesStandBelowEachOther) {
  std::ostringstream out;
  print_fields(out, {{"producer", "box-1"}, {"epoch", "3"}});
  EXPECT_EQ(out.str(), "producer  box-1\nepoch     3\n");
}

}  // namespace
}  // namespace outboxd::ctl
