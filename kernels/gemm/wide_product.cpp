#include "kernels/gemm/wide_product.h"

#include <algorithm>
#include <memory>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

// Float64: 32 KiB of sums (twice with compensation) and 32 KiB of A; 256 KiB of B, for the L2
// cache.
constexpr std::int64_t block_rows = 32, block_cols = 128, block_depth = 256;

struct Block {  // left as it is when made: what is read is written first
  double sums[block_rows * block_cols];
  double corrections[block_rows * block_cols];
  double a[block_rows * block_depth];
  double b[block_depth * block_cols];
  double b_high[block_depth * block_cols];
};

// The upper 26 bits of a float64 (Veltkamp's splitting, as Dekker 1971 uses it).
inline double high_half(double x) noexcept {
  const double scaled = x * 0x1.0000002p27;
  return scaled - (scaled - x);
}

// Adds a b to `sum` and what rounding lost to `correction`, each half of a and b given.
inline void add_product(double a, double a_high, double b, double b_high, double& sum,
                        double& correction) noexcept {
  const double a_low = a - a_high, b_low = b - b_high, product = a * b;
  const double product_error =
      a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low);
  const double before = sum, after = before + product, added = after - before;
  sum = after;
  correction += product_error + ((before - (after - added)) + (product - added));
}

// Rows up to a multiple of four, zeros beyond the last.
void pack_a(const MatrixView& a, std::int64_t rows, std::int64_t depth, double* out) {
  std::int64_t i = 0;
  for (; i < rows; ++i)
    widen(a.dtype, a.data, a.offset + i * a.row_stride, a.col_stride, depth, out + i * block_depth);
  for (; i % 4 != 0; ++i) std::fill_n(out + i * block_depth, depth, 0.0);
}

// Walks B the way it lies in memory.
void pack_b(const MatrixView& b, std::int64_t depth, std::int64_t cols, double* out) {
  if (b.col_stride <= b.row_stride) {
    for (std::int64_t p = 0; p < depth; ++p)
      widen(b.dtype, b.data, b.offset + p * b.row_stride, b.col_stride, cols, out + p * block_cols);
    return;
  }
  double column[block_depth];
  for (std::int64_t j = 0; j < cols; ++j) {
    widen(b.dtype, b.data, b.offset + j * b.col_stride, b.row_stride, depth, column);
    for (std::int64_t p = 0; p < depth; ++p) out[p * block_cols + j] = column[p];
  }
}

// Four rows at a time read each row of B once for all four.
void add_plain(Block& block, std::int64_t rows, std::int64_t cols, std::int64_t depth) {
  for (std::int64_t i = 0; i < rows; i += 4) {
    double* s0 = block.sums + i * block_cols;
    double *s1 = s0 + block_cols, *s2 = s1 + block_cols, *s3 = s2 + block_cols;
    const double* a = block.a + i * block_depth;
    for (std::int64_t p = 0; p < depth; ++p) {
      const double a0 = a[p], a1 = a[p + block_depth], a2 = a[p + 2 * block_depth],
                   a3 = a[p + 3 * block_depth];
      const double* b = block.b + p * block_cols;
#pragma omp simd
      for (std::int64_t j = 0; j < cols; ++j) {
        s0[j] += a0 * b[j];
        s1[j] += a1 * b[j];
        s2[j] += a2 * b[j];
        s3[j] += a3 * b[j];
      }
    }
  }
}

void add_compensated(Block& block, std::int64_t rows, std::int64_t cols, std::int64_t depth) {
  for (std::int64_t p = 0; p < depth; ++p)
    std::transform(block.b + p * block_cols, block.b + p * block_cols + cols,
                   block.b_high + p * block_cols, high_half);
  for (std::int64_t i = 0; i < rows; ++i) {
    double* sums = block.sums + i * block_cols;
    double* corrections = block.corrections + i * block_cols;
    for (std::int64_t p = 0; p < depth; ++p) {
      const double a = block.a[i * block_depth + p], a_high = high_half(a);
      const double* b = block.b + p * block_cols;
      const double* b_high = block.b_high + p * block_cols;
#pragma omp simd
      for (std::int64_t j = 0; j < cols; ++j)
        add_product(a, a_high, b[j], b_high[j], sums[j], corrections[j]);
    }
  }
}

