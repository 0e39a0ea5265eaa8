#include "bench/report/covers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/report/derive.h"
#include "tests/unit/report/example.h"

namespace ergon::report {
namespace {

TEST(Covers, a_processors_meter_what_ran_on_a_processor_and_an_accelerators_what_ran_on_one) {
  for (const char* kind : {"cpu", "cpu-opencl"}) {
    EXPECT_TRUE(covers("processor", kind)) << kind;
    EXPECT_FALSE(covers("accelerator", kind)) << kind;
  }
  for (const char* kind : {"gpu", "accelerator"}) {
    EXPECT_FALSE(covers("processor", kind)) << kind;
    EXPECT_TRUE(covers("accelerator", kind)) << kind;
  }
}

TEST(Covers, a_machines_meter_whatever_ran) {
  for (const char* kind : {"cpu", "cpu-opencl", "gpu", "accelerator"})
    EXPECT_TRUE(covers("machine", kind)) << kind;
}

TEST(Covers, refuses_nothing_that_is_not_known) {
  for (const char* kind : {"cpu", "cpu-opencl", "gpu", "accelerator"})
    EXPECT_TRUE(covers("", kind)) << "an older record's meter, and a " << kind;
  for (const char* kind : {"integrated-gpu", "npu", ""})
    for (const char* part : {"processor", "accelerator"}) EXPECT_TRUE(covers(part, kind)) << kind;
}

/// One row and the meter of its joules.
class MeteredRow : public testing::Test {
 protected:
  MeteredRow() {
    document.meters = {test::board_meter()};
    record::Row row = test::timed_row({});
    row.work.tokens = 2;
    row.energy = test::energy(row, "nvml:0", 70);
    document.rows = {row};
    document.prices = {test::hourly_price(0.1)};
  }
  Figures figures() const { return derive(document, document.rows[0], {}); }
  record::Document document = test::machine();
};

TEST_F(MeteredRow, HasNoEnergyOfABoardThatDidNotRunIt) {
  const Figures found = figures();
  for (const Derived* one : {&found.watts, &found.joules_per_call, &found.flops_per_joule,
                             &found.tokens_per_joule, &found.energy_delay_product}) {
    ASSERT_FALSE(one->figure);
    EXPECT_EQ(one->figure.reason(), "nvml:0 watches an accelerator, and this ran on the processor");
  }
  EXPECT_TRUE(found.flops_per_second.figure);
  EXPECT_TRUE(found.flops_per_usd.figure) << "a rent is not of joules";
}

TEST_F(MeteredRow, HasNoneOnAProcessorThatRunsGpuCodeEither) {
  document.devices[0].kind = "cpu-opencl";
  EXPECT_FALSE(figures().watts.figure);
}

TEST_F(MeteredRow, HasTheEnergyOfTheBoardThatRanIt) {
  document.devices[0].kind = "gpu";
  EXPECT_NEAR(figures().watts.figure->value, 70, 1e-9);
}

TEST_F(MeteredRow, HasNoEnergyOfAProcessorThatWaitedForAnAccelerator) {
  document.devices[0].kind = "gpu";
  document.meters[0].part = "processor";
  EXPECT_EQ(figures().watts.figure.reason(),
            "nvml:0 watches the processor, and this ran on an accelerator");
}

TEST_F(MeteredRow, HasWhatItHadWhereTheRecordDoesNotSayWhoseJoules) {
  document.meters[0].part.clear();
  EXPECT_TRUE(figures().watts.figure);
}

TEST_F(MeteredRow, HasWhatItHadWhereTheRecordDoesNotDescribeItsDevice) {
  document.rows[0].device = "another";
  EXPECT_TRUE(figures().watts.figure);
}

}  // namespace
}  // namespace ergon::report
