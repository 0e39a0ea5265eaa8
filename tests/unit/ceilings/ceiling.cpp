#include "kernels/ceilings/ceiling.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::unique_ptr<Workload> flops(const char* dtype, std::int64_t quanta) {
  return ceiling_family().make({{"what", std::string("flops")},
                                {"dtype", std::string(dtype)},
                                {"flops", quanta * ceiling_flops_quantum}});
}

std::unique_ptr<Workload> stream(const char* what, std::int64_t bytes) {
  return ceiling_family().make({{"what", std::string(what)}, {"bytes", bytes}});
}

std::string refusal(const FieldMap& fields) {
  try {
    ceiling_family().make(fields);
  } catch (const InvalidField& error) {
    return error.field;
  }
  return "none";
}

TEST(Ceiling, CountsAMultiplyAddTwiceAndNoMemory) {
  const Work work = flops("bf16", 2)->work();
  EXPECT_EQ(work.flops, 1572864);
  EXPECT_EQ(work.bytes, 0);
}

TEST(Ceiling, CountsEveryArrayOfAStreamOnce) {
  EXPECT_EQ(stream("read", 6400)->work().bytes, 6400);
  EXPECT_EQ(stream("read", 6400)->work().flops, 0);
  EXPECT_EQ(stream("copy", 6400)->work().bytes, 6400);
  const Work triad = stream("triad", 6400)->work();
  EXPECT_EQ(triad.bytes, 6336) << "three arrays of 33 cache lines of 64 bytes";
  EXPECT_EQ(triad.flops, 2 * 33 * 16);
}

TEST(Ceiling, CountsAnArrayThatIsReadAndWrittenTwiceButHoldsItOnce) {
  const auto update = stream("update", 6400);
  EXPECT_EQ(update->work().bytes, 2 * 6400);
  EXPECT_EQ(update->work().flops, 1600);
  EXPECT_EQ(update->distinct_bytes(), 6400);
  EXPECT_EQ(stream("copy", 6400)->distinct_bytes(), 6400);
}

TEST(Ceiling, IsNamedByWhatWasAskedFor) {
  EXPECT_EQ(stream("copy", 6400)->name(), "ceiling/what=copy,bytes=6400");
  EXPECT_EQ(flops("f64", 1)->name(), "ceiling/what=flops,flops=786432");
}

TEST(Ceiling, TakesEnoughWorkForEveryProcessorWhereNoneIsGiven) {
  const auto workload = ceiling_family().make({{"what", std::string("flops")}});
  const auto wanted = ceiling_flops(DType::f32, usable_processors());
  EXPECT_EQ(workload->work().flops, static_cast<double>(wanted));
}

TEST(Ceiling, GivesEveryThreadTheSameWork) {
  EXPECT_EQ(ceiling_flops(DType::s8, 7), 7 * ceiling_flops(DType::s8, 1));
  EXPECT_EQ(ceiling_flops(DType::f64, 3) % ceiling_flops_quantum, 0);
}

TEST(Ceiling, RefusesFieldsThatDoNotBelongTogether) {
  const FieldValue flops = std::string("flops"), read = std::string("read");
  const FieldValue one = std::int64_t{1}, line = std::int64_t{64}, less = std::int64_t{63};
  EXPECT_EQ(refusal({{"what", flops}, {"flops", one}}), "flops");
  EXPECT_EQ(refusal({{"what", flops}, {"bytes", line}}), "bytes");
  EXPECT_EQ(refusal({{"what", read}, {"bytes", line}, {"dtype", std::string("s8")}}), "dtype");
  EXPECT_EQ(refusal({{"what", read}, {"bytes", line}, {"flops", ceiling_flops_quantum}}), "flops");
  EXPECT_EQ(refusal({{"what", read}, {"bytes", less}}), "bytes");
  EXPECT_EQ(refusal({{"what", read}, {"bytes", line}}), "none");
}

