#include "kernels/gemm/calibrate.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "kernels/gemm/wide_product.h"

namespace ergon {
namespace {

constexpr std::int64_t most_cols = 1024, enough_errors = 4096, most_errors = 1 << 18;
constexpr std::int64_t most_terms = std::int64_t{1} << 27;  // in all sums together
constexpr std::int64_t strip_rows = 8;                      // of sums that stay in the L1 cache

double root_mean_square(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return values.empty() ? 0 : std::sqrt(squares / static_cast<double>(values.size()));
}

std::int64_t errors_wanted(std::int64_t k) {
  return std::clamp(most_terms / std::max<std::int64_t>(k, 1), enough_errors, most_errors);
}

// Rows spread over the first matrix of the batch, and its first columns.
struct Sample {
  const Problem& problem;
  std::int64_t cols, rows;
  MatrixView b;
  std::vector<double> a;         // rows x k
  std::vector<double> c;         // rows x cols, the C before the call; empty where beta is 0
  std::vector<double> expected;  // rows x cols

  Sample(const Problem& p, const Inputs& inputs)
      : problem(p),
        cols(std::clamp<std::int64_t>(most_terms / std::max<std::int64_t>(p.k, 1), 1,
                                      std::min(p.n, most_cols))),
        rows(std::clamp<std::int64_t>(errors_wanted(p.k) / cols, 1, p.m)),
        b(p.right(inputs, 0)) {
    const MatrixView left = p.left(inputs, 0);
    a.resize(static_cast<std::size_t>(rows * p.k));
    for (std::int64_t i = 0; i < rows; ++i)
      widen(left.dtype, left.data, left.offset + row(i) * left.row_stride, left.col_stride, p.k,
            a.data() + i * p.k);
    expected.resize(static_cast<std::size_t>(rows * cols));
    wide_product({DType::f64, a.data(), 0, p.k, 1}, b, rows, cols, p.k, p.compensated,
                 expected.data(), cols);
    for (double& value : expected) value *= p.alpha;
    if (p.beta != 0) add_c(inputs);
  }

  std::int64_t row(std::int64_t i) const {
    return rows == 1 ? 0 : i * (problem.m - 1) / (rows - 1);
  }

 private:
  void add_c(const Inputs& inputs) {
    const MatrixView before = problem.c(inputs.tensor("c", 0), 0);
    c.resize(expected.size());
    for (std::int64_t i = 0; i < rows; ++i)
      widen(before.dtype, before.data, before.offset + row(i) * before.row_stride,
            before.col_stride, cols, c.data() + i * cols);
    for (std::size_t at = 0; at < c.size(); ++at) expected[at] += problem.beta * c[at];
  }
};

// Sums of `rows` rows from `first` on, in the order of k from `start` round to before it.
template <class Acc>
void plain_sums(const Sample& sample, std::int64_t start, std::int64_t first, std::int64_t rows,
                std::span<Acc> sums) {
  const std::int64_t k = sample.problem.k, cols = sample.cols;
  std::fill(sums.begin(), sums.end(), Acc{0});
  std::vector<double> wide(static_cast<std::size_t>(cols));
  std::vector<Acc> b_row(wide.size());
  for (std::int64_t step = 0; step < k; ++step) {
    const std::int64_t p = (start + step) % k;
    const MatrixView b = sample.b.from(p, 0);
    widen(b.dtype, b.data, b.offset, b.col_stride, cols, wide.data());
    std::transform(wide.begin(), wide.end(), b_row.begin(),
                   [](double value) { return static_cast<Acc>(value); });
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto a = static_cast<Acc>(sample.a[static_cast<std::size_t>((first + i) * k + p)]);
      Acc* row = sums.data() + i * cols;
      for (std::int64_t j = 0; j < cols; ++j) row[j] += a * b_row[static_cast<std::size_t>(j)];
    }
  }
}

// Of element `at` whose plain sum is `sum`; 0 where either result overflows.
template <class Acc>
double error_of(const Sample& sample, std::size_t at, Acc sum) {
  const Problem& p = sample.problem;
  Acc result = static_cast<Acc>(p.alpha) * sum;
  if (p.beta != 0) result += static_cast<Acc>(p.beta) * static_cast<Acc>(sample.c[at]);
  alignas(8) std::byte rounded[8];
  store(p.types.output, rounded, 0, static_cast<double>(result));
  const double error = std::fabs(load(p.types.output, rounded, 0) - sample.expected[at]);
  return std::isfinite(error) ? error : 0;
}

template <class Acc>
double largest_error(const Sample& sample, std::int64_t start) {
  double largest = 0;
  std::vector<Acc> sums(static_cast<std::size_t>(strip_rows * sample.cols));
  for (std::int64_t first = 0; first < sample.rows; first += strip_rows) {
    const std::int64_t rows = std::min(strip_rows, sample.rows - first);
    plain_sums<Acc>(sample, start, first, rows, sums);
    for (std::int64_t i = 0; i < rows * sample.cols; ++i)
      largest =
          std::max(largest, error_of(sample, static_cast<std::size_t>(first * sample.cols + i),
                                     sums[static_cast<std::size_t>(i)]));
  }
  return largest;
}

template <class Acc>
double largest_error(const Sample& sample) {
  const std::int64_t k = sample.problem.k, errors = sample.rows * sample.cols;
  const std::int64_t wanted = (enough_errors + errors - 1) / errors;
  const std::int64_t affordable = most_terms / (errors * std::max<std::int64_t>(k, 1));
  const std::int64_t repeats = std::max<std::int64_t>(1, std::min({wanted, affordable, k}));
  double largest = 0;
  for (std::int64_t r = 0; r < repeats; ++r)
    largest = std::max(largest, largest_error<Acc>(sample, r * k / repeats));
  return largest;
}

double scale_of(const Sample& sample) {
  const Problem& p = sample.problem;
  std::vector<double> b(static_cast<std::size_t>(sample.cols * std::min<std::int64_t>(p.k, 64)));
  for (std::int64_t i = 0; i * sample.cols < static_cast<std::int64_t>(b.size()); ++i) {
    const MatrixView row = sample.b.from(i, 0);
    widen(row.dtype, row.data, row.offset, row.col_stride, sample.cols, b.data() + i * sample.cols);
  }
  const double product = std::fabs(p.alpha) * std::sqrt(static_cast<double>(p.k)) *
                         root_mean_square(sample.a) * root_mean_square(b);
  return std::max(
      {root_mean_square(sample.expected), product, std::fabs(p.beta) * root_mean_square(sample.c)});
}

}  // namespace

Calibration calibrate(const Problem& problem, const Inputs& inputs) {
  if (problem.is_integer()) return {};
  const Sample sample(problem, inputs);
  const double scale = scale_of(sample);
  const double error = problem.types.accumulate == DType::f64 ? largest_error<double>(sample)
                                                              : largest_error<float>(sample);
  return {std::max(2 * error, 4 * info(problem.types.output).epsilon * scale), scale};
}

}  // namespace ergon
