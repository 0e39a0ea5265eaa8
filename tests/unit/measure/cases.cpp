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

TEST(Machine, StandsInForEveryBackendThatTheBuildLacks) {
  std::size_t lacked = 0;
  for (const RegistryEntry& entry : registry_entries()) lacked += entry.make == nullptr ? 1 : 0;
  EXPECT_THAT(absent_backends(), SizeIs(lacked));
}

}  // namespace
}  // namespace ergon::measure
