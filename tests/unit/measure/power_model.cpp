#include "bench/measure/power_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ergon::measure {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

config::PowerFigures figures() {
  config::PowerFigures out;
  out.idle_watts_per_core = {1, 0.5, 2};
  out.full_watts_per_core = {4, 3, 6};
  out.parts = {"a part"};
  return out;
}

TEST(ScaledPower, CountsCoresNotTheirThreads) {
  const PowerModel model = scale_power(figures(), {16, 8, false});
  EXPECT_EQ(model.cores, 8);
  EXPECT_DOUBLE_EQ(model.full_watts.value, 32);
  EXPECT_DOUBLE_EQ(model.full_watts.low, 24);
  EXPECT_DOUBLE_EQ(model.idle_watts.high, 16);
  EXPECT_THAT(model.about, HasSubstr("times 8 cores, by"));
}

TEST(ScaledPower, OfBareMetalWithoutSmtIsThatOfItsCores) {
  const PowerModel model = scale_power(figures(), {8, 8, false});
  EXPECT_DOUBLE_EQ(model.full_watts.low, 24);
}

TEST(ScaledPower, OfAGuestReachesDownToTwoThreadsPerCore) {
  const PowerModel model = scale_power(figures(), {8, 8, true});
  EXPECT_DOUBLE_EQ(model.full_watts.value, 32);
  EXPECT_DOUBLE_EQ(model.full_watts.low, 12);
  EXPECT_DOUBLE_EQ(model.full_watts.high, 48);
  EXPECT_THAT(model.about, HasSubstr("a guest may not be told"));
  const PowerModel told = scale_power(figures(), {8, 4, true});
  EXPECT_DOUBLE_EQ(told.full_watts.low, 12);
  EXPECT_THAT(told.about, Not(HasSubstr("guest")));
}

TEST(ScaledPower, OfAnUnknownTopologySaysSo) {
  const PowerModel model = scale_power(figures(), {8, Absent{"hwloc is silent"}, false});
  EXPECT_EQ(model.cores, 8);
  EXPECT_DOUBLE_EQ(model.full_watts.low, 12);
  EXPECT_THAT(model.about, HasSubstr("hwloc is silent"));
}

}  // namespace
}  // namespace ergon::measure
