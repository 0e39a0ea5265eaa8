#include "kernels/gemm/calibrate.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/gemm/wide_product.h"

namespace ergon {
namespace {

constexpr std::int64_t most_rows = 8, most_cols = 1024, enough_errors = 2048;
// Multiply-adds of all plain sums together: a few tenths of a second.
constexpr std::int64_t most_terms = std::int64_t{1} << 28;

double root_mean_square(const std::vector<double>& values) {
  double squares = 0;
  for (const double value : values) squares += value * value;
  return values.empty() ? 0 : std::sqrt(squares / static_cast<double>(values.size()));
}

// Rows spread over the first matrix of the batch, and its first columns.
struct Sample {
  const Problem& problem;
  std::int64_t rows, cols;
  MatrixView b;
  std::vector<double> a;         // rows x k
  std::vector<double> c;         // rows x cols, the C before the call; empty where beta is 0
  std::vector<double> expected;  // rows x cols

  Sample(const Problem& p, const Inputs& inputs)
      : problem(p),
        rows(std::min(p.m, most_rows)),
        cols(std::clamp<std::int64_t>(most_terms / 4 / (rows * std::max<std::int64_t>(p.k, 1)), 16,
                                      most_cols)),
        b(p.right(inputs, 0)) {
    cols = std::min(cols, p.n);
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

// Sums in the order of k from `start` round to before it.
template <class Acc>
std::vector<Acc> plain_sums(const Sample& sample, std::int64_t start) {
  const std::int64_t k = sample.problem.k;
  std::vector<Acc> sums(sample.expected.size(), 0), b_row(static_cast<std::size_t>(sample.cols));
  std::vector<double> wide(b_row.size());
  for (std::int64_t step = 0; step < k; ++step) {
    const std::int64_t p = (start + step) % k;
    const MatrixView b = sample.b.from(p, 0);
    widen(b.dtype, b.data, b.offset, b.col_stride, sample.cols, wide.data());
    std::transform(wide.begin(), wide.end(), b_row.begin(),
                   [](double value) { return static_cast<Acc>(value); });
    for (std::int64_t i = 0; i < sample.rows; ++i) {
      const auto a = static_cast<Acc>(sample.a[static_cast<std::size_t>(i * k + p)]);
      Acc* row = sums.data() + i * sample.cols;
      for (std::int64_t j = 0; j < sample.cols; ++j)
        row[j] += a * b_row[static_cast<std::size_t>(j)];
    }
  }
  return sums;
}

template <class Acc>
double largest_error(const Sample& sample, std::int64_t start) {
  const Problem& p = sample.problem;
  const std::vector<Acc> sums = plain_sums<Acc>(sample, start);
  double largest = 0;
  for (std::size_t at = 0; at < sums.size(); ++at) {
    Acc result = static_cast<Acc>(p.alpha) * sums[at];
    if (p.beta != 0) result += static_cast<Acc>(p.beta) * static_cast<Acc>(sample.c[at]);
    alignas(8) std::byte rounded[8];
    store(p.types.output, rounded, 0, static_cast<double>(result));
    const double error = std::fabs(load(p.types.output, rounded, 0) - sample.expected[at]);
    if (std::isfinite(error)) largest = std::max(largest, error);
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
