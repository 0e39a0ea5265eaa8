// What does not follow from what it rests on. Each test changes one thing in a consistent record.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "bench/base/error.h"
#include "bench/record/json.h"
#include "changed.h"

namespace ergon::record {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Energy& edit(Maybe<Energy>& energy) {
  static Energy copy;
  copy = *energy;
  return copy;
}

TEST(Verify, FindsNothingInAConsistentRecord) {
  EXPECT_THAT(findings(make_document()), IsEmpty());
  EXPECT_THAT(findings(make_quantized_document()), IsEmpty());
  EXPECT_EQ(summary(verify(make_document())), "consistent");
}

TEST(Verify, FindsAnEditedMedian) {
  EXPECT_THAT(after([](Document& d) { d.rows[0].median = *d.rows[0].median * 0.99; }),
              Contains(HasSubstr("/rows/0/time/median")));
}

TEST(Verify, FindsAnEditedInterval) {
  EXPECT_THAT(after([](Document& d) {
                d.rows[0].interval95 = Interval{1e-6, 1e-6};
              }),
              Contains(HasSubstr("/rows/0/time/interval95")));
}

TEST(Verify, FindsAnIntervalOfAnotherKind) {
  EXPECT_THAT(after([](Document& d) { d.rows[0].interval_kind = "launches"; }),
              Contains(HasSubstr("interval_kind")));
}

TEST(Verify, TakesWhatOlderRecordsCalledAnIntervalOfFewLaunches) {
  Document document = make_document();
  add_launch(document, 9);
  ASSERT_EQ(document.rows[0].interval_kind, "hull");
  for (Row& row : document.rows)
    if (!row.interval_kind.empty()) row.interval_kind = "launches";
  EXPECT_THAT(findings(document), Contains(HasSubstr("the samples give 'hull'")));
  document.run.interval_method.clear();
  EXPECT_THAT(findings(document), IsEmpty());
}

TEST(Verify, LeavesIntervalsOfAnotherMethodAloneAndSaysSo) {
  const auto other = [](Document& d) {
    d.run.interval_method = "bootstrap/1";
    d.rows[0].interval95 = Interval{*d.rows[0].median * 0.995, *d.rows[0].median * 1.004};
  };
  EXPECT_THAT(after(other), IsEmpty());
  Document document = make_document();
  EXPECT_THAT(unchecked(document), IsEmpty());
  other(document);
  EXPECT_THAT(unchecked(document), Contains(HasSubstr("another method ('bootstrap/1'")));
}

TEST(Verify, LeavesWhatAnotherRuleFoundImpossibleAloneAndSaysSo) {
  const auto impossible = [](Document& d) {
    d.rows[fast_row].status = "impossible";
    d.rows[fast_row].reason = "above its ceiling";
  };
  EXPECT_THAT(after(impossible), Contains(HasSubstr("/rows/0/status")));
  Document document = make_document();
  EXPECT_THAT(unchecked(document), IsEmpty());
  impossible(document);
  document.run.ceiling_rule = "medians/0";
  EXPECT_THAT(findings(document), IsEmpty());
  EXPECT_THAT(unchecked(document), Contains(HasSubstr("another rule ('medians/0'")));
  document.rows[fast_row].status = "noisy";
  EXPECT_THAT(findings(document), Contains(HasSubstr("/rows/0/status")));
  document.run.ceiling_rule.clear();
  impossible(document);
  EXPECT_THAT(findings(document), Contains(HasSubstr("/rows/0/status"))) << "as before they said";
}

TEST(Verify, TakesOlderIntervalsOfRecordsThatNameNoMethodAndSaysSo) {
  Document document = make_document(30);
  for (Row& row : document.rows)  // a drift, which widens intervals now
    for (TimeSample& sample : row.samples) sample.seconds *= 1 + 1e-5 * sample.round;
  settle(document);
  const Interval now = *document.rows[0].interval95;
  for (Row& row : document.rows)
    row.interval95 = summarise(row.samples, stats::Dependence::ignored).interval95;
  ASSERT_NE(*document.rows[0].interval95, now);
  set_ceilings(document);
  EXPECT_THAT(findings(document), Contains(HasSubstr("/rows/0/time/interval95")));
  document.run.interval_method.clear();
  EXPECT_THAT(findings(document), IsEmpty());
  EXPECT_THAT(unchecked(document), Contains(HasSubstr("an older method")));
  document.rows[0].interval95 = Interval{now.low, *document.rows[0].median};
  EXPECT_THAT(findings(document), Contains(HasSubstr("/rows/0/time/interval95")));
}

TEST(Verify, FindsMediansAndIntervalsThatNoMethodGives) {
  EXPECT_THAT(after([](Document& d) {
                d.run.interval_method = "bootstrap/1";
                d.rows[0].median = *d.rows[0].median * 0.999;
              }),
              Contains(HasSubstr("/rows/0/time/median")));
  EXPECT_THAT(after([](Document& d) {
                d.run.interval_method = "bootstrap/1";
                d.rows[0].interval95 = Interval{*d.rows[0].median * 1.001, 1};
              }),
              Contains(HasSubstr("does not hold the median")));
}

TEST(Verify, FindsWindowsWithoutCallsOrSeconds) {
  EXPECT_THAT(after([](Document& d) { samples(d)[0].calls = 0; }),
              Contains(HasSubstr("samples/0/calls")));
  EXPECT_THAT(after([](Document& d) { samples(d)[0].seconds = 0; }),
              Contains(HasSubstr("without calls or without seconds")));
}

TEST(Verify, FindsAStatusThatDoesNotFollow) {
  for (const char* status : {"noisy", "wrong", "failed", "impossible", "skipped"})
    EXPECT_THAT(after([&](Document& d) {
                  d.rows[fast_row].status = status;
                  d.rows[fast_row].reason = "so they say";
                }),
                Contains(HasSubstr("/rows/0/status")))
        << status;
}

TEST(Verify, FindsAnOkRowAboveItsTolerance) {
  EXPECT_THAT(after([](Document& d) {
                Accuracy accuracy = *d.rows[0].accuracy;
                accuracy.max_abs = 1;
                d.rows[0].accuracy = accuracy;
              }),
              Contains(HasSubstr("the facts give 'wrong'")));
}

TEST(Verify, FindsAnOkRowWithoutVerification) {
  EXPECT_THAT(after([](Document& d) { d.rows[0].accuracy = Absent{"not verified"}; }),
              Contains(HasSubstr("the facts give 'failed'")));
}

TEST(Verify, FindsAnOkRowAboveItsCeiling) {
  EXPECT_THAT(after([](Document& d) { d.rows[0].work.flops *= 10; }),
              Contains(HasSubstr("the facts give 'impossible'")));
}

TEST(Verify, FindsAnOkRowAboveTheCeilingOfWhatItMultiplies) {
  Document document = make_quantized_document();
  document.rows[fast_row].work.flops *= 10;
  EXPECT_THAT(findings(document), Contains(HasSubstr("the facts give 'impossible'")));
}

TEST(Verify, FindsAMissingReason) {
  EXPECT_THAT(after([](Document& d) { d.rows[skipped_row].reason = ""; }),
              Contains(HasSubstr("/rows/4/reason")));
}

TEST(Verify, FindsACeilingThatItsRowDoesNotGive) {
  EXPECT_THAT(after([](Document& d) { d.devices[0].ceilings[0].value_per_second = 2e11; }),
              Contains(HasSubstr("/devices/0/ceilings/0/value_per_second")));
  EXPECT_THAT(after([](Document& d) {
                d.devices[0].ceilings[1].interval95 = Interval{1, 2};
              }),
              Contains(HasSubstr("/devices/0/ceilings/1/interval95")));
  EXPECT_THAT(after([](Document& d) { d.devices[0].ceilings[0].threads = 7; }),
              Contains(HasSubstr("no row of the record holds its samples")));
  EXPECT_THAT(after([](Document& d) { d.rows[peak_row].dtype.products = "bf16"; }),
              Contains(HasSubstr("no row of the record holds its samples")));
}

TEST(Verify, FindsTwoRowsWithTheSameKey) {
  EXPECT_THAT(after([](Document& d) { d.rows.push_back(d.rows[skipped_row]); }),
              Contains(HasSubstr("same key")));
}

TEST(Verify, FindsAWorkloadThatIsNotTheCase) {
  EXPECT_THAT(after([](Document& d) { d.rows[0].workload[1].second = std::int64_t{33}; }),
              Contains(HasSubstr("does not say n=32")));
  EXPECT_THAT(after([](Document& d) { d.rows[0].case_name = "attention/m=64"; }),
              Contains(HasSubstr("/case")));
}

TEST(Verify, FindsEnergyThatCannotBe) {
  EXPECT_THAT(after([](Document& d) {
                Energy& energy = edit(d.rows[0].energy);
                energy.samples[1].joules = -1.0;
                d.rows[0].energy = energy;
              }),
              Contains(HasSubstr("negative joules")));
  EXPECT_THAT(after([](Document& d) {
                Energy& energy = edit(d.rows[0].energy);
                energy.samples[1].seconds = 0.01;
                d.rows[0].energy = energy;
              }),
              Contains(HasSubstr("shorter than the meter needs")));
  EXPECT_THAT(after([](Document& d) {
                Energy& energy = edit(d.rows[0].energy);
                energy.samples[1].seconds = 0.5;
                d.rows[0].energy = energy;
              }),
              Contains(HasSubstr("overlaps another window")));
  EXPECT_THAT(after([](Document& d) { d.rows[0].extra_meters[0].samples[0].joules = 100.0; }),
              Contains(HasSubstr("more joules to the part than to the whole")));
  EXPECT_THAT(after([](Document& d) {
                d.rows[0].extra_meters[0].samples[0].joules = 100.0;
                for (Meter& meter : d.meters)
                  if (meter.id == d.rows[0].energy->meter) meter.provenance = "modelled";
              }),
              Not(Contains(HasSubstr("more joules to the part than to the whole"))));
  EXPECT_THAT(after([](Document& d) { d.rows[0].extra_meters[0].meter = "wattmeter"; }),
              Contains(HasSubstr("'wattmeter' is not among the meters")));
}

TEST(Verify, FindsAPriceWithoutSourceOrDate) {
  EXPECT_THAT(after([](Document& d) { d.prices[0].source = ""; }),
              Contains(HasSubstr("/prices/0/source")));
  EXPECT_THAT(after([](Document& d) { d.prices[0].as_of = ""; }),
              Contains(HasSubstr("/prices/0/as_of")));
  EXPECT_THAT(after([](Document& d) { d.prices[0].usd_per_hour = Absent{"?"}; }),
              Contains(HasSubstr("neither usd_per_hour")));
  EXPECT_THAT(after([](Document& d) { d.prices[0].share = 1.5; }),
              Contains(HasSubstr("/prices/0/share")));
}

TEST(Verify, FindsAPriceOutsideItsRange) {
  const auto with_range = [](Interval range) {
    return after([&](Document& d) { d.prices[0].usd_per_hour_range = range; });  // of 0.1
  };
  EXPECT_THAT(with_range({0.08, 0.2}), IsEmpty());
  for (const Interval range : {Interval{0.11, 0.2}, Interval{0.08, 0.09}, Interval{0, 0.2}})
    EXPECT_THAT(with_range(range), Contains(HasSubstr("/prices/0/usd_per_hour_range")));
}

TEST(Verify, FindsAnEditedSuite) {
  EXPECT_THAT(after([](Document& d) { d.run.suite.text += "# more\n"; }),
              Contains(HasSubstr("/run/suite/sha256")));
}

TEST(Verify, FindsARunThatEndsBeforeItBegins) {
  EXPECT_THAT(after([](Document& d) { d.run.finished_utc = std::string("2025-01-31T12:01:00Z"); }),
              Contains(HasSubstr("/run/finished_utc")));
  EXPECT_THAT(after([](Document& d) { d.run.complete = false; }),
              Contains(HasSubstr("/run/complete")));
}

TEST(Verify, FindsADeviceThatIsNotThere) {
  EXPECT_THAT(after([](Document& d) { d.rows[0].device = "cuda:0"; }),
              Contains(HasSubstr("'cuda:0' is not among the devices")));
}

TEST(Verify, TellsOfNumbersThatAreNotFiniteInsteadOfEnding) {
  EXPECT_THAT(after([](Document& d) { samples(d)[0].seconds = 1.0 / 0.0; }),
              Contains(HasSubstr("not finite")));
}

TEST(Verify, FindsAColdRowThatDoesNotSayWhatWasTouched) {
  EXPECT_THAT(after([](Document& d) { d.rows[fast_row].cold.reset(); }),
              Contains(HasSubstr("what was touched between two uses")));
}

TEST(Verify, FindsAColdRowWhoseBuffersStayInTheCache) {
  EXPECT_THAT(after([](Document& d) { d.rows[fast_row].cold->bytes_between_uses = 800'000; }),
              Contains(HasSubstr("under three times the last-level cache")));
}

TEST(Verify, FindsARowThatSaysThisProgramImportedItFromItself) {
  for (const char* tool : {"ergon", "Ergon", "ergon 0.1"})
    EXPECT_THAT(after([&](Document& d) {
                  d.rows[0].imported_from = Row::Imported{tool, ""};
                }),
                Contains(HasSubstr("/rows/0/imported_from/tool")))
        << tool;
  EXPECT_THAT(after([](Document& d) {
                d.rows[0].imported_from = Row::Imported{"another", ""};
              }),
              IsEmpty());
}

TEST(Verify, FindsAnImportedRowAboveItsTolerance) {
  EXPECT_THAT(after([](Document& d) {
                Accuracy accuracy = *d.rows[0].accuracy;
                accuracy.max_abs = 1e6;
                d.rows[0].accuracy = accuracy;
                d.rows[0].imported_from = Row::Imported{"another", ""};
              }),
              Contains(HasSubstr("the facts give 'wrong'")));
}

TEST(Verify, FindsMoreThreadsThanTheHostHas) {
  EXPECT_THAT(after([](Document& d) { d.rows[0].threads = 77; }),
              Contains(HasSubstr("/threads (gemm/m=64,n=32,k=16/f32/onednn:onednn/cpu/threads:77"
                                 "/cold): is 77 on a host of 2 hardware threads")));
  EXPECT_THAT(after([](Document& d) { d.rows[skipped_row].threads = 77; }), IsEmpty());
}

TEST(Verify, FindsARowThatWasFoundRightWithoutALook) {
  EXPECT_THAT(after([](Document& d) {
                Accuracy accuracy = *d.rows[0].accuracy;
                accuracy.checked_elements = 0;
                accuracy.tolerance = 1e30;
                d.rows[0].accuracy = accuracy;
              }),
              Contains(HasSubstr("/rows/0/accuracy/checked_elements")));
}

TEST(Verify, FindsAnotherSeed) {
  EXPECT_THAT(after([](Document& d) { d.run.seed = 8; }),
              Contains(HasSubstr("/rows/0/inputs/seed")));
}

TEST(Verify, FindsCeilingsEmptiedInARunThatIsCalledIncomplete) {
  EXPECT_THAT(after([](Document& d) {
                d.run.complete = false;
                d.run.finished_utc = Absent{"not finished"};
                d.devices[0].ceilings.clear();
              }),
              Contains(HasSubstr("its device has no such ceiling")));
}

TEST(Verify, FindsAnEmptiedCeiling) {
  EXPECT_THAT(after([](Document& d) {
                for (Ceiling& ceiling : d.devices[0].ceilings)
                  ceiling.value_per_second = Absent{"no loop"};
              }),
              Contains(HasSubstr("its device has no such ceiling")));
}

TEST(Verify, NeverCallsARecordAuthentic) {
  EXPECT_EQ(summary({}), "consistent");
  EXPECT_EQ(summary({{"", ""}}), "1 finding");
  EXPECT_EQ(summary({{"", ""}, {"", ""}}), "2 findings");
}

class VerifyFile : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_ = ::testing::TempDir() + "verify_file.json";
};

TEST_F(VerifyFile, TakesWhatTheSchemaForbidsAsAFinding) {
  Document document = make_document();
  document.rows[0].cache = "tepid";
  const auto found = verify_file(write(to_text(document)));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].where, "/rows/0/cache");
}

TEST_F(VerifyFile, FindsNothingInAConsistentFile) {
  EXPECT_THAT(verify_file(write(to_text(make_document()))), IsEmpty());
}

TEST_F(VerifyFile, RefusesWhatIsNoRecord) {
  EXPECT_THROW(verify_file(write("{}")), UserError);
  EXPECT_THROW(verify_file(write("[1, 2")), UserError);
}

TEST(Verify, FindsALaunchThatStartsTwiceAndABeaconOfNone) {
  EXPECT_THAT(after([](Document& d) { d.run.launch_starts.push_back(d.run.launch_starts[0]); }),
              ElementsAre(HasSubstr("launch 0 starts more than once")));
  EXPECT_THAT(after([](Document& d) { d.run.beacons[0].launch = 3; }),
              ElementsAre(HasSubstr("/run/beacons/0: its launch is not among launch_starts")));
}

TEST(Verify, FindsABeaconWithinAWindow) {
  EXPECT_THAT(after([](Document& d) {
                d.run.beacons[0].start_seconds = d.rows[fast_row].samples[0].start_seconds;
              }),
              Contains(HasSubstr("/run/beacons/0: overlaps another window of its launch")));
}

}  // namespace
}  // namespace ergon::record
