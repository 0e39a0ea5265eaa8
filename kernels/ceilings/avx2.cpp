#include "kernels/ceilings/backend.h"
#include "kernels/devices/cpu.h"

namespace ergon {

Implementations make_ceiling_avx2(const RegistryOptions&) {
  using namespace ceilings;
  return make_ceilings(
      {"avx2",
       "AVX2 and FMA; s8 by AVX-VNNI where there is one",
       lacking({"avx2", "fma"}),
       {&avx2_f64, &avx2_f32, cpu_info().has("avx_vnni") ? &avx2_vnni_s8 : &avx2_s8},
       &avx2_streams});
}

}  // namespace ergon
