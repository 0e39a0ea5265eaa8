// Operands of attention by the bytes of an input.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/fill.h"
#include "tests/fuzz/fuzz.h"

namespace ergon::fuzz {

using Integer = std::int64_t;

/// Values of a row are alike in size: at most 8 times a power of two, of an exponent up to `most`.
inline void draw_row(Choices& choices, DType dtype, std::byte* to, Integer width, int most = 1) {
  const int exponent = most - choices.below(8);
  for (Integer i = 0; i < width; ++i) store(dtype, to, i, double{choices.float_of(exponent)});
}

inline void draw_tokens(Choices& choices, const Attention& a, Inputs& inputs,
                        const std::string& operand, Integer heads, Integer width) {
  const KvRows rows(a, inputs, 0, operand, heads, width);
  std::byte* data = inputs.data(operand, 0);
  const TensorDesc& desc = inputs.desc(operand);
  std::memset(data, rows.scaled() ? 0x80 : 0xff, desc.span_bytes());
  auto* scales =
      rows.scaled() ? reinterpret_cast<float*>(inputs.data(operand + "_scale", 0)) : nullptr;
  if (scales != nullptr) std::memset(scales, 0xff, inputs.desc(operand + "_scale").span_bytes());
  for (Integer b = 0; b < a.batch; ++b)
    for (Integer t = 0; t < a.length(b); ++t)
      for (Integer h = 0; h < heads; ++h) {
        std::byte* row = data + (rows.row(b, t, h) - data);
        if (scales == nullptr) {
          draw_row(choices, rows.dtype(), row, width);
          continue;
        }
        for (Integer i = 0; i < width; ++i)
          row[i] = std::byte(static_cast<unsigned char>(choices.below(255) - 127));
        scales[(row - data) / width] =
            static_cast<float>(std::ldexp(1 + choices.byte(), choices.below(6) - 15));
      }
}

inline void draw_table(Choices& choices, const Attention& a, Inputs& inputs) {
  // Page 0 and the last hold no key.
  std::vector<std::int32_t> pages;
  for (std::int32_t i = 1; i + 1 < pages_of_all(a); ++i) pages.push_back(i);
  for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[choices.word() % i]);
  auto* table = reinterpret_cast<std::int32_t*>(inputs.data("block_table", 0));
  std::size_t next = 0;
  for (Integer b = 0; b < a.batch; ++b)
    for (Integer p = 0; p < pages_of_a_sequence(a); ++p)
      *table++ = p * a.page < a.length(b) ? pages[next++] : 0;
}

/// Queries, and sinks where there are any.
inline void draw_queries(Choices& choices, const Attention& a, Inputs& inputs) {
  for (Integer r = 0; r < a.batch * a.q_len * a.q_heads; ++r)
    draw_row(choices, a.dtype,
             inputs.data("q", 0) + r * a.head_dim * static_cast<Integer>(size_of(a.dtype)),
             a.head_dim);
  if (a.sinks)
    for (Integer h = 0; h < a.q_heads; ++h)
      store(DType::f32, inputs.data("sink", 0), h, double{choices.float_of(1)});
}

}  // namespace ergon::fuzz
