#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/qmatmul/qmatmul.h"

namespace ergon {
namespace {

using std::string;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

using Integer = std::int64_t;

FieldMap problem(const string& format, Integer m, Integer n, Integer k, FieldMap more = {}) {
  more.insert({{"format", format}, {"m", m}, {"n", n}, {"k", k}});
  return more;
}

QMatmul make(const FieldMap& fields) {
  return dynamic_cast<const QMatmul&>(*qmatmul_family().make(fields));
}

string complaint(const FieldMap& fields) {
  try {
    make(fields);
  } catch (const InvalidField& error) {
    return error.field + ": " + error.what();
  }
  return "accepted";
}

const FieldMap group_32 = {{"group", Integer{32}}}, with_zero_points = {{"zero_point", true}};

TEST(QMatmul, IsNamedByItsFormatItsSizesAndWhatIsUnusual) {
  EXPECT_EQ(make(problem("mxfp4", 8, 64, 32)).name(), "qmatmul/format=mxfp4,m=8,n=64,k=32");
  EXPECT_EQ(make(problem("w4a16", 8, 64, 64, {{"group", Integer{32}}, {"output", string("bf16")}}))
                .name(),
            "qmatmul/format=w4a16,m=8,n=64,k=64,group=32,output=bf16");
  EXPECT_THAT(make(problem("w4a8", 8, 64, 128, with_zero_points)).name(),
              HasSubstr("zero_point=true"));
}

TEST(QMatmul, LeavesAGroupAloneThatTheFormatFixes) {
  EXPECT_EQ(make(problem("q4_0", 1, 2, 96, {{"group", Integer{64}}})).layout.group, 32);
  EXPECT_EQ(make(problem("w8a8", 1, 2, 96, group_32)).layout.group, 96);
  EXPECT_EQ(make(problem("q4_0", 1, 2, 96, {{"group", Integer{64}}})).name(),
            make(problem("q4_0", 1, 2, 96)).name());
}

TEST(QMatmul, HasGroupsOf128WhereNothingIsSaid) {
  EXPECT_EQ(make(problem("w4a16", 1, 2, 256)).layout.group, 128);
}

TEST(QMatmul, ComplainsOnceOfWhatCannotBe) {
  EXPECT_EQ(complaint(problem("q4_0", 1, 2, 33)), "k: must be a multiple of 32 for q4_0, not 33");
  EXPECT_EQ(complaint(problem("q4_K", 1, 2, 384)),
            "k: must be a multiple of 256 for q4_K, not 384");
  EXPECT_EQ(complaint(problem("mxfp4", 1, 2, 48)), "k: must be a multiple of 32 for mxfp4, not 48");
  EXPECT_EQ(complaint(problem("w4a16", 1, 2, 96)), "group: 128 does not divide k = 96");
  EXPECT_EQ(complaint(problem("w4a8", 1, 2, 96, {{"group", Integer{64}}})),
            "group: 64 does not divide k = 96");
  EXPECT_EQ(complaint(problem("w4a16", 1, 2, 96, {{"group", Integer{48}}})),
            "group: must be 32, 64 or 128 for w4a16, not 48");
  EXPECT_EQ(complaint(problem("w8a8", 1, 2, 96, with_zero_points)), "zero_point: w8a8 has none");
  EXPECT_THAT(complaint(problem("w3a16", 1, 2, 96)),
              HasSubstr("format: must be one of bf16, w8a8"));
  EXPECT_THAT(complaint(problem("w8a8", 0, 2, 96)), HasSubstr("m: "));
  EXPECT_EQ(complaint({{"format", string("w8a8")}}), "m: is required");
}

TEST(QMatmul, ComplainsOfSizesThatOverflow) {
  const Integer large = Integer{1} << 40;
  EXPECT_THAT(complaint(problem("q4_0", large, 1, large)), HasSubstr("m: x has more"));
  EXPECT_THAT(complaint(problem("q4_0", 1, large, large)), HasSubstr("n: W has more"));
  EXPECT_THAT(complaint(problem("q4_0", large, large, 32)), HasSubstr("m: y has more"));
  // What a library's GEMM of the same sizes, or padding to the lanes of a panel, would not survive.
  const Integer half = Integer{1} << 29;
  EXPECT_THAT(complaint(problem("w4a16", 1, half, half)), HasSubstr("n: W has more"));
  EXPECT_THAT(complaint(problem("bf16", 1, 1, Integer{1} << 59)), HasSubstr("has more"));
  EXPECT_THAT(complaint(problem("q4_0", 1 << 24, 1 << 24, 1 << 24)), HasSubstr("m: 2 m n k"));
}

TEST(QMatmul, KeepsSumsOfEightBitsWithinThirtyTwo) {
  EXPECT_EQ(complaint(problem("w8a8", 1, 1, 66311)), "accepted");
  EXPECT_THAT(complaint(problem("w8a8", 1, 1, 66312)), HasSubstr("k: sums of 66312 products"));
  EXPECT_EQ(complaint(problem("w8a16", 1, 1, 66312)), "accepted");
}

TEST(QMatmul, MayHaveAnyDepthWhereScalesAreOfRowsOrBlocks) {
  for (const char* format : {"w8a8", "w8a16", "fp8"})
    for (const Integer k : {1, 7, 131}) EXPECT_EQ(complaint(problem(format, 1, 3, k)), "accepted");
}

TEST(QMatmul, CountsTwoOperationsForAMultiplyAddAndItsTokens) {
  const Work work = make(problem("q8_0", 3, 5, 64)).work();
  EXPECT_EQ(work.flops, 2 * 3 * 5 * 64);
  EXPECT_THAT(work.tokens, Optional(3.0));
}

TEST(QMatmul, MovesEveryOperandOnce) {
  const auto bytes = [](const FieldMap& fields) { return make(fields).work().bytes; };
  const double y = 4 * 3 * 5;
  EXPECT_EQ(bytes(problem("w8a8", 3, 5, 64)), 3 * 64 + 4 * 3 + 5 * 64 + 4 * 5 + y);
  EXPECT_EQ(bytes(problem("w8a16", 3, 5, 64)), 2 * 3 * 64 + 5 * 64 + 2 * 5 + y);
  EXPECT_EQ(bytes(problem("w4a16", 3, 5, 64, group_32)), 2 * 3 * 64 + 5 * 32 + 2 * 5 * 2 + y);
  EXPECT_EQ(bytes(problem("w4a8", 3, 5, 64, {{"group", Integer{64}}, {"zero_point", true}})),
            2 * 3 * 64 + 5 * 32 + (2 + 1) * 5 + y);
  EXPECT_EQ(bytes(problem("mxfp4", 3, 5, 64)), 2 * 3 * 64 + 5 * 32 + 5 * 2 + y);
  EXPECT_EQ(bytes(problem("fp8", 3, 5, 131)), 2 * 3 * 131 + 5 * 131 + 4 * 1 * 2 + y);
  EXPECT_EQ(bytes(problem("fp8", 3, 129, 128)), 2 * 3 * 128 + 129 * 128 + 4 * 2 + 4 * 3 * 129);
  EXPECT_EQ(bytes(problem("q4_0", 3, 5, 64)), 4 * 3 * 64 + 5 * 2 * 18 + y);
  EXPECT_EQ(bytes(problem("q8_0", 3, 5, 64)), 4 * 3 * 64 + 5 * 2 * 34 + y);
  EXPECT_EQ(bytes(problem("q4_K", 3, 5, 512)), 4 * 3 * 512 + 5 * 2 * 144 + y);
  EXPECT_EQ(bytes(problem("q8_0", 3, 5, 64, {{"output", string("bf16")}})),
            4 * 3 * 64 + 5 * 2 * 34 + y / 2);
}

TEST(QMatmul, KnowsItsBitsPerWeight) {
  const auto bits = [](const char* format, const FieldMap& more = {}) {
    return *make(problem(format, 1, 256, 1024, more)).bits_per_weight();
  };
  EXPECT_EQ(bits("w8a8"), 8 + 32.0 / 1024);
  EXPECT_EQ(bits("w8a16"), 8 + 16.0 / 1024);
  EXPECT_EQ(bits("w4a16", group_32), 4.5);
  EXPECT_EQ(bits("w4a16"), 4.125);
  EXPECT_EQ(bits("w4a8", with_zero_points), 4.1875);
  EXPECT_EQ(bits("mxfp4"), 4.25);
  EXPECT_EQ(bits("fp8"), 8 + 32.0 / (128 * 128));
  EXPECT_EQ(bits("q4_0"), 4.5);
  EXPECT_EQ(bits("q8_0"), 8.5);
  EXPECT_EQ(bits("q4_K"), 4.5);
}

TEST(QMatmul, StreamsWeightsForFewTokens) {
  EXPECT_TRUE(make(problem("q4_0", 32, 64, 64)).streams_weights());
  EXPECT_FALSE(make(problem("q4_0", 33, 64, 64)).streams_weights());
}

TEST(QMatmul, NamesTypesThatARecordUnderstands) {
  EXPECT_EQ(make(problem("w8a8", 1, 1, 32)).dtypes(), (TypeNames{"s8", "s8", "s32", "f32", "s8"}));
  EXPECT_EQ(make(problem("w4a16", 1, 1, 128)).dtypes(),
            (TypeNames{"bf16", "s4", "f32", "f32", "bf16"}));
  EXPECT_EQ(make(problem("w4a8", 1, 1, 128)).dtypes(),
            (TypeNames{"bf16", "s4", "s32", "f32", "s8"}));
  EXPECT_EQ(make(problem("q4_0", 1, 1, 32, {{"output", string("bf16")}})).dtypes(),
            (TypeNames{"f32", "q4_0", "s32", "bf16", "s8"}));
  EXPECT_EQ(make(problem("q4_K", 1, 1, 256)).dtypes(),
            (TypeNames{"f32", "q4_K", "s32", "f32", "s8"}));
}

std::vector<string> names(const FieldMap& fields) {
  std::vector<string> list;
  for (const NamedDesc& operand : qmatmul_family().operands(make(fields)))
    list.push_back(operand.name);
  return list;
}

TEST(QMatmul, HasTheOperandsOfItsFormat) {
  EXPECT_THAT(names(problem("w8a8", 1, 1, 32)), ElementsAre("x", "x_scale", "w", "w_scale"));
  EXPECT_THAT(names(problem("w4a16", 1, 1, 128, with_zero_points)),
              ElementsAre("x", "w", "w_scale", "w_zero"));
  EXPECT_THAT(names(problem("q4_0", 1, 1, 32)), ElementsAre("x", "w"));
  EXPECT_THAT(names(problem("q4_K", 1, 1, 256)), ElementsAre("x", "w"));
  const auto fp8 = qmatmul_family().operands(make(problem("fp8", 3, 129, 257)));
  EXPECT_THAT(fp8[1].desc.sizes, ElementsAre(129, 257));
  EXPECT_THAT(fp8[2].desc.sizes, ElementsAre(2, 3));
}

class EveryFormat : public testing::TestWithParam<string> {
 protected:
  static QMatmul workload() { return make(problem(GetParam(), 7, 131, 256)); }
};

std::vector<std::byte> bytes(const Inputs& inputs, std::size_t slot) {
  std::vector<std::byte> all;
  for (const NamedDesc& operand : inputs.operands()) {
    const std::byte* data = inputs.data(operand.name, slot);
    all.insert(all.end(), data, data + operand.desc.span_bytes());
  }
  return all;
}

TEST_P(EveryFormat, HasTheSameInputsForAnyNumberOfThreadsAndSlots) {
  const auto one = qmatmul_family().inputs(workload(), 7, 1);
  std::unique_ptr<Inputs> three;
  on_team(2, [&](int thread, int /*team*/) {  // a team within a team has one thread
    if (thread == 0) three = qmatmul_family().inputs(workload(), 7, 3);
  });
  for (std::size_t slot = 0; slot < 3; ++slot) EXPECT_EQ(bytes(*three, slot), bytes(*one, 0));
  EXPECT_NE(bytes(*qmatmul_family().inputs(workload(), 8, 1), 0), bytes(*one, 0));
}

TEST_P(EveryFormat, QuantizesWhatItDrew) {
  const QMatmul q = workload();
  const auto inputs = qmatmul_family().inputs(q, 7, 1);
  std::vector<float> drawn(256);
  std::vector<double> stored(256);
  double errors = 0, squares = 0;
  for (Integer j = 0; j < q.n; ++j) {
    draw_w_row(q, 7, j, drawn.data());
    dequantize(q.layout, weights_of(*inputs, 0), j, stored.data());
    for (std::size_t i = 0; i < drawn.size(); ++i) {
      errors += (stored[i] - drawn[i]) * (stored[i] - drawn[i]);
      squares += double{drawn[i]} * drawn[i];
    }
  }
  EXPECT_NEAR(squares / 131, 1, 0.05);
  EXPECT_LT(std::sqrt(errors / squares), 0.15);
  const Activation activation(q, *inputs, 0);
  for (Integer i = 0; i < q.m; ++i) {
    draw_x_row(q, 7, i, drawn.data());
    activation.given(i, stored.data());
    for (std::size_t p = 0; p < drawn.size(); ++p) EXPECT_NEAR(stored[p], drawn[p], 0.02);
    activation.multiplied(i, stored.data());
    for (std::size_t p = 0; p < drawn.size(); ++p) EXPECT_NEAR(stored[p], drawn[p], 0.02);
  }
}

TEST_P(EveryFormat, TellsItsDistributionAndEntropy) {
  const auto inputs = qmatmul_family().inputs(workload(), 7, 1);
  EXPECT_THAT(inputs->distribution, HasSubstr("w normal(0, 1/k)"));
  EXPECT_GT(inputs->entropy_bits_per_element, 5);
  EXPECT_EQ(inputs->seed, 7U);
}

INSTANTIATE_TEST_SUITE_P(QMatmul, EveryFormat,
                         testing::Values("w8a8", "w8a16", "w4a16", "w4a8", "mxfp4", "fp8", "q4_0",
                                         "q8_0", "q4_K"));

}  // namespace
}  // namespace ergon
