// Elements widened where they lie side by side, exactly: from memory to memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/simd/isa.h"

namespace ergon {
struct CpuInfo;
}

namespace ergon::simd {

/// `count` elements.
using Widen = void (*)(const std::byte* from, std::byte* to, std::int64_t count);

struct WidenSet {
  Isa isa;
  std::string_view feature;  // beside those of the instruction set; empty: none
  Widen s8_to_bf16, s8_to_f32, f16_to_f32, bf16_to_f32;
};

/// All that this build holds, best last.
std::span<const WidenSet* const> widen_sets() noexcept;
bool usable(const WidenSet& set, const CpuInfo& cpu) noexcept;
const WidenSet& best_widen_set(Isa isa, const CpuInfo& cpu) noexcept;

}  // namespace ergon::simd
