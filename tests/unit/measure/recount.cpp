#include "bench/measure/recount.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/measure/fake.h"

namespace ergon::measure {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

record::Document one_row() {
  FieldMap given{{"m", std::int64_t{8}},
                 {"n", std::int64_t{16}},
                 {"k", std::int64_t{32}},
                 {"dtype", std::string("f32")}};
  std::unique_ptr<Workload> workload;
  for (const Family* family : families())
    if (family->name() == "gemm") workload = family->make(given);
  record::Row row;
  row.kernel = "gemm";
  row.case_name = workload->name();
  for (const Field& field : workload->fields())
    std::visit([&](const auto& v) { row.workload.emplace_back(field.name, v); }, field.value);
  row.dtype = {"f32", "f32", "f32", "f32"};
  row.work.flops = 2.0 * 8 * 16 * 32;
  row.work.bytes = 4.0 * (8 * 32 + 32 * 16 + 8 * 16);
  record::Document document;
  document.rows = {row};
  return document;
}

std::vector<std::string> findings(const record::Document& document,
                                  std::span<const Family* const> known = families()) {
  std::vector<std::string> out;
  for (const auto& finding : recount(document, known))
    out.push_back(finding.where + ": " + finding.what);
  return out;
}

struct RecountQuantized : ::testing::Test {
  RecountQuantized() {
    family.made = testing::quantized_doubling();
    row.kernel = "doubling";
    row.case_name = family.made.name();
    row.dtype = {"f32", "s4", "f32", "f32", "s8"};
    row.work.flops = 6;
    row.work.bytes = 48;
    row.work.tokens = 8;
    row.work.bits_per_weight = 4.5;
  }
  std::vector<std::string> found() const {
    record::Document document;
    document.rows = {row};
    const Family* const known[] = {&family};
    return findings(document, known);
  }
  testing::DoublingFamily family;
  record::Row row;
};

TEST_F(RecountQuantized, FindsNothingWhereEverythingFollows) { EXPECT_THAT(found(), IsEmpty()); }

TEST_F(RecountQuantized, FindsOtherProductsOfWhichAnotherCeilingBoundsTheRow) {
  row.dtype.products = "bf16";
  EXPECT_THAT(found(), ElementsAre(AllOf(HasSubstr("/dtype/products"),
                                         HasSubstr("is 'bf16'; the workload has 's8'"))));
  row.dtype.products.clear();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("is 's4'; the workload has 's8'")));
}

TEST_F(RecountQuantized, FindsOtherTokens) {
  row.work.tokens = 16;
  EXPECT_THAT(found(), ElementsAre(AllOf(HasSubstr("/work/tokens"),
                                         HasSubstr("is 16; the workload has 8"))));
  row.work.tokens.reset();
  EXPECT_THAT(found(), ElementsAre(HasSubstr("is none; the workload has 8")));
}

TEST_F(RecountQuantized, FindsOtherBitsPerWeight) {
  row.work.bits_per_weight = 4;
  EXPECT_THAT(found(), ElementsAre(AllOf(HasSubstr("/work/bits_per_weight"),
                                         HasSubstr("is 4; the workload has 4.5"))));
}

TEST_F(RecountQuantized, FindsAnotherCacheOrSquareOfAnAttention) {
  family.made.kv_bytes = row.work.kv_bytes_per_token = 4096;
  family.made.full_square = row.work.full_square_flops = 12;
  EXPECT_THAT(found(), IsEmpty());
  row.work.kv_bytes_per_token = 512;
  row.work.full_square_flops.reset();
  EXPECT_THAT(
      found(),
      ElementsAre(
          AllOf(HasSubstr("/work/kv_bytes_per_token"), HasSubstr("is 512; the workload has 4096")),
          AllOf(HasSubstr("/work/full_square_flops"), HasSubstr("is none; the workload has 12"))));
}

TEST(Recount, FindsNothingWhereTheWorkFollowsFromTheWorkload) {
  EXPECT_THAT(findings(one_row()), IsEmpty());
}

TEST(Recount, FindsInflatedWork) {
  record::Document document = one_row();
  document.rows[0].work.flops *= 2;
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("is 16384; the workload has 8192")));
  document = one_row();
  document.rows[0].work.bytes += 1;
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("/work/bytes")));
}

TEST(Recount, FindsAnotherNumberFormat) {
  record::Document document = one_row();
  document.rows[0].dtype.weights = "bf16";
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("is 'bf16'; the workload has 'f32'")));
}

TEST(Recount, FindsTokensAndBitsWhereTheWorkloadHasNone) {
  record::Document document = one_row();
  document.rows[0].work.tokens = 8;
  document.rows[0].work.bits_per_weight = 4;
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("is 8; the workload has none"),
                                              HasSubstr("is 4; the workload has none")));
}

TEST(Recount, FindsAWorkloadThatCannotBe) {
  record::Document document = one_row();
  for (auto& [field, value] : document.rows[0].workload)
    if (field == "m") value = std::int64_t{-8};
  EXPECT_THAT(findings(document), ElementsAre(HasSubstr("/workload/m")));
}

TEST(Recount, LeavesWhatItCannotCountAlone) {
  record::Document document = one_row();
  document.rows[0].work.flops = 0;
  document.rows[0].imported_from = record::Row::Imported{"llama-bench", "1"};
  EXPECT_THAT(findings(document), IsEmpty());
  document = one_row();
  document.rows[0].kernel = "a later one";
  EXPECT_THAT(findings(document), IsEmpty());
}

}  // namespace
}  // namespace ergon::measure
