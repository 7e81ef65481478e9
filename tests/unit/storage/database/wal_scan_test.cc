#include "storage/database/wal_scan.h"

#include <vector>

#include <gmock/gmock.h>

namespace outboxd::storage {
namespace {

using testing::ElementsAre;

const std::string kMark =
    "\x03\x10"
    "0123456789abcdef";

// A batch of one operation with `payload` bytes behind its header and `mark`.
std::string make_batch(std::uint64_t sequence, std::size_t payload, std::uint32_t count = 1,
                       const std::string& mark = "") {
  std::string batch;
  for (int i = 0; i < 8; ++i) batch.push_back(static_cast<char>(sequence >> (8 * i)));
  for (int i = 0; i < 4; ++i) batch.push_back(static_cast<char>(count >> (8 * i)));
  batch += mark;
  for (std::size_t i = 0; i < payload; ++i) batch.push_back(static_cast<char>('a' + i % 26));
  return batch;
}

// A log of records with sequence numbers 1, 2, 3 …, and where each begins.
struct Log {
  std::string bytes;
  std::vector<std::size_t> offsets;

  explicit Log(const std::vector<std::size_t>& payloads, const std::string& mark = "") {
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      offsets.push_back(bytes.size());
      append_wal_record(bytes, make_batch(i + 1, payloads[i], 1, mark));
    }
  }
};

struct Scanned {
  std::vector<std::uint64_t> sequences;
  std::vector<std::uint64_t> after_damage;  // of these, the first behind some damage
  std::optional<std::uint64_t> trailing_damage;
  std::optional<std::uint64_t> stale_record;
};

Scanned scan(std::string_view bytes, const WalContext& context = {}) {
  Scanned scanned;
  WalScanner scanner(bytes, context);
  while (const auto record = scanner.next()) {
    scanned.sequences.push_back(record->sequence);
    if (record->after_damage) scanned.after_damage.push_back(record->sequence);
  }
  scanned.trailing_damage = scanner.trailing_damage();
  scanned.stale_record = scanner.stale_record();
  return scanned;
}

TEST(WalScan, YieldsEveryRecordOfAnIntactLogWhateverItsSize) {
  const Log log({100, 0, 32768 - 7 - 12, 40000, 200000, 32741, 5});
  WalScanner scanner(log.bytes);
  std::size_t index = 0;
  while (const auto record = scanner.next()) {
    EXPECT_EQ(record->sequence, index + 1);
    EXPECT_EQ(record->count, 1U);
    EXPECT_FALSE(record->after_damage);
    ++index;
  }
  EXPECT_EQ(index, 7U);
  EXPECT_EQ(scanner.trailing_damage(), std::nullopt);
}

TEST(WalScan, ReassemblesALongRecordByteForByte) {
  std::string bytes;
  append_wal_record(bytes, make_batch(1, 10));
  const std::string batch = make_batch(2, 100000);
  append_wal_record(bytes, batch);
  WalScanner scanner(bytes);
  ASSERT_TRUE(scanner.next());
  const auto record = scanner.next();
  ASSERT_TRUE(record);
  EXPECT_EQ(record->batch, batch);
  EXPECT_EQ(record->end, bytes.size());
}

TEST(WalScan, AnEmptyLogIsIntact) {
  EXPECT_EQ(scan("").trailing_damage, std::nullopt);
}

TEST(WalScan, ATailOfZerosIsTheEndAndNoDamage) {
  const Log log({100, 50000});
  for (const std::size_t zeros : {1UL, 6UL, 7UL, 4096UL, 100000UL}) {
    const Scanned scanned = scan(log.bytes + std::string(zeros, '\0'));
    EXPECT_THAT(scanned.sequences, ElementsAre(1, 2));
    EXPECT_EQ(scanned.trailing_damage, std::nullopt) << zeros;
  }
}

TEST(WalScan, ARecordThatEndsInZerosIsWhole) {
  std::string bytes;
  std::string batch = make_batch(1, 10);
  batch.append(5000, '\0');
  append_wal_record(bytes, batch);
  for (const std::string& tail : {std::string(), std::string(4096, '\0')}) {
    const Scanned scanned = scan(bytes + tail);
    EXPECT_THAT(scanned.sequences, ElementsAre(1));
    EXPECT_EQ(scanned.trailing_damage, std::nullopt);
  }
}

TEST(WalScan, ACutAnywhereInTheLastRecordIsTrailingDamageAtItsBeginning) {
  const Log log({100, 70000});
  for (std::size_t size = log.offsets[1] + 1; size < log.bytes.size(); size += 991) {
    const Scanned scanned = scan(std::string_view(log.bytes).substr(0, size));
    EXPECT_THAT(scanned.sequences, ElementsAre(1));
    EXPECT_EQ(scanned.trailing_damage, log.offsets[1]) << size;
  }
}

TEST(WalScan, AZeroedPageInTheLastRecordIsTrailingDamage) {
  const Log log({100, 70000});
  for (std::size_t page = 4096; page + 4096 < log.bytes.size(); page += 4096) {
    std::string bytes = log.bytes;
    bytes.replace(page, 4096, 4096, '\0');
    const Scanned scanned = scan(bytes);
    EXPECT_THAT(scanned.sequences, ElementsAre(1));
    EXPECT_EQ(scanned.trailing_damage, log.offsets[1]) << page;
  }
}

TEST(WalScan, GarbageBehindTheLastRecordIsTrailingDamage) {
  const Log log({100, 200});
  std::string bytes = log.bytes;
  for (int i = 0; i < 50000; ++i) bytes.push_back(static_cast<char>(i * 7 % 251 + 1));
  const Scanned scanned = scan(bytes);
  EXPECT_THAT(scanned.sequences, ElementsAre(1, 2));
  EXPECT_EQ(scanned.trailing_damage, log.bytes.size());
}

TEST(WalScan, AFlippedBitCostsItsRecordAndNoOther) {
  const Log log({300, 300, 300, 300}, kMark);
  for (std::size_t at = log.offsets[1]; at < log.offsets[2]; ++at) {
    std::string bytes = log.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    const Scanned scanned = scan(bytes, {.mark = kMark});
    EXPECT_THAT(scanned.sequences, ElementsAre(1, 3, 4)) << at;
    EXPECT_THAT(scanned.after_damage, ElementsAre(3)) << at;
    EXPECT_EQ(scanned.trailing_damage, std::nullopt);
  }
}

// An earlier release wrote no marks: there the length of a broken record leads to the next one.
TEST(WalScan, AFlippedBitInAPayloadCostsOnlyItsRecordInALogWithoutMarks) {
  const Log log({300, 300, 300, 300});
  for (const std::string& mark : {std::string(), kMark}) {
    for (std::size_t at = log.offsets[1] + 7; at < log.offsets[2]; ++at) {
      std::string bytes = log.bytes;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
      EXPECT_THAT(scan(bytes, {.mark = mark}).sequences, ElementsAre(1, 3, 4)) << at;
    }
  }
}

TEST(WalScan, AFlippedBitInALongRecordCostsOnlyThat) {
  const Log log({300, 100000, 300}, kMark);
  for (std::size_t at = log.offsets[1]; at < log.offsets[2]; at += 1013) {
    std::string bytes = log.bytes;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x01);
    const Scanned scanned = scan(bytes, {.mark = kMark});
    EXPECT_THAT(scanned.sequences, ElementsAre(1, 3)) << at;
    EXPECT_THAT(scanned.after_damage, ElementsAre(3)) << at;
  }
}

