// Expectations for a C that is too much work to compute in float64.
//
// 1. The first, the middle and the last matrix of the batch are compared in full on some rows and
//    columns: the first, the last, one near the end, where a library's remainder code works, and
//    random ones.
// 2. Over all of C: C t = alpha A (B t) + beta C t for a random vector t (Freivalds, "Probabilistic
//    machines can use less running time", 1977), cut into segments of w columns that are checked
//    apart. Entries of t are drawn from +-8 ... +-15, so that wrong elements do not cancel but by
//    chance. Honest errors are independent of t, so those of a segment sum to about their root mean
//    square times |t|; the limit is tolerance |t|, |t| = sqrt(sum of squares), many times that, as
//    the tolerance is twice the largest error of a plain GEMM.
//    Found surely: a lone element off by more than |t| / 4 tolerances, about 3 sqrt(w). Smaller
//    errors only where they lie in a sampled row or column. w is as small, from 16 up, as
//    4e9 operations and 2^24 sums allow. Integers are checked exactly.
//    Left out where values 16 times the scale of C overflow its type: infinities do not add up.
#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "kernels/devices/cpu.h"
#include "kernels/fill.h"
#include "kernels/gemm/expectation.h"
#include "kernels/gemm/wide_product.h"
#include "kernels/workload.h"

namespace ergon {
namespace {

constexpr double most_operations = 4e9, most_sums = 1 << 24;
constexpr std::int64_t narrowest = 16, near_end = 32, elements_worth_a_thread = 100000;

// The checks need to be the same for all implementations of a block, not secret.
std::int64_t draw(std::string_view purpose, std::int64_t index, std::int64_t below) {
  return static_cast<std::int64_t>(
      random_bits(0, stream_of(purpose), static_cast<std::uint64_t>(index)) %
      static_cast<std::uint64_t>(below));
}

std::vector<std::int64_t> sample_of(std::string_view purpose, std::int64_t size) {
  std::set<std::int64_t> chosen = {0, size - 1,
                                   size - 1 - draw(purpose, 0, std::min(size, near_end))};
  for (std::int64_t i = 1; i <= 5; ++i) chosen.insert(draw(purpose, i, size));
  return {chosen.begin(), chosen.end()};
}

// The chosen rows as a dense float64 matrix.
std::vector<double> gather(const MatrixView& from, const std::vector<std::int64_t>& rows,
                           std::int64_t length) {
  std::vector<double> dense(rows.size() * static_cast<std::size_t>(length));
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const MatrixView row = from.from(rows[r], 0);
    widen(row.dtype, row.data, row.offset, row.col_stride, length,
          dense.data() + r * static_cast<std::size_t>(length));
  }
  return dense;
}

MatrixView dense_view(const std::vector<double>& values, std::int64_t cols) {
  return {DType::f64, values.data(), 0, cols, 1};
}

// Width of a segment that keeps the work, the memory and (for integers) float64's 53 bits in
// bounds.
std::int64_t segment_width(const Problem& p) {
  const double rows = static_cast<double>(p.m) * static_cast<double>(p.batch);
  const double depth = std::max(1.0, static_cast<double>(p.k));
  const double affordable = std::min(most_operations / (2 * rows * depth), most_sums / rows);
  const auto segments = std::max<std::int64_t>(
      1, static_cast<std::int64_t>(std::min(affordable, static_cast<double>(p.n))));
  std::int64_t width = std::max(narrowest, (p.n + segments - 1) / segments);
  if (p.is_integer())  // |a b t| < 2^19 in each of w k terms
    width = std::min(width, std::max<std::int64_t>(1, static_cast<std::int64_t>(0x1p33 / depth)));
  return std::min(width, p.n);
}

bool overflows(DType dtype, double value) {
  alignas(8) std::byte rounded[8];
  store(dtype, rounded, 0, value);
  return info(dtype).is_float && std::isinf(load(dtype, rounded, 0));
}

// C t by segments of columns.
class RandomVector {
 public:
  RandomVector(const Problem& problem, double tolerance)
      : problem_(problem),
        tolerance_(tolerance),
        width_(segment_width(problem)),
        segments_((problem.n + width_ - 1) / width_),
        t_(static_cast<std::size_t>(problem.n)) {
    for (std::size_t j = 0; j < t_.size(); ++j) {
      const std::int64_t value = draw("random vector", static_cast<std::int64_t>(j), 16);
      t_[j] = static_cast<double>(value < 8 ? -8 - value : value);
    }
    for (std::int64_t segment = 0; segment < segments_; ++segment)
      limits_.push_back(limit(segment));
  }

  std::int64_t width() const noexcept { return width_; }

  void expect(const Inputs& inputs) {
    for (std::int64_t index = 0; index < problem_.batch; ++index) {
      const std::vector<double> bt = times_t(problem_.right(inputs, index), problem_.k);
      std::vector<double> ct;
      if (problem_.beta != 0) ct = times_t(problem_.c(inputs.tensor("c", 0), index), problem_.m);
      const std::optional<MatrixView> before =
          ct.empty() ? std::nullopt : std::optional(dense_view(ct, segments_));
      expected_.push_back(expected_block(problem_, problem_.left(inputs, index),
                                         dense_view(bt, segments_), before, problem_.m, segments_));
    }
  }

