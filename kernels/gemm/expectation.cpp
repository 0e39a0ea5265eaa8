#include "kernels/gemm/expectation.h"

#include <utility>

#include "kernels/gemm/wide_product.h"

namespace ergon {
namespace {

class Whole final : public Expectation {
 public:
  Whole(const Problem& problem, const Inputs& inputs) : problem_(problem) {
    for (std::int64_t index = 0; index < problem.batch; ++index)
      matrices_.push_back(expected_block(problem, problem.left(inputs, index),
                                         problem.right(inputs, index),
                                         c_before(problem, inputs, index), problem.m, problem.n));
  }
  void compare(const HostTensor& c, Comparer& comparer) const override {
    const auto n = static_cast<std::size_t>(problem_.n);
    for (std::int64_t index = 0; index < problem_.batch; ++index) {
      const std::span<const double> matrix = matrices_[static_cast<std::size_t>(index)];
      for (std::int64_t i = 0; i < problem_.m; ++i)
        compare_run(problem_, c, {index, i, 0, false},
                    matrix.subspan(static_cast<std::size_t>(i) * n, n), comparer);
    }
  }
  std::string reference() const override {
    return std::string(problem_.is_integer() ? "exact integers" : "float64") + ", every element";
  }

 private:
  const Problem problem_;
  std::vector<std::vector<double>> matrices_;
};

}  // namespace

std::unique_ptr<Expectation> expect_whole(const Problem& problem, const Inputs& inputs) {
  return std::make_unique<Whole>(problem, inputs);
}

std::vector<double> expected_block(const Problem& problem, const MatrixView& a, const MatrixView& b,
                                   const std::optional<MatrixView>& c, std::int64_t m,
                                   std::int64_t n) {
  std::vector<double> block(static_cast<std::size_t>(m * n));
  wide_product(a, b, m, n, problem.k, problem.compensated, block.data(), n);
  for (double& value : block) value *= problem.alpha;
  if (!c) return block;
  std::vector<double> row(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < m; ++i) {
    const MatrixView from = c->from(i, 0);
    widen(from.dtype, from.data, from.offset, from.col_stride, n, row.data());
    double* out = block.data() + i * n;
    for (std::size_t j = 0; j < row.size(); ++j) out[j] += problem.beta * row[j];
  }
  return block;
}

std::optional<MatrixView> c_before(const Problem& problem, const Inputs& inputs,
                                   std::int64_t index) {
  if (problem.beta == 0) return std::nullopt;
  return problem.c(inputs.tensor("c", 0), index);
}

void compare_run(const Problem& problem, const HostTensor& c, const Run& run,
                 std::span<const double> expected, Comparer& comparer) {
  const MatrixView from = problem.c(c, run.index).from(run.row, run.col);
  std::vector<double> got(expected.size());
  widen(from.dtype, from.data, from.offset, run.down ? from.row_stride : from.col_stride,
        static_cast<std::int64_t>(got.size()), got.data());
  std::int64_t row = run.row, col = run.col;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const std::int64_t at[3] = {run.index, problem.swapped ? col : row,
                                problem.swapped ? row : col};
    comparer.add(got[i], expected[i], at);
    ++(run.down ? row : col);
  }
}

}  // namespace ergon
