#include "kernels/simd/isa.h"

#include <gtest/gtest.h>

#include "kernels/devices/cpu.h"

namespace ergon::simd {
namespace {

TEST(Isa, NamesAreReadBack) {
  for (const Isa isa : {Isa::portable, Isa::neon, Isa::avx2, Isa::avx512})
    EXPECT_EQ(isa_from_name(name(isa)), isa);
  EXPECT_EQ(isa_from_name("avx"), std::nullopt);
  EXPECT_EQ(isa_from_name(""), std::nullopt);
}

TEST(Isa, NeedsEveryFeatureOfTheSet) {
  CpuInfo cpu;
  cpu.isa = {"avx2", "fma", "avx512f", "avx512bw", "avx512vl"};
  EXPECT_TRUE(available(Isa::portable, cpu));
  EXPECT_TRUE(available(Isa::avx2, cpu));
  EXPECT_FALSE(available(Isa::avx512, cpu));  // no avx512dq
  EXPECT_EQ(best_isa(cpu), Isa::avx2);
  cpu.isa.emplace_back("avx512dq");
  EXPECT_EQ(best_isa(cpu), Isa::avx512);
  cpu.isa = {"asimd"};
  EXPECT_EQ(best_isa(cpu), Isa::neon);
}

}  // namespace
}  // namespace ergon::simd
