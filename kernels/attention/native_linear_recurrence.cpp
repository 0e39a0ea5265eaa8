#include "kernels/attention/native_linear_recurrence.h"

#include <algorithm>
#include <cstring>

#include "kernels/attention/linear.h"

namespace ergon {
namespace {

void read(DType dtype, const std::byte* from, std::int64_t count, float* to) {
  if (dtype == DType::f32) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  const auto* bits = reinterpret_cast<const std::uint16_t*>(from);
  for (std::int64_t i = 0; i < count; ++i) to[i] = from_bf16(bits[i]);
}

void write(DType dtype, const float* from, std::int64_t count, std::byte* to) {
  if (dtype == DType::f32) {
    std::memcpy(to, from, static_cast<std::size_t>(count) * sizeof(float));
    return;
  }
  auto* bits = reinterpret_cast<std::uint16_t*>(to);
  for (std::int64_t i = 0; i < count; ++i) bits[i] = to_bf16(from[i]);
}

}  // namespace

LinearRecurrence::LinearRecurrence(const Attention& a, simd::Isa isa)
    : dtype_(a.dtype),
      head_dim_(a.head_dim),
      row_((a.v_head_dim + recurrent_columns - 1) / recurrent_columns * recurrent_columns),
      loops_(linear_loops(isa)) {}

std::size_t LinearRecurrence::workspace_bytes() const noexcept {
  return static_cast<std::size_t>(2 * most_recurrent_tokens * (head_dim_ + row_)) * sizeof(float);
}

void LinearRecurrence::run(const LinearSlice& slice, std::byte* workspace) const {
  auto* v = reinterpret_cast<float*>(workspace);
  float* o = v + most_recurrent_tokens * row_;
  float* q = o + most_recurrent_tokens * row_;
  float* k = q + most_recurrent_tokens * head_dim_;
  RecurrenceCall call;
  call.head_dim = head_dim_;
  call.columns = slice.columns;
  call.decay = static_cast<float>(decay(slice.slope, 1));
  call.q = q;
  call.k = k;
  call.v = v;
  call.o = o;
  call.row = row_;
  call.state = slice.state;
  call.state_row = slice.state_row;
  for (std::int64_t first = 0; first < slice.tokens; first += call.tokens) {
    call.tokens = std::min(slice.tokens - first, most_recurrent_tokens);
    for (std::int64_t t = 0; t < call.tokens; ++t) {
      const std::int64_t qk = (first + t) * slice.qk_row, vo = (first + t) * slice.v_row;
      read(dtype_, slice.q + qk, head_dim_, q + t * head_dim_);
      read(dtype_, slice.k + qk, head_dim_, k + t * head_dim_);
      read(dtype_, slice.v + vo, slice.columns, v + t * row_);
    }
    loops_.recurrence(call);
    for (std::int64_t t = 0; t < call.tokens; ++t)
      write(dtype_, o + t * row_, slice.columns, slice.o + (first + t) * slice.v_row);
  }
}

}  // namespace ergon
