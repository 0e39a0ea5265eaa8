#include "kernels/attention/native_source.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/devices/cpu.h"
#include "kernels/simd/widen.h"

namespace ergon {
namespace {

const simd::WidenSet& widening(simd::Isa isa) {
  // Looked up once: rows are short.
  static const auto sets = [] {
    std::array<const simd::WidenSet*, static_cast<std::size_t>(simd::Isa::avx512) + 1> all{};
    for (std::size_t i = 0; i < all.size(); ++i)
      all[i] = &simd::best_widen_set(static_cast<simd::Isa>(i), cpu_info());
    return all;
  }();
  return *sets.at(static_cast<std::size_t>(isa));
}

}  // namespace

void widen_elements(DType from_type, const std::byte* from, DType to_type, std::byte* to,
                    std::int64_t count, simd::Isa isa) {
  const simd::WidenSet& set = widening(isa);
  if (from_type == to_type)
    std::memcpy(to, from, static_cast<std::size_t>(count) * size_of(to_type));
  else if (from_type == DType::s8)
    (to_type == DType::bf16 ? set.s8_to_bf16 : set.s8_to_f32)(from, to, count);
  else
    (from_type == DType::f16 ? set.f16_to_f32 : set.bf16_to_f32)(from, to, count);
}

RowsInMemory OperandKv::rows(const KvRows& from, std::int64_t sequence, std::int64_t head,
                             std::int64_t first, std::int64_t count, std::byte* scratch) const {
  if (from.dtype() == product_ && from.together(first) >= count)
    return {from.row(sequence, first, head), from.stride()};
  const std::int64_t stride = from.width() * static_cast<std::int64_t>(size_of(product_));
  for (std::int64_t i = 0; i < count; ++i)
    widen_elements(from.dtype(), from.row(sequence, first + i, head), product_,
                   scratch + i * stride, from.width(), isa_);
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
                   scratch + i * stride, a_.head_dim, floats_.isa);
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
