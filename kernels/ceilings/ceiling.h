// The machine's own limits, as cases like any other: multiply-adds from registers, and streams of
// memory.
//
// what    call                                        operands  output    flops  bytes
// flops   `flops` operations that touch registers     factors   checksum  flops  0
// read    the sum of a's 32-bit words                 a         sum       0      4 n
// copy    c = a                                       a         c         0      8 n
// triad   c = a + 3 b                                 a, b      c         2 n    12 n
// update  a = -1 a, in place                          a         a         n      8 n
//
// flops: every backend runs the loop of its instruction set; the threads share the operations. An
// accumulator takes the products A * A and -(A - 1) * (A + 1) in turn, with small integers A, so
// that every pair adds 1 and no sum is ever rounded: the checksum of all accumulators is flops / 4
// exactly, which shows that no multiply-add was left out. A differs from lane to lane, but the
// operands repeat: the joules of these loops bound nothing. dtype: f64, f32; bf16 with f32 sums; s8
// with s32 sums (one side holds no negative values, since some instruction sets multiply u8 by s8).
// A multiply-add counts 2 operations, as everywhere.
//
// read, copy, triad, update: arrays of n floats, together `bytes` (rounded down to whole cache
// lines), split contiguously between the threads; ordinary stores. As in McCalpin's STREAM, traffic
// that a processor adds to fetch lines before it writes them is not counted, so copy and triad can
// stay below what the memory moves, and `read` is the bound for kernels that stream their weights.
// The caller chooses `bytes` well past the last-level cache. Arrays lie where the fill put them,
// like all operands.
//
// update (its name in RRZE's TheBandwidthBenchmark): what it writes it had to read, so every byte
// that moves is counted. Memory and the links to it take writes beside reads, on some processors on
// wires of their own: it can be faster than `read` or slower, and is the bound for kernels that
// change an operand in place. A sign is all that changes, so that no bit of the values wears off
// from call to call, and the result is exact.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/kernel.h"

namespace ergon {

struct CpuInfo;

class Ceiling final : public Workload {
 public:
  std::string_view kernel() const noexcept override { return "ceiling"; }
  std::vector<Field> fields() const override;
  TypeNames dtypes() const noexcept override;
  Work work() const noexcept override;
  double distinct_bytes() const noexcept override;
  /// False: its arrays exceed the caches by themselves.
  bool streams_weights() const noexcept override { return false; }

  bool is_flops() const noexcept { return what == "flops"; }
  /// One array, read and written.
  bool is_update() const noexcept { return what == "update"; }
  /// Arrays of a stream, the written one included; 0 for flops.
  int arrays() const noexcept;
  /// Floats in one array of a stream, a multiple of 16.
  std::int64_t elements() const noexcept;

  std::string what;
  DType dtype = DType::f32;
  std::int64_t flops = 0;  // a multiple of ceiling_flops_quantum
  std::int64_t bytes = 0;
};

const Family& ceiling_family();

/// Every loop's round of multiply-adds divides it.
inline constexpr std::int64_t ceiling_flops_quantum = 3 << 18;

/// Operations that keep `threads` threads busy for some tenths of a millisecond with the fastest
/// units known, so that starting the threads does not count. Throws InvalidField for a dtype
/// without a loop.
std::int64_t ceiling_flops(DType dtype, int threads);

/// The backend whose loop bounds multiply-adds with such weights on this processor; nothing, with
/// the reason, where the processor has a unit for them that no loop here drives, or none at all:
/// then the ceiling is unknown.
std::optional<std::string_view> best_flops_backend(DType weights, std::string& reason);
/// The same for any processor.
std::optional<std::string_view> best_flops_backend(DType weights, const CpuInfo& cpu,
                                                   bool tiles_permitted, std::string& reason);

/// The backend that streams memory fastest on this processor.
std::optional<std::string_view> best_bandwidth_backend();

}  // namespace ergon
