// Error measures of computed values against expected ones.
//
// What is caught: a value off by more than the tolerance, a NaN or infinity where a number is
// expected and the reverse, an infinity of the wrong sign, and so values nobody wrote over a
// poisoned output. What is not wrong: being zero, or minus zero. A float64 expectation beyond the
// output type's range counts as the infinity that it rounds to. max_abs and rel_l2 are over the
// pairs that are both finite, and the largest double where they would overflow (rel_l2 also where
// all that was expected is zero and something else came); anything else is a mismatch and named as
// one.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "kernels/kernel.h"
#include "kernels/tensor.h"

namespace ergon {

class Comparer {
 public:
  /// `output` is the type the values were rounded to; `tolerance` limits |got - expected|.
  Comparer(std::string tensor, DType output, double tolerance);

  /// `at` is the element's index in the tensor, for the message.
  void add(double got, double expected, std::span<const std::int64_t> at) {
    ++checked_;
    const double error = std::fabs(got - expected);
    if (error <= tolerance_) {  // false where either is not a finite number
      count(error, expected);
    } else {
      examine(got, expected, at);
    }
  }
  /// A mismatch found by other means; the first one stands.
  void mismatch(const std::string& text);
  /// Of everything added so far; `reference` is left to the caller.
  Accuracy result() const;

 private:
  void count(double error, double expected) {
    max_abs_ = std::fmax(max_abs_, error);
    error_squares_ += error * error;
    squares_ += expected * expected;
  }
  void examine(double got, double expected, std::span<const std::int64_t> at);

  std::string tensor_;
  DType output_;
  double tolerance_;
  double max_abs_ = 0, error_squares_ = 0, squares_ = 0;
  std::int64_t checked_ = 0, wrong_ = 0;
  std::optional<std::string> first_;
};

/// Whole tensor `got` (any strides) against `expected`, dense and row by row.
Accuracy compare(const HostTensor& got, std::span<const double> expected, double tolerance);

}  // namespace ergon
