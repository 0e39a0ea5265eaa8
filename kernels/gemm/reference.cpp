// float64 whatever the case's dtype: every element of C is a float64 sum in the order of k,
// finished in float64 and rounded once to the output dtype; integers are exact up to 2^53. Apart
// from the oracle, so that each can be held against the other.
#include <algorithm>

#include "kernels/devices/cpu.h"
#include "kernels/gemm/loop_plan.h"
#include "kernels/gemm/matrix_view.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

constexpr std::int64_t columns = 256;  // a strip of float64 sums and one of B stay in the L1 cache

struct Strip {
  double sums[columns];
  double b[columns];
};

// Columns [first, first + count) of one row of C.
void strip_of_row(const Gemm& gemm, const MatrixView& a_row, const MatrixView& b,
                  std::int64_t count, Strip& strip) {
  std::fill_n(strip.sums, count, 0.0);
  for (std::int64_t p = 0; p < gemm.k; ++p) {
    const double a = load(a_row.dtype, a_row.data, a_row.offset + p * a_row.col_stride);
    widen(b.dtype, b.data, b.offset + p * b.row_stride, b.col_stride, count, strip.b);
    for (std::int64_t j = 0; j < count; ++j) strip.sums[j] += a * strip.b[j];
  }
}

void row(const Gemm& gemm, const MatrixView& a_row, const MatrixView& b, const MatrixView& c_row,
         std::byte* c) {
  Strip strip;
  const double alpha = accumulated(gemm, gemm.alpha), beta = accumulated(gemm, gemm.beta);
  for (std::int64_t first = 0; first < gemm.n; first += columns) {
    const std::int64_t count = std::min(columns, gemm.n - first);
    strip_of_row(gemm, a_row, b.from(0, first), count, strip);
    for (std::int64_t j = 0; j < count; ++j) {
      const std::int64_t at = c_row.offset + (first + j) * c_row.col_stride;
      double result = alpha * strip.sums[j];
      if (beta != 0) result += beta * load(c_row.dtype, c, at);
      store(c_row.dtype, c, at, result);
    }
  }
}

void run(const Gemm& gemm, const Inputs& inputs, std::size_t slot, std::byte* c, int threads) {
  const HostTensor a = inputs.tensor("a", slot), b = inputs.tensor("b", slot);
  const HostTensor out{"c", gemm.desc(gemm.c(), gemm.types.output), c};
  const std::int64_t rows = gemm.batch * gemm.m;
  on_team(threads, [&](int thread, int team) {
    for (std::int64_t r = rows * thread / team; r < rows * (thread + 1) / team; ++r) {
      const std::int64_t index = r / gemm.m, i = r % gemm.m;
      row(gemm, view(a, index, gemm.transpose_a).from(i, 0), view(b, index, gemm.transpose_b),
          view(out, index, false).from(i, 0), c);
    }
  });
}

}  // namespace

Implementations make_gemm_reference(const RegistryOptions& /*options*/) {
  ImplementationInfo info;
  info.kernel = "gemm";
  info.backend = info.name = "reference";
  info.device_kind = "cpu";
  info.about = "float64 loop, rounded once to the output type";
  Implementations list;
  list.push_back(make_loop_implementation(std::move(info), run));
  return list;
}

}  // namespace ergon
