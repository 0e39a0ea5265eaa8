// A step of an online softmax: a block of logits becomes weights for the next product, and the
// running maximum and sum follow.
//
// Method: with x = scale_log2 * logit, a weight is 2^(x - m). m, the running maximum of a query, is
// raised only where a block exceeds it by more than 8, so that weights stay below 2^8 and what was
// summed is seldom scaled again (Dao, "FlashAttention-2", 2023, raises it always). Powers of two
// are a polynomial of the fraction: off by 7.5e-5 where weights become bf16, by 2e-9 before the
// rounding of f32 else. A logit that is left out counts as minus infinity.
//
// `columns`: a column of logits is a query's, a row a key's. `row`: a row is a query's.
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

/// Padded rows of logits are a multiple of this.
inline constexpr int softmax_lanes = 16;

struct SoftmaxCall {
  float* logits = nullptr;  // overwritten where they are scaled, capped or left out
  int keys = 0;
  float scale_log2 = 1;                // times log2(e)
  float soft_cap = 0;                  // of scale * logit; 0: none
  const float* key_scale = nullptr;    // [keys]: logits are multiplied by; nullptr: 1
  const float* value_scale = nullptr;  // [keys]: weights are multiplied by, after the sum
};

/// logits [keys][lanes]; weights as words of the product: f32 [keys][lanes], or pairs of bf16
/// [(keys + 1) / 2][lanes], an odd last one with a zero.
struct SoftmaxColumns : SoftmaxCall {
  int lanes = 0;  // whole vectors of the instruction set's tiles
  /// [lanes]: of keys first_key, first_key + 1, ... those from first to end - 1 count. They are
  /// looked at for rows before all_first and from all_end on: others count in all lanes.
  const std::int32_t* first = nullptr;
  const std::int32_t* end = nullptr;
  std::int32_t first_key = 0;
  int all_first = 0, all_end = 0;
  float* largest = nullptr;  // [lanes]: m; minus infinity before the first block
  float* sum = nullptr;      // [lanes]
  float* rescale = nullptr;  // [lanes], out: what has been summed so far is to be multiplied by
  std::byte* weights = nullptr;
};

/// logits [keys], readable and writable up to a multiple of softmax_lanes; weights [keys] up to
/// there, zeros beyond.
struct SoftmaxRow : SoftmaxCall {
  int first = 0, end = 0;
  float* largest = nullptr;
  float* sum = nullptr;
  float* rescale = nullptr;
  std::byte* weights = nullptr;
};

/// to[r][c] = from[r][c] * factor[c], rows of `lanes`; `to` may be `from`.
struct ScaleColumns {
  const float* from = nullptr;
  float* to = nullptr;
  const float* factor = nullptr;
  std::int64_t rows = 0;
  int lanes = 0;
};

/// sums[r] += sum over lanes of weights[lane] max(0, values[r][lane]), rows of `lanes`.
struct PositiveSums {
  const float* values = nullptr;
  const float* weights = nullptr;
  float* sums = nullptr;
  std::int64_t rows = 0;
  int lanes = 0;
};

/// Two rows of 16-bit elements become words, `lanes` of the set's tiles side by side in each panel;
/// of no odd row the upper halves are zeros.
struct Weave {
  const std::uint16_t* even = nullptr;
  const std::uint16_t* odd = nullptr;  // or nullptr
  std::int64_t columns = 0;
  std::uint32_t* to = nullptr;
  int lanes = 0;
  std::int64_t panel = 0;  // words from one panel to the next
};

struct SoftmaxSet {
  Isa isa;
  bool bf16;                 // weights are; else f32
  std::string_view feature;  // beside those of the instruction set; empty: none
  /// Whether any `rescale` is not 1.
  bool (*columns)(const SoftmaxColumns& call);
  bool (*row)(const SoftmaxRow& call);
  void (*scale)(const ScaleColumns& call);
  void (*positive)(const PositiveSums& call);
  void (*weave)(const Weave& call);
};

/// All that this build holds, best last.
std::span<const SoftmaxSet* const> softmax_sets() noexcept;
bool usable(const SoftmaxSet& set, const CpuInfo& cpu) noexcept;
const SoftmaxSet& best_softmax_set(bool bf16, Isa isa, const CpuInfo& cpu) noexcept;

}  // namespace ergon::simd
