#include "bench/record/status.h"

#include <gtest/gtest.h>

#include <limits>

#include "bench/record/ceiling_share.h"
#include "make_document.h"

namespace ergon::record {
namespace {

std::vector<TimeSample> samples(int launch, const std::vector<double>& seconds) {
  std::vector<TimeSample> out;
  for (const double s : seconds) {
    TimeSample sample;
    sample.launch = launch;
    sample.calls = 10;
    sample.seconds = 10 * s;
    out.push_back(sample);
  }
  return out;
}

std::vector<TimeSample> operator+(std::vector<TimeSample> a, const std::vector<TimeSample>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::string status_of(const Document& document, std::size_t row = fast_row) {
  return status_from_facts(document, document.rows[row]).status;
}

/// Rows and ceilings share no rounds any more: what is left to compare are medians.
Document without_shared_rounds() {
  Document document = make_document();
  for (TimeSample& sample : document.rows[fast_row].samples) sample.round += 1000;
  return document;
}

template <class Change>
Document with_accuracy(Change change) {
  Document document = make_document();
  Accuracy accuracy = *document.rows[fast_row].accuracy;
  change(accuracy);
  document.rows[fast_row].accuracy = accuracy;
  return document;
}

TEST(Summary, CountsSecondsPerCallAndLeavesNoSampleOut) {
  auto given = samples(0, {1, 2, 3, 4, 5, 6, 100});
  given.back().flags = {"steal"};
  const Summary summary = summarise(given);
  EXPECT_DOUBLE_EQ(*summary.median, 4);
  EXPECT_EQ(summary.interval_kind, "rounds");
}

std::vector<TimeSample> launches(int count) {
  std::vector<TimeSample> all;
  for (int launch = 0; launch < count; ++launch)
    all = all + samples(launch, std::vector<double>(6, launch + 1));
  return all;
}

TEST(Summary, SpansLaunchesFromSixOn) {
  const Summary summary = summarise(launches(6));
  EXPECT_EQ(summary.interval_kind, "launches");
  EXPECT_EQ(*summary.interval95, (Interval{1, 6}));
}

TEST(Summary, IsAHullOfTwoToFiveLaunches) {
  for (const int count : {2, 5}) {
    const Summary summary = summarise(launches(count));
    EXPECT_EQ(summary.interval_kind, "hull");
    EXPECT_EQ(*summary.interval95, (Interval{1, 1.0 * count}));
  }
}

TEST(IntervalKind, OfAnOlderRecordIsAHullWhereTheLaunchesAreTooFew) {
  Row row;
  row.interval_kind = "launches";
  row.samples = launches(5);
  EXPECT_EQ(interval_kind_of(row), "hull");
  row.samples = launches(6);
  EXPECT_EQ(interval_kind_of(row), "launches");
}

TEST(Summary, PoolsSamplesWhereALaunchWasCutShort) {
  const Summary summary = summarise(samples(0, {1, 1}) + samples(1, {1, 1, 1, 1, 1, 2}));
  EXPECT_EQ(summary.interval_kind, "rounds");
  EXPECT_TRUE(summary.interval95);
}

TEST(Summary, HasNoIntervalFromFewSamples) {
  const Summary summary = summarise(samples(0, {1, 2, 3}));
  EXPECT_DOUBLE_EQ(*summary.median, 2);
  EXPECT_FALSE(summary.interval95);
  EXPECT_FALSE(summarise({}).median);
}

TEST(Status, IsOkForAVerifiedNarrowRowBelowItsCeilings) {
  EXPECT_EQ(status_of(make_document()), "ok");
}

TEST(Status, IsNoisyWhereEitherSideOfTheIntervalIsWider) {
  Document document = make_document();
  Row& row = document.rows[fast_row];
  row.interval95 = Interval{*row.median * 0.989, *row.median};
  EXPECT_EQ(status_of(document), "noisy");
  row.interval95 = Interval{*row.median, *row.median * 1.011};
  EXPECT_EQ(status_of(document), "noisy");
  row.interval95 = Absent{"too few samples"};
  EXPECT_EQ(status_of(document), "noisy");
}

TEST(Status, IsWrongAboveTheToleranceAndForErrorsThatAreNoNumber) {
  EXPECT_EQ(status_of(with_accuracy([](Accuracy& a) { a.max_abs = a.tolerance; })), "ok");
  EXPECT_EQ(status_of(with_accuracy([](Accuracy& a) { a.max_abs = 1.1 * a.tolerance; })), "wrong");
  EXPECT_EQ(status_of(with_accuracy(
                [](Accuracy& a) { a.max_abs = std::numeric_limits<double>::quiet_NaN(); })),
            "wrong");
}

TEST(Status, IsFailedWithoutVerificationAfterTiming) {
  EXPECT_EQ(status_of(with_accuracy([](Accuracy& a) { a.verified_after = false; })), "failed");
}

TEST(Status, IsImpossibleAboveACeiling) {
  Document document = without_shared_rounds();
  Ceiling& peak = document.devices[0].ceilings[0];
  const double rate = document.rows[fast_row].work.flops / *document.rows[fast_row].median;
  peak.interval95 = Absent{"too few samples"};
  peak.value_per_second = rate / 1.04;
  EXPECT_EQ(status_of(document), "ok");
  peak.value_per_second = rate / 1.06;
  EXPECT_EQ(status_of(document), "impossible");
  peak.value_per_second = Absent{"no loop for this unit"};
  EXPECT_EQ(status_of(document), "ok");
}

TEST(Status, IsNotImpossibleWhereTheCeilingMayBeHigher) {
  Document document = without_shared_rounds();
  Ceiling& peak = document.devices[0].ceilings[0];
  const double rate = document.rows[fast_row].work.flops / *document.rows[fast_row].median;
  peak.value_per_second = rate / 2;
  peak.interval95 = Interval{rate / 3, rate / 1.04};
  EXPECT_EQ(status_of(document), "ok");
  peak.interval95 = Interval{rate / 3, rate / 1.06};
  EXPECT_EQ(status_of(document), "impossible");
}

TEST(Status, HoldsMemoryBandwidthAgainstColdRowsOnly) {
  Document document = without_shared_rounds();
  document.devices[0].ceilings[1].value_per_second = 1.0;
  document.devices[0].ceilings[1].interval95 = Interval{1.0, 1.0};
  EXPECT_EQ(status_of(document), "impossible");
  document.rows[fast_row].cache = "warm";
  EXPECT_EQ(status_of(document), "ok");
}

/// Nothing of the first bounds a row whose bytes are of the second kind.
TEST(Status, HoldsAColdRowAgainstTheMemoryCeilingThatItNames) {
  Document document = without_shared_rounds();
  auto& ceilings = document.devices[0].ceilings;
  ceilings[1].value_per_second = 1.0;
  ceilings[1].interval95 = Interval{1.0, 1.0};
  auto& named = document.rows[fast_row].cold->ceiling;
  named = Maybe<std::string>("bandwidth_update");
  EXPECT_EQ(status_of(document), "ok") << "unknown: nobody measured it";
  ceilings.push_back(ceilings[1]);
  ceilings.back().what = "bandwidth_update";
  EXPECT_EQ(status_of(document), "impossible");
  ceilings.back().value_per_second = 1e30;
  EXPECT_EQ(status_of(document), "ok");
  named = Maybe<std::string>(Absent{"of both kinds"});
  EXPECT_EQ(status_of(document), "ok");
  named.reset();
  EXPECT_EQ(status_of(document), "impossible") << "as before rows named one";
}

/// The fast row reaches `share` of its peak in every round.
Document at_share_of_peak(double share, int rounds = 12) {
  Document document = make_document(rounds);
  Row& row = document.rows[fast_row];
  const Row& peak = document.rows[peak_row];
  row.cache = "warm";
  for (TimeSample& sample : row.samples)
    for (const TimeSample& bound : peak.samples)
      if (bound.round == sample.round)
        sample.seconds = bound.seconds / share * row.work.flops / peak.work.flops;
  return document;
}

TEST(Status, HoldsARowAgainstItsCeilingRoundByRound) {
  EXPECT_EQ(status_of(at_share_of_peak(1.04)), "ok");
  EXPECT_EQ(status_of(at_share_of_peak(1.06)), "impossible");
}

TEST(Status, IsImpossibleWhereDisturbedRoundsWidenItsShare) {
  Document document = at_share_of_peak(3, 36);
  // A neighbour who stays: what resembles its neighbours widens the interval.
  for (TimeSample& sample : document.rows[fast_row].samples)
    if (sample.round > 10 && sample.round < 24) sample.seconds *= 20;
  settle(document);
  const auto share = ceiling_share(document, document.rows[fast_row], "flops");
  ASSERT_LT(share->share.low, most_of_a_ceiling);
  ASSERT_NEAR(share->share.value, 3, 0.01);
  EXPECT_EQ(status_of(document), "impossible");
}

TEST(Status, IsNotImpossibleForHavingMetTheFastRounds) {
  Document document = at_share_of_peak(0.9, 36);
  // A neighbour slows all that runs in the rounds that the row has no part in.
  Row& peak = document.rows[peak_row];
  for (TimeSample& sample : peak.samples)
    if (sample.round % 3 != 0) sample.seconds *= 2;
  std::erase_if(document.rows[fast_row].samples, [](const auto& s) { return s.round % 3 != 0; });
  settle(document);
  set_ceilings(document);
  EXPECT_GT(document.rows[fast_row].work.flops / *document.rows[fast_row].median,
            1.5 * document.devices[0].ceilings[0].interval95->high);
  EXPECT_EQ(status_of(document), "ok");
}

TEST(Status, OfACeilingIsNotHeldAgainstItself) {
  Document document = make_document();
  document.devices[0].ceilings[0].value_per_second = 1.0;
  document.devices[0].ceilings[0].interval95 = Interval{1.0, 1.0};
  EXPECT_EQ(status_of(document, peak_row), "ok");
}

TEST(Settle, KeepsFaultsAndJudgesTheRest) {
  Document document = make_document();
  document.rows[fast_row].status = "failed";
  document.rows[fast_row].reason = "the library said no";
  document.rows[slow_row].status = "";
  settle(document);
  EXPECT_EQ(document.rows[fast_row].status, "failed");
  EXPECT_EQ(document.rows[slow_row].status, "ok");
  EXPECT_EQ(document.rows[skipped_row].status, "skipped");
}

}  // namespace
}  // namespace ergon::record