TEST(WalScan, AZeroedPageBetweenRecordsIsDamage) {
  const Log log(std::vector<std::size_t>(60, 300), kMark);
  std::string bytes = log.bytes;
  bytes.replace(4096, 4096, 4096, '\0');
  const Scanned scanned = scan(bytes, {.mark = kMark});
  EXPECT_EQ(scanned.after_damage.size(), 1U);
  EXPECT_EQ(scanned.sequences.back(), 60U);
}

TEST(WalScan, RecordsThatAreMissingAltogetherAreDamage) {
  std::string bytes;
  append_wal_record(bytes, make_batch(1, 100));
  append_wal_record(bytes, make_batch(5, 100));
  EXPECT_THAT(scan(bytes).after_damage, ElementsAre(5));
}

TEST(WalScan, AZeroedPageBetweenRecordsWithoutMarksIsDamageWhenABlockFollows) {
  const Log log(std::vector<std::size_t>(200, 300));
  std::string bytes = log.bytes;
  bytes.replace(4096, 4096, 4096, '\0');
  const Scanned scanned = scan(bytes);
  ASSERT_EQ(scanned.after_damage.size(), 1U);
  EXPECT_GT(log.offsets[scanned.after_damage[0] - 1], kWalBlockBytes) << "the first of a block";
  EXPECT_EQ(scanned.sequences.back(), 200U);
}

