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

std::string models_folder() { return std::string(ERGON_SOURCE_DIR) + "/configs/models"; }

std::vector<std::string> findings(const record::Document& document) {
  std::vector<std::string> out;
  for (const auto& finding : check_suite(document, models_folder()).findings)
    out.push_back(finding.where + ": " + finding.what);
  return out;
}

record::Document rows_of_a_model() {
  record::Document document = two_rows();
  document.run.suite.text =
      "name = \"mine\"\nseed = 7\n[[gemm]]\nm = 8\nmodel = \"llama-3.1-8b\"\npart = \"ffn\"\n";
  document.rows = {row_of("gemm/m=8,n=28672,k=4096", "f32"),
                   row_of("gemm/m=8,n=4096,k=14336", "f32")};
  return document;
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
  document.run.suite.text = "name = \"mine\"\nseed = 7\n[[gemm]]\nn = 8\nmodel = \"x\"\n";
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("n: cannot stand beside `model`")));
}

TEST(CheckSuite, KnowsTheShapesOfModels) {
  record::Document document = rows_of_a_model();
  EXPECT_THAT(findings(document), IsEmpty());
  EXPECT_THAT(check_suite(document, models_folder()).unchecked, IsEmpty());
  document.rows[1].case_name = "gemm/m=8,n=4096,k=4096";
  EXPECT_THAT(findings(document),
              ElementsAre(HasSubstr("is no case of the suite's text and the models in " +
                                    models_folder())));
}

TEST(CheckSuite, SaysThatItDoesNotKnowModelsThatAreNotHere) {
  record::Document document = rows_of_a_model();
  document.rows[1].case_name = "gemm/m=8,n=4096,k=4096";
  document.run.seed = 8;
  SuiteCheck check = check_suite(document, Absent{"no configs/ folder"});
  ASSERT_EQ(check.findings.size(), 1u);
  EXPECT_EQ(check.findings[0].where, "/run/seed");
  EXPECT_THAT(check.unchecked,
              ElementsAre("its rows were not looked for among the cases of its suite: suite:5: "
                          "gemm[1].model: no configs/ folder"));

  std::string& text = document.run.suite.text;
  text.replace(text.find("llama-3.1"), 9, "llama-9.9");
  check = check_suite(document, models_folder());
  EXPECT_EQ(check.findings.size(), 1u);
  EXPECT_THAT(check.unchecked, ElementsAre(HasSubstr("there is no model 'llama-9.9-8b'")));
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
