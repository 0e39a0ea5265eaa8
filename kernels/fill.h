// Seeded input values, and how much information they hold.
//
// Method: element i of operand `stream` is a function of (seed, stream, i) alone, where i counts
// the elements row by row whatever their strides: the i-th output of SplitMix64 (Steele, Lea and
// Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014) started at a state hashed
// from seed and stream. So any number of threads, any layout and any padding give the same values.
//
//   floats  uniform in [-1, 1) with 53 random bits, then rounded to the type
//   s8      uniform in [-127, 127]; -128 is left out, as symmetric quantization does
//   u8      uniform in [0, 255]
//   s32     uniform in [-32768, 32767]; an initial C that cannot push a sum over the edge
//
// Not for cryptography.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/tensor.h"

namespace ergon {

/// 64 random bits: output `index` of stream `stream`.
std::uint64_t random_bits(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) noexcept;

/// Normal, mean 0 and deviation 1, a function of the same three numbers: the inverse of the normal
/// distribution, interpolated between 65536 of its quantiles; at most 4.3 deviations out.
float normal_value(std::uint64_t seed, std::uint64_t stream, std::uint64_t index) noexcept;
/// Elements [first, first + count).
void normal_values(std::uint64_t seed, std::uint64_t stream, std::uint64_t first,
                   std::span<float> to) noexcept;

/// A stream's number from its name (FNV-1a, 64 bits).
std::uint64_t stream_of(std::string_view name) noexcept;

/// Draws every element of the tensor at `data`; the bytes between them become poison_byte, so that
/// a computation that uses its padding gives NaN or far values. With up to `threads` threads.
void fill_uniform(const TensorDesc& desc, std::byte* data, std::uint64_t seed, std::uint64_t stream,
                  int threads);

/// What fill_uniform draws: "uniform [-1, 1) rounded to bf16".
std::string_view distribution(DType dtype) noexcept;

/// Bytes that stand for "nobody wrote here": floats made of it are NaN, s32 are far below any sum
/// of drawn values.
std::byte poison_byte(DType dtype) noexcept;

/// Empirical Shannon entropy of byte 0, byte 1, ... over a sample of up to 65536 elements, summed
/// over the bytes of an element; several tensors are weighted by their elements. It is an upper
/// bound on what an element tells (the bytes of one element, and elements among themselves, may
/// depend on each other), except that a small sample of N elements is short by about 255 / (2 N ln
/// 2) bits a byte.
double entropy_bits_per_element(std::span<const HostTensor> tensors);

}  // namespace ergon
