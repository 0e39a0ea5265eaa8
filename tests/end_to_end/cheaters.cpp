// A library that does not compute is found out: each of these gives `wrong`, the honest one `ok`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/end_to_end/program.h"

namespace {

using nlohmann::json;

const char* const suite = R"(name = "one"
[budget]
seconds = 3
[[gemm]]
m = 40
n = 36
k = 24
dtype = ["f32", "f64"]
backend = ["cblas"]
threads = [1]
cache = ["warm"]
)";

json rows_with(const std::string& library) {
  program::Folder folder;
  program::write(folder / "suite.toml", suite);
  const auto result =
      program::ergon(folder, "run suite.toml --out result.json --blas " ERGON_TEST_BLAS_DIR
                             "/libergon_test_blas_" +
                                 library + ".so");
  EXPECT_TRUE(result.exit_code == 0 || result.exit_code == 1) << result.err;
  json rows = json::array();
  const json document = json::parse(program::read(folder / "result.json"));
  for (const json& row : document["rows"])
    if (row["kernel"] == "gemm") rows.push_back(row);
  EXPECT_EQ(rows.size(), 2U);
  return rows;
}

class ALibraryThat : public ::testing::TestWithParam<const char*> {};

TEST_P(ALibraryThat, IsFoundWrong) {
  for (const json& row : rows_with(GetParam())) {
    EXPECT_EQ(row["status"], "wrong") << row["dtype"];
    EXPECT_FALSE(row["reason"].get<std::string>().empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Cheats, ALibraryThat,
                         ::testing::Values("zeros", "nothing", "hole", "sign", "nan",
                                           "first_and_last", "remembers_pointers",
                                           "remembers_results"),
                         [](const auto& test) { return std::string(test.param); });

TEST(AnHonestLibrary, IsOk) {
  for (const json& row : rows_with("honest"))
    EXPECT_TRUE(row["status"] == "ok" || row["status"] == "noisy")
        << row["status"] << row["reason"];
}

}  // namespace