struct Product {
  MatrixView a, b;
  std::int64_t m, n, k;
  bool compensated;
  double* out;
  std::int64_t ld;

  void compute_block(Block& block, std::int64_t i, std::int64_t j) const {
    const std::int64_t rows = std::min(block_rows, m - i), cols = std::min(block_cols, n - j);
    for (std::int64_t r = 0; r < (rows + 3) / 4 * 4; ++r) {
      std::fill_n(block.sums + r * block_cols, cols, 0.0);
      std::fill_n(block.corrections + r * block_cols, cols, 0.0);
    }
    for (std::int64_t p = 0; p < k; p += block_depth) {
      const std::int64_t depth = std::min(block_depth, k - p);
      pack_a(a.from(i, p), rows, depth, block.a);
      pack_b(b.from(p, j), depth, cols, block.b);
      (compensated ? add_compensated : add_plain)(block, rows, cols, depth);
    }
    for (std::int64_t r = 0; r < rows; ++r)
      for (std::int64_t c = 0; c < cols; ++c)
        out[(i + r) * ld + j + c] =
            block.sums[r * block_cols + c] + block.corrections[r * block_cols + c];
  }
};

// Below this, starting a thread costs more than it saves.
constexpr double terms_worth_a_thread = 1e5;

std::int64_t blocks(std::int64_t size, std::int64_t block) { return (size + block - 1) / block; }

}  // namespace

void wide_product(const MatrixView& a, const MatrixView& b, std::int64_t m, std::int64_t n,
                  std::int64_t k, bool compensated, double* out, std::int64_t ld) {
  const Product product{a, b, m, n, k, compensated, out, ld};
  const std::int64_t across = blocks(n, block_cols), count = blocks(m, block_rows) * across;
  const double worth = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) /
                       terms_worth_a_thread;
  const auto team_size = static_cast<int>(std::clamp<double>(
      worth, 1, static_cast<double>(std::min<std::int64_t>(count, usable_processors()))));
  const auto scratch = std::make_unique_for_overwrite<Block[]>(static_cast<std::size_t>(team_size));
  on_team(team_size, [&](int thread, int team) {
    Block& block = scratch[static_cast<std::size_t>(thread)];
    for (std::int64_t t = count * thread / team; t < count * (thread + 1) / team; ++t)
      product.compute_block(block, t / across * block_rows, t % across * block_cols);
  });
}

void segment_sums(const MatrixView& matrix, std::int64_t rows, std::span<const double> t,
                  std::int64_t width, double* out, std::int64_t ld) {
  constexpr std::int64_t strip = 64;
  double values[strip], sums[strip], corrections[strip];
  const auto cols = static_cast<std::int64_t>(t.size());
  for (std::int64_t i = 0; i < rows; i += strip) {
    const std::int64_t height = std::min(strip, rows - i);
    for (std::int64_t segment = 0; segment * width < cols; ++segment) {
      std::fill(std::begin(sums), std::end(sums), 0.0);
      std::fill(std::begin(corrections), std::end(corrections), 0.0);
      for (std::int64_t j = segment * width; j < std::min(cols, (segment + 1) * width); ++j) {
        const MatrixView column = matrix.from(i, j);
        widen(column.dtype, column.data, column.offset, column.row_stride, height, values);
        const double factor = t[static_cast<std::size_t>(j)];
        for (std::int64_t r = 0; r < height; ++r)
          add_product(values[r], high_half(values[r]), factor, high_half(factor), sums[r],
                      corrections[r]);
      }
      for (std::int64_t r = 0; r < height; ++r)
        out[(i + r) * ld + segment] = sums[r] + corrections[r];
    }
  }
}

}  // namespace ergon
