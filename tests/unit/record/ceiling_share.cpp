#include "bench/record/ceiling_share.h"

#include <gtest/gtest.h>

#include "bench/record/status.h"
#include "make_document.h"

namespace ergon::record {
namespace {

Maybe<Estimate> share(const Document& document, const char* what = "flops") {
  return ceiling_share(document, document.rows[fast_row], what);
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
