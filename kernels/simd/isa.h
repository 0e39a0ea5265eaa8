// Instruction sets that our own kernels are written for, and which of them a processor has.
//
//   portable  C++ for any processor
//   neon      Arm: 128-bit vectors; dot products (asimddp, i8mm) and BF16 where the core has them
//   avx2      x86-64: 256-bit vectors with FMA; AVX-VNNI where the core has it
//   avx512    x86-64: 512-bit vectors (F, BW, DQ, VL); VNNI and BF16 where the core has them
#pragma once

#include <optional>
#include <span>
#include <string_view>

namespace ergon {
struct CpuInfo;
}

namespace ergon::simd {

enum class Isa { portable, neon, avx2, avx512 };

std::string_view name(Isa isa) noexcept;
std::optional<Isa> isa_from_name(std::string_view name) noexcept;
/// The features, as CpuInfo names them, that the set stands on.
std::span<const std::string_view> features(Isa isa) noexcept;
bool available(Isa isa, const CpuInfo& cpu) noexcept;
/// Of those that this build was compiled for.
Isa best_isa(const CpuInfo& cpu) noexcept;

}  // namespace ergon::simd
