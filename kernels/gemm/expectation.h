// What C is expected to be, and how it is looked at: element by element where that is affordable,
// by samples and random vectors where it is not.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/compare.h"
#include "kernels/gemm/calibrate.h"
#include "kernels/gemm/problem.h"

namespace ergon {

class Expectation {
 public:
  virtual ~Expectation() = default;
  /// `c` is the tensor of the workload: [batch, rows, cols].
  virtual void compare(const HostTensor& c, Comparer& comparer) const = 0;
  /// What was compared with what, for the record.
  virtual std::string reference() const = 0;
};

std::unique_ptr<Expectation> expect_whole(const Problem& problem, const Inputs& inputs);
/// Method and detectable errors: sampled.cpp.
std::unique_ptr<Expectation> expect_sampled(const Problem& problem, const Inputs& inputs,
                                            const Calibration& calibration);

/// alpha a b + beta c in float64, dense: `a` is m x k, `b` is k x n, `c` (m x n) is the C before
/// the call, or nothing where beta is 0.
std::vector<double> expected_block(const Problem& problem, const MatrixView& a, const MatrixView& b,
                                   const std::optional<MatrixView>& c, std::int64_t m,
                                   std::int64_t n);

/// The C before the call of one matrix of the batch; nothing where beta is 0.
std::optional<MatrixView> c_before(const Problem& problem, const Inputs& inputs,
                                   std::int64_t index);

/// Where a run of elements lies in the problem's C: from (row, col) along a row, or down a column.
struct Run {
  std::int64_t index = 0;  // in the batch
  std::int64_t row = 0, col = 0;
  bool down = false;
};
void compare_run(const Problem& problem, const HostTensor& c, const Run& run,
                 std::span<const double> expected, Comparer& comparer);

}  // namespace ergon