  void compare(const HostTensor& c, Comparer& comparer) const {
    for (std::int64_t index = 0; index < problem_.batch; ++index) {
      const std::vector<double> got = times_t(problem_.c(c, index), problem_.m);
      const std::vector<double>& expected = expected_[static_cast<std::size_t>(index)];
      for (std::size_t i = 0; i < got.size(); ++i) {
        const auto segment = static_cast<std::int64_t>(i) % segments_;
        const double error = std::fabs(got[i] - expected[i]);
        if (error <= limits_[static_cast<std::size_t>(segment)]) continue;
        comparer.mismatch(message(index, static_cast<std::int64_t>(i) / segments_, segment, error));
        return;
      }
    }
  }

 private:
  std::int64_t first(std::int64_t segment) const { return segment * width_; }
  std::int64_t length(std::int64_t segment) const {
    return std::min(width_, problem_.n - first(segment));
  }
  // Limit of a segment's error: tolerance |t|.
  double limit(std::int64_t segment) const {
    double squares = 0;
    for (std::int64_t j = 0; j < length(segment); ++j) {
      const double t = t_[static_cast<std::size_t>(first(segment) + j)];
      squares += t * t;
    }
    return tolerance_ * std::sqrt(squares);
  }

  // rows x segments
  std::vector<double> times_t(const MatrixView& matrix, std::int64_t rows) const {
    std::vector<double> sums(static_cast<std::size_t>(rows * segments_));
    const auto threads = static_cast<int>(std::clamp<std::int64_t>(
        rows * problem_.n / elements_worth_a_thread, 1, usable_processors()));
    on_team(threads, [&](int thread, int team) {
      const std::int64_t first_row = rows * thread / team;
      segment_sums(matrix.from(first_row, 0), rows * (thread + 1) / team - first_row, t_, width_,
                   sums.data() + first_row * segments_, segments_);
    });
    return sums;
  }

  std::string message(std::int64_t index, std::int64_t row, std::int64_t segment,
                      double error) const {
    const std::string line = std::to_string(row);
    const std::string range = std::to_string(first(segment)) + ".." +
                              std::to_string(first(segment) + length(segment) - 1);
    return "c[" + std::to_string(index) + "," + (problem_.swapped ? range : line) + "," +
           (problem_.swapped ? line : range) + "]: the sum over a random vector is off by " +
           to_text(error) + ", allowed " + to_text(limits_[static_cast<std::size_t>(segment)]);
  }

  const Problem problem_;
  double tolerance_;
  std::int64_t width_, segments_;
  std::vector<double> t_, limits_;
  std::vector<std::vector<double>> expected_;  // of each matrix: m x segments
};

class Sampled final : public Expectation {
 public:
  Sampled(const Problem& problem, const Inputs& inputs, const Calibration& calibration)
      : problem_(problem) {
    for (const std::int64_t index : std::set<std::int64_t>{0, problem.batch / 2, problem.batch - 1})
      sample(inputs, index);
    if (overflows(problem.types.output, 16 * calibration.scale)) return;
    random_vector_.emplace(problem, calibration.tolerance);
    random_vector_->expect(inputs);
  }

  void compare(const HostTensor& c, Comparer& comparer) const override {
    for (const Line& line : lines_) compare_run(problem_, c, line.run, line.expected, comparer);
    if (random_vector_) random_vector_->compare(c, comparer);
  }

  std::string reference() const override {
    return std::string(problem_.is_integer() ? "exact integers" : "float64") + ", " +
           std::to_string(lines_.size()) + " rows and columns" +
           (random_vector_ ? ", and all of C by random vectors over " +
                                 std::to_string(random_vector_->width()) + " columns"
                           : ", no more as C overflows its type");
  }

 private:
  struct Line {
    Run run;
    std::vector<double> expected;
  };

  void sample(const Inputs& inputs, std::int64_t index) {
    const MatrixView a = problem_.left(inputs, index), b = problem_.right(inputs, index);
    const auto c = c_before(problem_, inputs, index);
    add_lines(index, false, sample_of("rows", problem_.m), a, b, c, problem_.n);
    // Columns are rows of the transposed product.
    add_lines(index, true, sample_of("columns", problem_.n), b.transposed(), a.transposed(),
              c ? std::optional(c->transposed()) : std::nullopt, problem_.m);
  }

  void add_lines(std::int64_t index, bool down, const std::vector<std::int64_t>& chosen,
                 const MatrixView& a, const MatrixView& b, const std::optional<MatrixView>& c,
                 std::int64_t length) {
    const auto rows = static_cast<std::int64_t>(chosen.size());
    const std::vector<double> left = gather(a, chosen, problem_.k);
    std::vector<double> before;
    if (c) before = gather(*c, chosen, length);
    const std::vector<double> block =
        expected_block(problem_, dense_view(left, problem_.k), b,
                       c ? std::optional(dense_view(before, length)) : std::nullopt, rows, length);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t at = chosen[static_cast<std::size_t>(r)];
      lines_.push_back({{index, down ? 0 : at, down ? at : 0, down},
                        {block.begin() + r * length, block.begin() + (r + 1) * length}});
    }
  }

  const Problem problem_;
  std::vector<Line> lines_;
  std::optional<RandomVector> random_vector_;
};

}  // namespace

std::unique_ptr<Expectation> expect_sampled(const Problem& problem, const Inputs& inputs,
                                            const Calibration& calibration) {
  return std::make_unique<Sampled>(problem, inputs, calibration);
}

}  // namespace ergon
