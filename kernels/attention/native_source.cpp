#include "kernels/attention/native_source.h"

#include <cstring>

namespace ergon {
namespace {

template <class From, class To, class Convert>
void each(const std::byte* from, std::byte* to, std::int64_t count, Convert convert) {
  const auto* in = reinterpret_cast<const From*>(from);
  auto* out = reinterpret_cast<To*>(to);
  for (std::int64_t i = 0; i < count; ++i) out[i] = convert(in[i]);
}

}  // namespace

void widen_elements(DType from_type, const std::byte* from, DType to_type, std::byte* to,
                    std::int64_t count) {
  if (from_type == to_type) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * size_of(to_type));
  } else if (from_type == DType::s8 && to_type == DType::bf16) {
    each<std::int8_t, std::uint16_t>(from, to, count, [](std::int8_t code) {
      return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(static_cast<float>(code)) >>
                                        16);
    });
  } else if (from_type == DType::s8) {
    each<std::int8_t, float>(from, to, count, [](std::int8_t code) { return static_cast<float>(code); });
  } else if (from_type == DType::f16) {
    each<std::uint16_t, float>(from, to, count, from_f16);
  } else {
    each<std::uint16_t, float>(from, to, count, from_bf16);
  }
}

void narrow_elements(const float* from, DType to_type, std::byte* to, std::int64_t count) {
  if (to_type == DType::f32) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  auto* out = reinterpret_cast<std::uint16_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) out[i] = to_bf16(from[i]);
}

void OperandKv::rows(const KvRows& from, std::int64_t sequence, std::int64_t head,
                     std::int64_t first, std::int64_t count, std::byte* to,
                     std::int64_t stride) const {
  for (std::int64_t i = 0; i < count; ++i)
    widen_elements(from.dtype(), from.row(sequence, first + i, head), product_, to + i * stride,
                   from.width());
}

void QueryRows::gather(std::int64_t sequence, std::int64_t head, std::int64_t first,
                       std::int64_t count, std::byte* to, std::int64_t stride) const {
  const auto element = static_cast<std::int64_t>(size_of(a_.dtype));
  const DType product = a_.product_dtype();
  const std::int64_t used = a_.head_dim * static_cast<std::int64_t>(size_of(product));
  for (std::int64_t i = 0; i < count; ++i) {
    widen_elements(a_.dtype, q_ + place(sequence, head, first + i) * a_.head_dim * element, product,
                   to + i * stride, a_.head_dim);
    std::memset(to + i * stride + used, 0, static_cast<std::size_t>(stride - used));
  }
}

}  // namespace ergon
