#include "bench/record/ceiling_share.h"

#include <gtest/gtest.h>

#include "bench/record/status.h"
#include "make_document.h"

namespace ergon::record {
namespace {

Maybe<Estimate> share(const Document& document, const char* what = "flops") {
  const auto found = ceiling_share(document, document.rows[fast_row], what);
  if (!found) return Absent{found.reason()};
  return found->share;
}

TEST(CeilingShare, IsTheRatioOfTheRates) {
  const Document document = make_document();
  const Row &row = document.rows[fast_row], &peak = document.rows[peak_row],
            &read = document.rows[read_row];
  EXPECT_NEAR(share(document)->value,
              row.work.flops / *row.median / (peak.work.flops / *peak.median), 2e-3);
  EXPECT_NEAR(share(document, "bandwidth_read")->value,
              row.work.bytes / *row.median / (read.work.bytes / *read.median), 2e-3);
}

TEST(CeilingShare, IsNotMovedByWhatSlowsARoundAsAWhole) {
  Document document = make_document();
  const Estimate before = *share(document);
  for (Row& row : document.rows)
    for (TimeSample& sample : row.samples)
      if (sample.round % 2 == 0) sample.seconds *= 1.7;
  const Estimate after = *share(document);
  EXPECT_DOUBLE_EQ(after.value, before.value);
  EXPECT_DOUBLE_EQ(after.low, before.low);
  EXPECT_DOUBLE_EQ(after.high, before.high);
}

TEST(CeilingShare, MeetsARoundOfItsOwnLaunchOnly) {
  Document document = make_document();
  for (TimeSample& sample : document.rows[peak_row].samples) sample.launch = 1;
  EXPECT_FALSE(share(document));
}

TEST(CeilingShare, SpansLaunches) {
  Document document = make_document();
  const Estimate one = *share(document);
  for (const int launches : {2, 6}) {
    document = make_document();
    for (Row& row : document.rows) {
      auto first = row.samples;
      // A launch counts as one, however long it was.
      if (&row == &document.rows[fast_row]) first.resize(6);
      for (int launch = 1; launch < launches; ++launch)
        for (TimeSample sample : first) {
          sample.launch = launch;
          // Each launch has a share of its own.
          if (&row == &document.rows[fast_row]) sample.seconds *= 1 + 0.01 * launch;
          row.samples.push_back(sample);
        }
    }
    const Estimate all = *share(document);
    EXPECT_NEAR(all.value, one.value / (1 + 0.005 * (launches - 1)), 2e-3 * one.value);
    EXPECT_LT(all.low, 1.001 * one.value / (1 + 0.01 * (launches - 1)));
    EXPECT_GT(all.high, 0.999 * one.value);
  }
}

TEST(CeilingShare, TellsTheCeilingsFastestSharedRound) {
  Document document = make_document();
  Row& peak = document.rows[peak_row];
  const double median = peak.work.flops / *peak.median;
  peak.samples.front().seconds /= 10;  // of a round of ceilings alone
  peak.samples.back().seconds /= 2;
  const auto found = ceiling_share(document, document.rows[fast_row], "flops");
  EXPECT_NEAR(found->fastest, 2 * median, 0.01 * median);
}

TEST(CeilingShare, WantsSixSharedRounds) {
  Document document = make_document();
  auto& samples = document.rows[fast_row].samples;
  samples.resize(6);
  EXPECT_TRUE(share(document));
  samples.resize(5);
  EXPECT_EQ(share(document).reason(), "too few rounds hold both the row and its ceiling");
}

TEST(CeilingShare, SaysWhyThereIsNone) {
  Document document = make_document();
  document.devices[0].ceilings[0].value_per_second = Absent{"no loop for AMX"};
  EXPECT_EQ(share(document).reason(), "no loop for AMX");
  document.rows[fast_row].threads = 3;
  EXPECT_FALSE(share(document));
}

TEST(CeilingShare, LeavesOutWhatNoDoubleHolds) {
  Document document = make_document();
  document.rows[fast_row].work.flops = 1e308;
  document.rows[peak_row].work.flops = 1e-308;
  EXPECT_FALSE(share(document));
}

}  // namespace
}  // namespace ergon::record
