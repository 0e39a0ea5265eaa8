// Which loop bounds a dtype on this processor. A bound that is too low would call honest results
// impossible, so that whatever a loop here does not drive makes the ceiling unknown.
#include <algorithm>
#include <vector>

#include "kernels/ceilings/ceiling.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// The first feature of a row that the processor has decides.
struct Unit {
  std::string_view feature;
  std::string_view backend;  // empty: no loop here drives it
};
struct Units {
  DType dtype;
  std::vector<Unit> fastest_first;
  std::string_view none;  // why a processor without any of them has no ceiling
};

#if defined(__x86_64__)
constexpr std::string_view baseline = "sse2";
#else
constexpr std::string_view baseline = "asimd";
#endif

const std::vector<Units>& table() {
  const std::vector<Unit> real = {{"sme", ""},     {"sve", ""}, {"avx512f", "avx512"},
                                  {"fma", "avx2"}, {"avx", ""}, {baseline, "portable"}};
  static const std::vector<Units> rows = {
      {DType::f64, real, "its vector unit is not known"},
      {DType::f32, real, "its vector unit is not known"},
      {DType::bf16,
       {{"sme", ""}, {"bf16", ""}, {"amx_bf16", "amx"}, {"avx512_bf16", "avx512"}},
       "it has no bf16 multiply-add that a loop here drives"},
      {DType::s8,
       {{"sme", ""},
        {"i8mm", ""},
        {"asimddp", ""},
        {"amx_int8", "amx"},
        {"avx512_vnni", "avx512"},
        {"avx512bw", "avx512"},
        {"avx_vnni", "avx2"},
        {"avx2", "avx2"}},
       "it has no s8 multiply-add that a loop here drives"},
  };
  return rows;
}

}  // namespace

std::optional<std::string_view> best_flops_backend(DType weights, std::string& reason) {
  const auto units = std::find_if(table().begin(), table().end(),
                                  [&](const Units& row) { return row.dtype == weights; });
  if (units == table().end()) {
    reason = std::string(name(weights)) + " has no multiply-add loop";
    return std::nullopt;
  }
  for (const Unit& unit : units->fastest_first) {
    if (!cpu_info().has(unit.feature)) continue;
    if (unit.backend.empty()) {
      reason = "no loop drives this processor's " + std::string(unit.feature) + " unit";
    } else if (unit.backend == "amx" && !enable_amx()) {
      reason = "this processor has AMX, but the system does not permit its use";
    } else {
      return unit.backend;
    }
    return std::nullopt;
  }
  reason = "this processor: " + std::string(units->none);
  return std::nullopt;
}

std::optional<std::string_view> best_bandwidth_backend() {
  const CpuInfo& cpu = cpu_info();
  if (cpu.has("avx512f")) return "avx512";
  return cpu.has("avx2") && cpu.has("fma") ? "avx2" : "portable";
}

}  // namespace ergon