// Where a record begins just before the border of a block, its mark is behind it.
TEST(WalScan, AMarkedRecordIsFoundWhereverInABlockItBegins) {
  for (std::size_t left = 7; left < 60; ++left) {
    const std::size_t first = 7 + 12 + kMark.size();  // bytes of a record without payload
    const Log log({100, kWalBlockBytes - left - (first + 100) - first, 5000, 100}, kMark);
    ASSERT_EQ(log.offsets[2], kWalBlockBytes - left);
    std::string bytes = log.bytes;
    bytes.replace(log.offsets[1], 1000, 1000, '\0');
    const Scanned scanned = scan(bytes, {.mark = kMark});
    EXPECT_THAT(scanned.sequences, ElementsAre(1, 3, 4)) << left;
  }
}

// What a client may put into the payload of a record, so that it is found when the record is torn.
std::string forged_records(std::uint64_t sequence, const std::string& mark = "") {
  std::string forged;
  for (std::uint64_t i = 0; i < 800; ++i) {
    forged.append(5, '\0');
    std::string fragment;
    append_wal_record(fragment, make_batch(sequence + i, 20, 1, mark));
    forged += fragment;
  }
  return forged;
}

TEST(WalScan, G10BytesOfAClientInATornRecordAreNeverARecord) {
  for (const std::string& mark : {std::string(), kMark}) {
    Log log({100, 100}, mark);
    std::string batch = make_batch(3, 10, 1, mark);
    batch += forged_records(4) + forged_records(4,
                                                "\x03\x10"
                                                "fedcba9876543210");
    const std::size_t begin = log.bytes.size();
    append_wal_record(log.bytes, batch);
    for (const std::size_t torn : {7UL, 100UL, 4096UL, 40'000UL}) {
      std::string bytes = log.bytes;
      bytes.replace(begin, torn, torn, '\0');
      const Scanned scanned = scan(bytes, {.mark = mark});
      EXPECT_THAT(scanned.sequences, ElementsAre(1, 2)) << torn;
      EXPECT_EQ(scanned.trailing_damage, begin) << torn;
    }
    // However much of the header a page border cuts off.
    for (std::size_t lost = 1; lost < 7; ++lost) {
      std::string front = log.bytes;
      front.replace(begin, lost, lost, '\0');
      EXPECT_THAT(scan(front, {.mark = mark}).sequences, ElementsAre(1, 2)) << lost;
      std::string back = log.bytes;
      back.replace(begin + 7 - lost, lost, lost, '\0');
      EXPECT_THAT(scan(back, {.mark = mark}).sequences, ElementsAre(1, 2)) << lost;
    }
  }
}

TEST(WalScan, G10ARecordOfAnEarlierTimeIsDamageAndNotYielded) {
  std::string bytes;
  append_wal_record(bytes, make_batch(10, 100));
  const std::size_t stale = bytes.size();
  append_wal_record(bytes, make_batch(7, 100));
  append_wal_record(bytes, make_batch(11, 100));
  const Scanned scanned = scan(bytes);
  EXPECT_THAT(scanned.sequences, ElementsAre(10, 11));
  EXPECT_EQ(scanned.stale_record, stale);

  const Scanned later = scan(bytes, {.next_sequence = 12});
  EXPECT_THAT(later.sequences, ElementsAre());
  EXPECT_EQ(later.stale_record, 0U);
}

TEST(WalScan, NumbersGoOnFromTheFileBefore) {
  std::string bytes;
  append_wal_record(bytes, make_batch(8, 0, 0));  // RocksDB's own, which says nothing
  append_wal_record(bytes, make_batch(9, 100));
  WalScanner whole(bytes, WalContext{.next_sequence = 9});
  ASSERT_TRUE(whole.next());
  EXPECT_EQ(whole.next()->missing, 0U);
  EXPECT_EQ(whole.next_sequence(), 10U);
  WalScanner short_of(bytes, WalContext{.next_sequence = 5});
  ASSERT_TRUE(short_of.next());
  EXPECT_EQ(short_of.next()->missing, 4U);
}

}  // namespace
}  // namespace outboxd::storage
