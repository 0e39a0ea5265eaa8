// What a suite's backends become: implementations of this build, stand-ins for those it lacks, or a
// mistake.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/base/error.h"
#include "bench/measure/absent_backend.h"
#include "bench/measure/case.h"

namespace ergon::measure {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

constexpr RegistryEntry lacking = {"gemm", "elsewhere", nullptr, "libelsewhere-dev"};

/// This machine in a build that also lacks `lacking`.
const Machine& machine() {
  static const Machine one = [] {
    Machine made{RegistryOptions{}};
    made.absent.push_back(std::make_unique<AbsentBackend>(lacking));
    return made;
  }();
  return one;
}

std::vector<Case> cases_of(const std::string& backends, const CaseOptions& options = {}) {
  const std::string text = "name = \"mine\"\n[[gemm]]\nm = 8\nn = 8\nk = 8\nthreads = 1\n";
  return make_cases(config::parse_suite(text + backends, "mine.toml"), machine(), options);
}

TEST(Cases, AreSkippedWhereTheBuildLacksTheirBackend) {
  for (const char* selector : {"elsewhere", "elsewhere:elsewhere:packed-once"}) {
    const auto cases = cases_of(std::string("backend = [\"naive\", \"") + selector + "\"]");
    ASSERT_THAT(cases, SizeIs(2));
    EXPECT_FALSE(cases[0].skip);
    EXPECT_EQ(cases[1].implementation_name(), "elsewhere");
    EXPECT_THAT(cases[1].skip.value_or(""), HasSubstr("libelsewhere-dev"));
  }
  CaseOptions options;
  options.backends = {"elsewhere"};
  EXPECT_THAT(cases_of("", options).at(0).skip.value_or(""), HasSubstr("libelsewhere-dev"));
}

TEST(Cases, AreNotOfAbsentBackendsUnlessTheseAreNamed) {
  for (const Case& each : cases_of("")) EXPECT_NE(each.implementation_name(), "elsewhere");
}

TEST(Cases, HaveNoBackendThatNobodyKnows) {
  EXPECT_THROW(cases_of("backend = \"nowhere\""), UserError);
  EXPECT_THROW(cases_of("backend = \"naive:nowhere\""), UserError);
}

TEST(QuickSuite, AsksCblasForNoTypeThatItHasNot) {
  const std::string configs = std::string(ERGON_SOURCE_DIR) + "/configs";
  const auto suite = config::load_suite(configs + "/suites/quick.toml", configs + "/models");
  for (const Case& one : make_cases(suite, machine(), {}))
    EXPECT_THAT(one.skip.value_or(""), Not(HasSubstr("CBLAS"))) << one.name();
}

TEST(Blocks, HoldInputsAPlanAndWhatTheOracleTakes) {
  const std::string suite =
      "name = \"mine\"\n[[attention]]\nphase = \"prefill\"\nq_heads = 2\nkv_len = 3000\nq_len = 4\n"
      "backend = \"naive\"\nthreads = 1\ncache = \"warm\"\n";
  auto cases = make_cases(config::parse_suite(suite, "mine.toml"), machine(), {});
  ASSERT_THAT(cases, SizeIs(1));
  const Case& one = cases[0];
  const Footprint plan = one.implementation->footprint(*one.workload, {one.device, 1, 1});
  const std::size_t oracle = one.family->oracle_bytes(*one.workload);
  // Of one head, widened to float64.
  EXPECT_GT(oracle, 3000u * 2 * 128 * 8);
  const std::size_t all =
      slot_bytes(one.family->operands(*one.workload)) + plan.once + plan.per_slot + oracle;
  EXPECT_THAT(make_blocks(cases, all), SizeIs(1));
  EXPECT_FALSE(cases[0].skip);
  EXPECT_THAT(make_blocks(cases, all - 1), SizeIs(0));
  EXPECT_THAT(cases[0].skip.value_or(""), HasSubstr("may be used"));
}

TEST(Machine, StandsInForEveryBackendThatTheBuildLacks) {
  std::size_t lacked = 0;
  for (const RegistryEntry& entry : registry_entries()) lacked += entry.make == nullptr ? 1 : 0;
  EXPECT_THAT(absent_backends(), SizeIs(lacked));
}

}  // namespace
}  // namespace ergon::measure
