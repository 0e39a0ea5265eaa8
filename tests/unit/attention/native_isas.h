// Our own attention for each instruction set that this processor has.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/devices/cpu.h"
#include "kernels/registry.h"

namespace ergon {

Implementations make_attention_native(const RegistryOptions& options);

inline std::vector<simd::Isa> usable_isas() {
  std::vector<simd::Isa> list;
  for (const simd::Isa isa :
       {simd::Isa::portable, simd::Isa::neon, simd::Isa::avx2, simd::Isa::avx512})
    if (simd::available(isa, cpu_info())) list.push_back(isa);
  return list;
}

inline const Implementation& native_attention(simd::Isa isa) {
  static const auto all = [] {
    std::vector<Implementations> list(static_cast<std::size_t>(simd::Isa::avx512) + 1);
    for (const simd::Isa each : usable_isas())
      list[static_cast<std::size_t>(each)] = make_attention_native({.isa = each});
    return list;
  }();
  return *all.at(static_cast<std::size_t>(isa)).at(0);
}

/// What queries, and keys and values, are stored as.
struct Types {
  const char* dtype;
  const char* kv_dtype;
};
inline constexpr Types all_types[] = {{"bf16", "same"}, {"bf16", "f16"}, {"bf16", "s8"},
                                      {"f32", "same"},  {"f32", "bf16"}, {"f32", "f16"},
                                      {"f32", "s8"}};
inline std::string label(const Types& types) {
  return std::string(types.dtype) + "_kv_" + types.kv_dtype;
}
inline void PrintTo(const Types& types, std::ostream* out) { *out << label(types); }

inline FieldMap with(FieldMap fields, const Types& types) {
  fields.insert({{"dtype", std::string(types.dtype)}, {"kv_dtype", std::string(types.kv_dtype)}});
  return fields;
}

}  // namespace ergon
