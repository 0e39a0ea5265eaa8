#include "kernels/ceilings/backend.h"
#include "kernels/devices/cpu.h"

namespace ergon {

Implementations make_ceiling_amx(const RegistryOptions&) {
  using namespace ceilings;
  const CpuInfo& cpu = cpu_info();
  Backend backend{"amx", "AMX tiles", lacking({"amx_tile"}), {}, nullptr};
  if (!backend.unavailable && !enable_amx())
    backend.unavailable = "this processor has AMX, but the system does not permit its use";
  if (cpu.has("amx_bf16")) backend.flops.push_back(&amx_bf16);
  if (cpu.has("amx_int8")) backend.flops.push_back(&amx_s8);
  return make_ceilings(backend);
}

}  // namespace ergon
