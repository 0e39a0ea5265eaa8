// The triple loop, i-j-k, in the case's dtype: one scalar sum per element of C, accumulated in the
// accumulate dtype in the order of k, bf16 and f16 widened element by element. Threads share rows.
#include <type_traits>

#include "kernels/devices/cpu.h"
#include "kernels/gemm/loop_plan.h"
#include "kernels/gemm/matrix_view.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

struct Bf16 {
  std::uint16_t bits;
  operator float() const noexcept { return from_bf16(bits); }
  static Bf16 from(float value) noexcept { return {to_bf16(value)}; }
};
struct F16 {
  std::uint16_t bits;
  operator float() const noexcept { return from_f16(bits); }
  static F16 from(float value) noexcept { return {to_f16(value)}; }
};

template <class Out, class Acc>
Out rounded(Acc value) noexcept {
  if constexpr (std::is_arithmetic_v<Out>) {
    return static_cast<Out>(value);
  } else {
    return Out::from(value);
  }
}

template <class A, class B, class Acc, class Out>
void row(const Gemm& gemm, const MatrixView& a_row, const MatrixView& b, Out* c_row,
         std::int64_t c_stride) {
  const A* a = static_cast<const A*>(a_row.data) + a_row.offset;
  const auto alpha = static_cast<Acc>(gemm.alpha), beta = static_cast<Acc>(gemm.beta);
  for (std::int64_t j = 0; j < gemm.n; ++j) {
    const B* b_col = static_cast<const B*>(b.data) + b.offset + j * b.col_stride;
    Acc sum = 0;
    for (std::int64_t p = 0; p < gemm.k; ++p)
      sum += static_cast<Acc>(a[p * a_row.col_stride]) * static_cast<Acc>(b_col[p * b.row_stride]);
    Acc result = alpha * sum;
    if (beta != 0) result += beta * static_cast<Acc>(c_row[j * c_stride]);
    c_row[j * c_stride] = rounded<Out>(result);
  }
}

template <class A, class B, class Acc, class Out>
void triple_loop(const Gemm& gemm, const Inputs& inputs, std::size_t slot, std::byte* c,
                 int threads) {
  const HostTensor a = inputs.tensor("a", slot), b = inputs.tensor("b", slot);
  const std::vector<std::int64_t> c_strides = gemm.desc(gemm.c(), gemm.types.output).strides;
  const std::int64_t rows = gemm.batch * gemm.m;
  on_team(threads, [&](int thread, int team) {
    for (std::int64_t r = rows * thread / team; r < rows * (thread + 1) / team; ++r) {
      const std::int64_t index = r / gemm.m, i = r % gemm.m;
      row<A, B, Acc, Out>(
          gemm, view(a, index, gemm.transpose_a).from(i, 0), view(b, index, gemm.transpose_b),
          reinterpret_cast<Out*>(c) + index * c_strides[0] + i * c_strides[1], c_strides[2]);
    }
  });
}

struct Entry {
  std::string_view dtype;
  void (*loop)(const Gemm&, const Inputs&, std::size_t, std::byte*, int);
};
constexpr Entry loops[] = {
    {"f64", triple_loop<double, double, double, double>},
    {"f32", triple_loop<float, float, float, float>},
    {"f16", triple_loop<F16, F16, float, F16>},
    {"bf16", triple_loop<Bf16, Bf16, float, Bf16>},
    {"bf16_f32", triple_loop<Bf16, Bf16, float, float>},
    {"s8", triple_loop<std::int8_t, std::int8_t, std::int32_t, std::int32_t>},
    {"u8s8", triple_loop<std::uint8_t, std::int8_t, std::int32_t, std::int32_t>},
};

void run(const Gemm& gemm, const Inputs& inputs, std::size_t slot, std::byte* c, int threads) {
  for (const Entry& entry : loops)
    if (entry.dtype == gemm.dtype) return entry.loop(gemm, inputs, slot, c, threads);
}

}  // namespace

Implementations make_gemm_naive(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "gemm";
  info.backend = info.name = "naive";
  info.device_kind = "cpu";
  info.about = "triple loop i-j-k, scalar, threads over rows; " ERGON_NAIVE_FLAGS;
  Implementations list;
  list.push_back(make_loop_implementation(std::move(info), run));
  return list;
}

}  // namespace ergon
