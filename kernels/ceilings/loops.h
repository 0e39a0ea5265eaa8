// The loops that the backends of the ceiling family drive: one per dtype and instruction, one set
// of streams per register width. Each runs on one thread.
//
// Their sources are compiled with the flags of one instruction set: they may be called only where
// cpu_info() has it, and include nothing that other sources share (the linker keeps one copy of an
// inline function, perhaps theirs).
#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/dtype.h"

namespace ergon::ceilings {

struct FlopsLoop {
  DType dtype;
  std::string_view about;  // "16 accumulators of vpdpbusd zmm"
  std::int64_t flops_per_iteration;
  /// Runs at most `most_iterations`; returns the sum over all accumulators.
  std::int64_t (*run)(const std::int32_t* factors, std::int64_t iterations);
};

/// So many iterations leave every accumulator exact: an accumulator of AMX, which gains most, holds
/// 2^17 * 32 + 32 * 254^2 < 2^24, the integers of f32.
inline constexpr std::int64_t most_iterations = 1 << 17;

/// Arrays of `lines` cache lines, 64-byte aligned; asked for `ahead` bytes before their use.
struct StreamLoops {
  std::uint32_t (*read)(const float* a, std::int64_t lines, std::int64_t ahead);
  void (*copy)(float* c, const float* a, std::int64_t lines, std::int64_t ahead);
  void (*triad)(float* c, const float* a, const float* b, std::int64_t lines, std::int64_t ahead);
  void (*update)(float* a, std::int64_t lines, std::int64_t ahead);
};

extern const FlopsLoop portable_f64, portable_f32, portable_s8;
extern const FlopsLoop avx2_f64, avx2_f32, avx2_s8, avx2_vnni_s8;
extern const FlopsLoop avx512_f64, avx512_f32, avx512_bw_s8, avx512_vnni_s8, avx512_bf16;
extern const FlopsLoop amx_bf16, amx_s8;
extern const StreamLoops portable_streams, avx2_streams, avx512_streams;

}  // namespace ergon::ceilings
