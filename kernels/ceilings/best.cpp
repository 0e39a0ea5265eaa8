// Which loop bounds a dtype on this processor. A bound that is too low would call honest results
// impossible, so that whatever a loop here does not drive makes the ceiling unknown.
#include <algorithm>
#include <span>

#include "kernels/ceilings/ceiling.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// The first row whose feature (and vendor, if it names one) the processor has decides.
struct Unit {
  std::string_view feature;
  std::string_view backend;  // empty: no loop here drives it
  std::string_view vendor = {};
};

constexpr Unit real_units[] = {{"sme", ""},          {"sve", ""}, {"avx512f", "avx512"},
                               {"fma", "avx2"},      {"avx", ""}, {"sse2", "portable"},
                               {"asimd", "portable"}};

// On an Intel core with AMX vdpbf16ps starts every second cycle, so that widening to f32 and two
// multiply-adds a cycle can be faster: without the tiles it bounds bf16 only where AMD made it.
constexpr Unit bf16_units[] = {{"sme", ""},
                               {"bf16", ""},
                               {"amx_bf16", "amx"},
                               {"avx512_bf16", "avx512", "AuthenticAMD"},
                               {"avx512_bf16", ""}};

constexpr Unit s8_units[] = {
    {"sme", ""},
    {"i8mm", ""},
    {"asimddp", ""},
    {"amx_int8", "amx"},
    {"avx512_vnni", "avx512"},
    {"avx512bw", "avx512"},
    {"avx_vnni", "avx2"},
    {"avx2", "avx2"},
};

std::span<const Unit> units_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::f32:
      return real_units;
    case DType::bf16:
      return bf16_units;
    case DType::s8:
      return s8_units;
    default:
      return {};
  }
}

}  // namespace

std::optional<std::string_view> best_flops_backend(DType weights, const CpuInfo& cpu,
                                                   bool tiles_permitted, std::string& reason) {
  const std::string type(name(weights));
  const std::span<const Unit> units = units_of(weights);
  if (units.empty()) {
    reason = "there is no " + type + " multiply-add loop";
    return std::nullopt;
  }
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& row) {
    return cpu.has(row.feature) && (row.vendor.empty() || row.vendor == cpu.vendor);
  });
  if (unit == units.end()) {
    reason = "this processor has no " + type + " multiply-add that a loop here drives";
  } else if (unit->backend.empty()) {
    reason = "no loop here bounds " + type + " on a processor with " + std::string(unit->feature);
  } else if (unit->backend == "amx" && !tiles_permitted) {
    reason = "this processor has AMX, but the system does not permit its use";
  } else {
    return unit->backend;
  }
  return std::nullopt;
}

std::optional<std::string_view> best_flops_backend(DType weights, std::string& reason) {
  return best_flops_backend(weights, cpu_info(), enable_amx(), reason);
}

std::optional<std::string_view> best_bandwidth_backend() {
  const CpuInfo& cpu = cpu_info();
  if (cpu.has("avx512f")) return "avx512";
  return cpu.has("avx2") && cpu.has("fma") ? "avx2" : "portable";
}

}  // namespace ergon
