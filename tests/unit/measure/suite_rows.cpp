#include "bench/measure/suite_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ergon::measure {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

record::Row row_of(const std::string& case_name, const std::string& dtype) {
  record::Row row;
  row.kernel = "gemm";
  row.case_name = case_name;
  row.dtype = {dtype, dtype, "f32", dtype};
  return row;
}

record::Document two_rows() {
  record::Document document;
  document.run.suite.name = "mine";
  document.run.suite.text =
      "name = \"mine\"\nseed = 7\n[[gemm]]\nm = [8, 9]\nn = 16\nk = 32\ndtype = [\"f32\"]\n"
      "backend = \"naive\"\nthreads = 1\n";
  document.run.seed = 7;
  document.rows = {row_of("gemm/m=8,n=16,k=32", "f32"), row_of("gemm/m=9,n=16,k=32", "f32")};
  document.rows[1].threads = 2;  // as with --threads
  return document;
}

std::vector<std::string> findings(const record::Document& document) {
  std::vector<std::string> out;
  for (const auto& finding : check_suite(document))
    out.push_back(finding.where + ": " + finding.what);
  return out;
}

TEST(CheckSuite, FindsNothingWhereEveryRowIsACase) { EXPECT_THAT(findings(two_rows()), IsEmpty()); }

TEST(CheckSuite, FindsARowOfAnotherWorkloadOrNumberFormat) {
  record::Document document = two_rows();
  document.rows[0].case_name = "gemm/m=80,n=16,k=32";
  document.rows[1] = row_of("gemm/m=9,n=16,k=32", "bf16");
  EXPECT_THAT(findings(document),
              ElementsAre(HasSubstr("/rows/0/case"), HasSubstr("/rows/1/case")));
}

TEST(CheckSuite, FindsAnotherNameOrSeed) {
  record::Document document = two_rows();
  document.run.suite.name = "theirs";
  document.run.seed = 8;
  EXPECT_THAT(findings(document),
              ElementsAre(HasSubstr("/run/suite/name"), HasSubstr("/run/seed")));
}

TEST(CheckSuite, FindsATextThatIsNoSuite) {
  record::Document document = two_rows();
  document.run.suite.text = "[[";
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("/run/suite/text: is no suite")));
  document.run.suite.text = "name = \"mine\"\nseed = 7\n[[gemm]]\nm = -8\nn = 1\nk = 1\n";
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("a case that cannot be: m")));
}

TEST(CheckSuite, LeavesWhatItCannotTellAlone) {
  record::Document document = two_rows();
  document.rows[0].kernel = "a later one";
  document.rows[1].kernel = "ceiling";
  EXPECT_THAT(findings(document), IsEmpty());
  document = two_rows();
  document.rows[0].case_name = "gemm/m=80,n=16,k=32";
  document.rows[0].imported_from = record::Row::Imported{"llama-bench", "1"};
  EXPECT_THAT(findings(document), IsEmpty());
  document.run.suite.text.clear();
  document.rows[0].imported_from.reset();
  EXPECT_THAT(findings(document), IsEmpty());
}

}  // namespace
}  // namespace ergon::measure
