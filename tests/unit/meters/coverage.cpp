// A stated error is a 95 % interval, for every simulated sensor and every fault, and the table in
// docs/method.md says what was found here. ERGON_UPDATE_DOCS=1 writes it anew.
#include "bench/meters/simulator/coverage.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/meters/docs_table.h"

namespace ergon::simulator {
namespace {

using testing::compare_with_docs;
using testing::counts;

constexpr int runs = counts ? 200 : 20;
constexpr std::uint64_t seed = 7;
/// A 95 % quantile of 200 draws is itself known to about this.
constexpr double sampling = 1.1;
constexpr double most_too_wide = 2;

const std::vector<Coverage>& cells() {
  static const std::vector<Coverage> all = [] {
    std::vector<Coverage> out;
    for (const SensorTraits& traits : sensors())
      for (const Fault fault : faults())
        if (applies(fault, traits)) out.push_back(cover(traits, fault, runs, seed));
    return out;
  }();
  return all;
}

std::string named(const Coverage& cell) {
  return cell.sensor + ", " + std::string(name(cell.fault));
}

TEST(Coverage, NoFigureIsWrongAndNoRefusalIsForTheWrongReason) {
  for (const Coverage& cell : cells())
    EXPECT_EQ(cell.wrong, 0) << named(cell) << ": " << cell.wrong_about;
}

TEST(Coverage, StatedErrorsHoldTheTruthAsOftenAsTheySay) {
  for (const Coverage& cell : cells())
    EXPECT_LE(cell.outside, most_outside(cell.figures())) << named(cell);
}

TEST(Coverage, StatedErrorsAreNotWiderThanTwiceWhatWasNeeded) {
  for (const Coverage& cell : cells())
    if (counts && cell.figures() >= runs / 2) {
      EXPECT_LE(cell.stated, most_too_wide * sampling * cell.achieved) << named(cell);
    }
}

TEST(Coverage, ASensorThatBrokeYieldsNoFigure) {
  for (const Coverage& cell : cells()) switch (cell.fault) {
      case Fault::freezes:
      case Fault::jumps_back:
      case Fault::jumps_ahead:
      case Fault::sentinel:
      case Fault::permission_lost:
      case Fault::vanishes:
        EXPECT_EQ(cell.refused, runs) << named(cell);
        break;
      default:
        EXPECT_GE(cell.figures(), runs / 2) << named(cell);
    }
}

TEST(Coverage, TheBoundOfChanceIsTheBinomials) {
  EXPECT_EQ(most_outside(0), 0);
  EXPECT_EQ(most_outside(1), 1);
  // The least k with P(X <= k) of at least 0.999, for so many draws of one in twenty.
  EXPECT_EQ(most_outside(100), 13);
  EXPECT_EQ(most_outside(200), 21);
}

TEST(Coverage, TheTableOfTheDocumentationIsTheOneFoundHere) {
  compare_with_docs("coverage", coverage_table(cells()));
}

TEST(Coverage, TheCharacterisationOfTheDocumentationIsTheOneFoundHere) {
  compare_with_docs("characterisation", characterisation_table(seed));
}

}  // namespace
}  // namespace ergon::simulator