class CeilingOracle : public testing::Test {
 protected:
  template <class T>
  std::string mismatch(const Workload& workload, const Inputs& inputs, const std::string& name,
                       DType dtype, const std::vector<T>& values) {
    const auto count = static_cast<std::int64_t>(values.size());
    const HostTensor output{name, dense(dtype, {count}),
                            reinterpret_cast<const std::byte*>(values.data())};
    const auto oracle = ceiling_family().oracle(workload, inputs);
    return oracle->check({&output, 1}).mismatch.value_or("");
  }
};

TEST_F(CeilingOracle, WantsEveryMultiplyAddInTheChecksum) {
  const auto workload = flops("f32", 1);
  const auto inputs = ceiling_family().inputs(*workload, 1, 1);
  const auto said = [&](double sum) {
    return mismatch<double>(*workload, *inputs, "checksum", DType::f64, {sum});
  };
  EXPECT_THAT(said(786432 / 4), IsEmpty());
  EXPECT_THAT(said(786432 / 4 - 1), Not(IsEmpty()));
  EXPECT_THAT(said(std::numeric_limits<double>::quiet_NaN()), Not(IsEmpty()));
}

TEST_F(CeilingOracle, WantsTheSumOfAllWords) {
  const auto workload = stream("read", 64);
  const auto inputs = ceiling_family().inputs(*workload, 1, 1);
  std::uint32_t sum = 0, words[16];
  std::memcpy(words, inputs->data("a", 0), sizeof words);
  for (const std::uint32_t word : words) sum += word;
  const auto said = [&](std::uint32_t value) {
    return mismatch<std::uint32_t>(*workload, *inputs, "sum", DType::s32, {value});
  };
  EXPECT_THAT(said(sum), IsEmpty());
  EXPECT_THAT(said(sum - words[15]), Not(IsEmpty()));
}

TEST_F(CeilingOracle, NamesTheElementOfACopyThatIsNotThere) {
  const auto workload = stream("copy", 2 * 64 * 1000);
  const auto inputs = ceiling_family().inputs(*workload, 1, 1);
  const auto* a = inputs->as<float>("a", 0);
  std::vector<float> c(a, a + 16000);
  EXPECT_THAT(mismatch(*workload, *inputs, "c", DType::f32, c), IsEmpty());
  c[15999] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(mismatch(*workload, *inputs, "c", DType::f32, c), HasSubstr("15999"));
}

TEST_F(CeilingOracle, AllowsATriadTwoRoundingsAndNoMore) {
  const auto workload = stream("triad", 3 * 64 * 1000);
  const auto inputs = ceiling_family().inputs(*workload, 1, 1);
  const auto *a = inputs->as<float>("a", 0), *b = inputs->as<float>("b", 0);
  std::vector<float> c(16000);
  for (std::size_t i = 0; i < c.size(); ++i) c[i] = a[i] + 3 * b[i];
  EXPECT_THAT(mismatch(*workload, *inputs, "c", DType::f32, c), IsEmpty());
  c[12345] += 1e-6F;
  EXPECT_THAT(mismatch(*workload, *inputs, "c", DType::f32, c), HasSubstr("12345"));
  c[12345] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(mismatch(*workload, *inputs, "c", DType::f32, c), HasSubstr("12345"));
}

TEST_F(CeilingOracle, WantsEverySignOfAnUpdateTurnedOnce) {
  const auto workload = stream("update", 64 * 1000);
  const auto inputs = ceiling_family().inputs(*workload, 1, 1);
  const auto* a = inputs->as<float>("a", 0);
  std::vector<float> turned(a, a + 16000);
  for (float& value : turned) value = -value;
  const auto said = [&] { return mismatch(*workload, *inputs, "a", DType::f32, turned); };
  EXPECT_THAT(said(), IsEmpty());
  turned[15999] = std::nextafter(turned[15999], 2.0F);
  EXPECT_THAT(said(), HasSubstr("15999"));
  std::copy_n(a, 16000, turned.begin());
  EXPECT_THAT(said(), Not(IsEmpty())) << "nothing, or twice, is not once";
}

