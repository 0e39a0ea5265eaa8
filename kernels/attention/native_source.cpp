#include "kernels/attention/native_source.h"

#include <algorithm>
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
    each<std::int8_t, float>(from, to, count,
                             [](std::int8_t code) { return static_cast<float>(code); });
  } else if (from_type == DType::f16) {
    each<std::uint16_t, float>(from, to, count, from_f16);
  } else {
    each<std::uint16_t, float>(from, to, count, from_bf16);
  }
}

RowsInMemory OperandKv::rows(const KvRows& from, std::int64_t sequence, std::int64_t head,
                             std::int64_t first, std::int64_t count, std::byte* scratch) const {
  if (from.dtype() == product_ && from.together(first) >= count)
    return {from.row(sequence, first, head), from.stride()};
  const std::int64_t stride = from.width() * static_cast<std::int64_t>(size_of(product_));
  for (std::int64_t i = 0; i < count; ++i)
    widen_elements(from.dtype(), from.row(sequence, first + i, head), product_,
                   scratch + i * stride, from.width());
  return {scratch, stride};
}

QueryRows::Run QueryRows::run(std::int64_t first, std::int64_t count) const {
  if (a_.q_len == 1) return {count, 1};
  return {std::min(count, a_.q_len - first % a_.q_len), a_.q_heads};
}

RowsInMemory QueryRows::queries(std::int64_t sequence, std::int64_t head, std::int64_t first,
                                std::int64_t count, std::byte* scratch) const {
  const DType product = a_.product_dtype();
  const std::int64_t row = a_.head_dim * static_cast<std::int64_t>(size_of(a_.dtype));
  const Run in_place = run(first, count);
  if (product == a_.dtype && row % 4 == 0 && in_place.rows == count)
    return {q_ + place(sequence, head, first) * row, in_place.step * row};
  const std::int64_t used = a_.head_dim * static_cast<std::int64_t>(size_of(product));
  const std::int64_t stride = rounded_up(used, 4);
  for (std::int64_t i = 0; i < count; ++i) {
    widen_elements(a_.dtype, q_ + place(sequence, head, first + i) * row, product,
                   scratch + i * stride, a_.head_dim);
    std::memset(scratch + i * stride + used, 0, static_cast<std::size_t>(stride - used));
  }
  return {scratch, stride};
}

EvenRows QueryRows::even(const std::byte* all, std::int64_t width, std::int64_t sequence,
                         std::int64_t head, std::int64_t first, std::int64_t count) const {
  const std::int64_t row = width * static_cast<std::int64_t>(size_of(a_.dtype));
  const Run rows = run(first, count);
  return {{all + place(sequence, head, first) * row, rows.step * row}, rows.rows, row};
}

void QueryRows::write(std::int64_t sequence, std::int64_t head, std::int64_t first,
                      std::int64_t count, const float* values, std::int64_t stride,
                      std::byte* o) const {
  const auto element = static_cast<std::int64_t>(size_of(a_.dtype));
  const std::int64_t row = a_.v_head_dim * element;
  for (std::int64_t done = 0; done < count;) {
    const Run rows = run(first + done, count - done);
    simd::FinishCall call;
    call.rows = static_cast<int>(rows.rows);
    call.columns = static_cast<int>(a_.v_head_dim);
    call.from = reinterpret_cast<const std::byte*>(values + done * stride);
    call.from_row = stride * static_cast<std::int64_t>(sizeof(float));
    call.c = o + place(sequence, head, first + done) * row;
    call.c_row = rows.step * row;
    call.c_column = element;
    (a_.dtype == DType::bf16 ? floats_.finish_bf16 : floats_.finish)(call);
    done += rows.rows;
  }
}

}  // namespace ergon
