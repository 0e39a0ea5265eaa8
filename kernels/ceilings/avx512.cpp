#include "kernels/ceilings/backend.h"
#include "kernels/devices/cpu.h"

namespace ergon {

Implementations make_ceiling_avx512(const RegistryOptions&) {
  using namespace ceilings;
  const CpuInfo& cpu = cpu_info();
  Backend backend{"avx512",
                  "AVX-512F; bf16 and s8 by its extensions where there are any",
                  lacking({"avx512f"}),
                  {&avx512_f64, &avx512_f32},
                  &avx512_streams};
  if (cpu.has("avx512_bf16")) backend.flops.push_back(&avx512_bf16);
  if (cpu.has("avx512_vnni")) {
    backend.flops.push_back(&avx512_vnni_s8);
  } else if (cpu.has("avx512bw")) {
    backend.flops.push_back(&avx512_bw_s8);
  }
  return make_ceilings(backend);
}

}  // namespace ergon