TEST(BestFlopsBackend, CanRunWhatItBounds) {
  const Registry registry({});
  for (const char* dtype : {"f64", "f32", "bf16", "s8"}) {
    std::string reason;
    const auto backend = best_flops_backend(*dtype_from_name(dtype), reason);
    if (!backend) {
      EXPECT_THAT(reason, Not(IsEmpty())) << dtype;
      continue;
    }
    bool found = false;
    for (const auto& implementation : registry.implementations()) {
      if (implementation->info().kernel != "ceiling") continue;
      if (implementation->info().backend != *backend) continue;
      found = true;
      EXPECT_EQ(implementation->unavailable(), std::nullopt);
      EXPECT_EQ(implementation->unsupported(*flops(dtype, 1)), std::nullopt) << dtype;
    }
    EXPECT_TRUE(found) << *backend;
  }
}

TEST(BestFlopsBackend, DoesNotLendAnotherTypesLoop) {
  std::string reason;
  EXPECT_EQ(best_flops_backend(DType::f16, reason), std::nullopt);
  EXPECT_THAT(reason, HasSubstr("f16"));
}

/// The backend for a processor with these features, or "" and a reason that names something.
std::string best(DType dtype, const std::string& vendor, std::vector<std::string> features,
                 bool tiles_permitted = true) {
  CpuInfo cpu;
  cpu.vendor = vendor;
  cpu.isa = std::move(features);
  std::string reason;
  const auto backend = best_flops_backend(dtype, cpu, tiles_permitted, reason);
  EXPECT_EQ(backend.has_value(), reason.empty()) << reason;
  return std::string(backend.value_or(""));
}

TEST(BestFlopsBackend, PrefersTilesToVectorsAndVectorsToNothing) {
  const std::vector<std::string> tiles = {"sse2",        "avx",        "fma",      "avx2",
                                          "avx512f",     "avx512bw",   "amx_bf16", "amx_int8",
                                          "avx512_bf16", "avx512_vnni"};
  EXPECT_EQ(best(DType::bf16, "GenuineIntel", tiles), "amx");
  EXPECT_EQ(best(DType::s8, "GenuineIntel", tiles), "amx");
  EXPECT_EQ(best(DType::f32, "GenuineIntel", tiles), "avx512");
  EXPECT_EQ(best(DType::f64, "x", {"sse2", "avx", "fma", "avx2"}), "avx2");
  EXPECT_EQ(best(DType::s8, "x", {"sse2", "avx", "fma", "avx2"}), "avx2");
  EXPECT_EQ(best(DType::f32, "x", {"sse2"}), "portable");
  EXPECT_EQ(best(DType::f32, "Arm", {"asimd", "asimddp"}), "portable");
}

TEST(BestFlopsBackend, IsUnknownWhereAUnitHasNoLoop) {
  EXPECT_EQ(best(DType::f32, "Arm", {"asimd", "sve"}), "");
  EXPECT_EQ(best(DType::s8, "Arm", {"asimd", "asimddp"}), "");
  EXPECT_EQ(best(DType::bf16, "Arm", {"asimd", "bf16"}), "");
  EXPECT_EQ(best(DType::f32, "x", {"sse2", "avx"}), "");
  EXPECT_EQ(best(DType::bf16, "x", {"sse2", "avx", "fma", "avx2"}), "");
  EXPECT_EQ(best(DType::s8, "GenuineIntel", {"avx512_vnni", "amx_int8"}, false), "");
}

TEST(BestFlopsBackend, TrustsTheBf16InstructionOnlyWhereItIsFasterThanF32) {
  EXPECT_EQ(best(DType::bf16, "AuthenticAMD", {"avx512f", "avx512_bf16"}), "avx512");
  EXPECT_EQ(best(DType::bf16, "GenuineIntel", {"avx512f", "avx512_bf16"}), "");
}

}  // namespace
}  // namespace ergon
