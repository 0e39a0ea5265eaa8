// The stated errors of logs that are attached to a run are 95 % intervals, for every simulated
// logger and every fault, and the table in docs/method.md says what was found here.
#include "bench/meters/simulator/log_coverage.h"

#include <gtest/gtest.h>

#include "tests/unit/meters/docs_table.h"

namespace ergon::simulator {
namespace {

using testing::counts;

constexpr int runs = counts ? 100 : 5;
constexpr std::uint64_t seed = 11;
/// A 95 % quantile of 100 draws is itself known to about this.
constexpr double sampling = 1.15;
constexpr double most_too_wide = 2;

const std::vector<LogCoverage>& cells() {
  static const std::vector<LogCoverage> all = [] {
    std::vector<LogCoverage> out;
    for (const LoggerTraits& traits : loggers())
      for (const LogFault fault : log_faults())
        if (applies(fault, traits)) out.push_back(cover(traits, fault, runs, seed));
    return out;
  }();
  return all;
}

std::string named(const LogCoverage& cell) {
  return cell.logger + ", " + std::string(name(cell.fault));
}

TEST(LogCoverage, NoFigureIsWrongAndNoRefusalIsForTheWrongReason) {
  for (const LogCoverage& cell : cells())
    EXPECT_EQ(cell.wrong, 0) << named(cell) << ": " << cell.wrong_about;
}

TEST(LogCoverage, StatedErrorsHoldTheTruthAsOftenAsTheySay) {
  for (const LogCoverage& cell : cells())
    EXPECT_LE(cell.outside, most_outside(cell.figures())) << named(cell);
}

TEST(LogCoverage, StatedErrorsAreNotWiderThanTwiceWhatWasNeeded) {
  for (const LogCoverage& cell : cells())
    if (counts && cell.figures() >= runs / 2) {
      EXPECT_LE(cell.stated, most_too_wide * sampling * cell.achieved)
          << named(cell) << ": stated " << cell.stated << ", achieved " << cell.achieved;
    }
}

TEST(LogCoverage, ALogThatCannotTellYieldsNoFigure) {
  for (const LogCoverage& cell : cells()) switch (cell.fault) {
      case LogFault::none:
        EXPECT_EQ(cell.figures(), runs) << named(cell);
        break;
      case LogFault::lost:
      case LogFault::late_stamps:
        EXPECT_GE(cell.figures(), runs / 2) << named(cell);
        break;
      case LogFault::gap:           // of a counter, the joules across it are known
      case LogFault::steps_ahead:   // some show no more than a gap does
      case LogFault::stands_still:  // thirty equal readings in a row may be chance where they are
                                    // coarse
      case LogFault::runs_fast:
        EXPECT_EQ(cell.figures() + cell.refused, runs) << named(cell);
        break;
      default:
        EXPECT_EQ(cell.refused, runs) << named(cell);
    }
}

TEST(LogCoverage, TheTableOfTheDocumentationIsTheOneFoundHere) {
  testing::compare_with_docs("log coverage", log_coverage_table(cells()));
}

}  // namespace
}  // namespace ergon::simulator
