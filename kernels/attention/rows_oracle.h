// What the rows of an output must hold: the last dimension of one query and head, or of a state.
//
// Tolerance follows the row, in units of the binade of its largest expected value: twice the
// largest error that plain arithmetic makes in any row, and at least 2 units in the last place of
// that binade in the output's type. Rows of zeros must be zeros.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernels/kernel.h"

namespace ergon {

struct ExpectedRow {
  std::int64_t row = 0;       // index into the output, seen as [rows, last dimension]
  std::vector<double> exact;  // float64
  /// Plain arithmetic: the same roundings of operands and outputs, sums in the accumulate type, one
  /// term after the other. None of rows that it was not done for; of few rows several, from other
  /// starting points, so that one lucky sum does not make a tolerance that nobody meets.
  std::vector<std::vector<double>> plain;
};
/// How many to take where `rows` rows are done: about a thousand sums in all, since of rows whose
/// weights are all but one zero plain arithmetic makes no error.
constexpr int plain_sums(std::size_t rows) noexcept {
  return rows >= 1024 ? 1 : rows <= 64 ? 16 : static_cast<int>(1024 / rows);
}

/// Bytes of rows of `width` elements until they are checked, exact and plain, whichever of them
/// plain arithmetic is done for.
std::size_t expected_rows_bytes(std::int64_t rows, std::int64_t width) noexcept;

/// As storing it in `dtype` leaves it.
double rounded_to(DType dtype, double value);

/// check() throws std::invalid_argument for outputs that are not this one, dense.
std::unique_ptr<Oracle> make_rows_oracle(NamedDesc output, std::vector<ExpectedRow> rows,
                                         std::string reference);

/// Numbers below `count` to look at: all of them, or `most` with the first and the last among them.
std::vector<std::int64_t> rows_to_check(std::int64_t count, std::int64_t most);

}  // namespace ergon
