// Windows that were left out, moved or put in. Each test changes one thing in a consistent record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "changed.h"

namespace ergon::record {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(VerifyRounds, FindsNothingInARecordOfSeveralLaunches) {
  Document document = make_document();
  add_launch(document, 9);
  EXPECT_THAT(findings(document), IsEmpty());
}

TEST(VerifyRounds, FindsNothingInARunThatWasCutOffInTheMiddleOfARound) {
  Document document = make_document();
  document.run.complete = false;
  document.run.finished_utc = Absent{"it was interrupted"};
  const int last = samples(document).back().round;
  std::erase_if(samples(document),
                [&](const TimeSample& s) { return s.round == last && s.position > 0; });
  for (Row& row : document.rows)
    std::erase_if(row.samples,
                  [&](const TimeSample& s) { return s.round == last && s.position > 0; });
  settle(document);
  set_ceilings(document);
  EXPECT_THAT(findings(document), IsEmpty());
}

TEST(VerifyRounds, ExpectsNoWindowsOfARowInAnotherBlockThatWasCutOff) {
  Document document = make_document();
  document.run.complete = false;
  document.run.finished_utc = Absent{"it was interrupted"};
  Row other = document.rows[fast_row];
  other.case_name = "gemm/m=8,n=32,k=16";
  other.workload[0].second = std::int64_t{8};
  other.block = 1;
  other.energy = Absent{"not measured"};
  other.extra_meters.clear();
  other.samples.resize(2);
  const int last = document.rows[peak_row].samples.back().round;
  for (int i = 0; i < 2; ++i) {
    TimeSample& sample = other.samples[static_cast<std::size_t>(i)];
    sample.round = last + 1 + i;
    sample.position = 0;
    sample.start_seconds = 100 + i;
  }
  document.rows.push_back(other);
  document.rows.back().status.clear();
  settle(document);
  set_ceilings(document);
  EXPECT_THAT(findings(document), IsEmpty());
}

TEST(VerifyRounds, ExcusesThePlaceOfARowThatFailedWhileTimed) {
  Document document = make_document();
  Row& row = document.rows[slow_row];
  row.status = "failed";
  row.reason = "while timed: no";
  row.accuracy = Absent{"not verified"};
  const int last = row.samples[4].round;
  std::erase_if(row.samples, [&](const TimeSample& s) { return s.round > last; });
  // It still held a position in the round in which it failed; afterwards the others close ranks.
  for (std::size_t r : {fast_row, peak_row, read_row})
    for (TimeSample& sample : document.rows[r].samples) {
      if (sample.round <= last + 1) continue;
      const int lost = (4 + 1 - sample.round % 4) % 4;  // the place of slow_row, rotated
      if (sample.position > lost) --sample.position;
    }
  settle(document);
  set_ceilings(document);
  EXPECT_THAT(findings(document), IsEmpty());
}

TEST(VerifyRounds, FindsADeletedSampleWhereverItStood) {
  const Document good = make_document();
  for (const std::size_t row : {fast_row, slow_row, peak_row, read_row})
    for (std::size_t i = 0; i + 1 < good.rows[row].samples.size(); ++i)
      EXPECT_THAT(after_settled([&](Document& d) {
                    auto& s = samples(d, row);
                    s.erase(s.begin() + static_cast<std::ptrdiff_t>(i));
                  }),
                  Not(IsEmpty()))
          << "row " << row << " sample " << i;
}

TEST(VerifyRounds, FindsAMovedSample) {
  EXPECT_THAT(
      after_settled([](Document& d) { std::swap(samples(d)[2].position, samples(d)[3].position); }),
      Not(IsEmpty()));
  EXPECT_THAT(after_settled([](Document& d) { ++samples(d)[2].round; }), Not(IsEmpty()));
}

TEST(VerifyRounds, FindsADeletedRow) {
  EXPECT_THAT(after_settled([](Document& d) { d.rows[slow_row].samples.clear(); }),
              Contains(HasSubstr("no window has position 0 of round 9")));
}

TEST(VerifyRounds, FindsADeletedRound) {
  EXPECT_THAT(after_settled([](Document& d) {
                for (Row& row : d.rows)
                  std::erase_if(row.samples, [](const TimeSample& s) { return s.round == 9; });
              }),
              Contains(HasSubstr("no window of round 9")));
  EXPECT_THAT(after_settled([](Document& d) {
                for (Row& row : d.rows)
                  std::erase_if(row.samples, [](const TimeSample& s) { return s.round == 0; });
              }),
              Contains(HasSubstr("no window of round 0")));
}

TEST(VerifyRounds, FindsADeletedLaunch) {
  Document document = make_document();
  add_launch(document, 9);
  for (Row& row : document.rows)
    std::erase_if(row.samples, [](const TimeSample& s) { return s.launch == 0; });
  settle(document);
  set_ceilings(document);
  EXPECT_THAT(findings(document), Contains(HasSubstr("no window of launch 0")));
}

TEST(VerifyRounds, FindsASampleThatWasPutIn) {
  EXPECT_THAT(after_settled([](Document& d) { samples(d).push_back(samples(d).back()); }),
              Contains(HasSubstr("a second window of this row")));
}

TEST(VerifyRounds, FindsASecondsValueThatRunsIntoTheNextWindow) {
  EXPECT_THAT(after_settled([](Document& d) { samples(d)[3].seconds *= 4; }),
              Contains(HasSubstr("starts before the window ahead of it")));
}

TEST(VerifyRounds, FindsAStartThatBreaksTheOrder) {
  EXPECT_THAT(after_settled([](Document& d) { samples(d)[3].start_seconds += 1; }),
              Contains(HasSubstr("starts before the window ahead of it")));
}

TEST(VerifyRounds, FindsALaunchThatIsNotThere) {
  EXPECT_THAT(after([](Document& d) { d.run.launches = 2; }),
              Contains(HasSubstr("/run/launches: is 2; there are windows of 1")));
}

}  // namespace
}  // namespace ergon::record
