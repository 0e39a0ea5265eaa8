// hwloc's synthetic machines: the parser of the topology sees what it would on a real one.
#include "bench/measure/topology.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace ergon::measure {
namespace {

struct OnAMachine : ::testing::Test {
  static void shaped(const char* text) { setenv("HWLOC_SYNTHETIC", text, 1); }
  ~OnAMachine() override { unsetenv("HWLOC_SYNTHETIC"); }
};

TEST_F(OnAMachine, TwoThreadsOfACoreAreOneCore) {
  shaped("package:2 core:2 pu:2");
  EXPECT_EQ(*physical_cores({0, 1, 2, 3, 4, 5, 6, 7}), 4);
  EXPECT_EQ(*physical_cores({0, 1}), 1);
  EXPECT_EQ(*physical_cores({0, 2}), 2);
  const auto shape = topology();
  ASSERT_TRUE(shape);
  EXPECT_EQ(shape->cores, 4);
  EXPECT_EQ(shape->threads, 8);
  EXPECT_EQ(shape->sockets, 2);
}

TEST_F(OnAMachine, AProcessorThatHwlocDoesNotKnowIsSaid) {
  shaped("package:1 core:1 pu:2");
  EXPECT_FALSE(physical_cores({0, 99}));
  EXPECT_FALSE(physical_cores({}));
}

}  // namespace
}  // namespace ergon::measure
