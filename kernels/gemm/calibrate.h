// How far from the exact result an honest GEMM may be.
//
// Method: dot products of evenly spread rows with up to 1024 columns are summed plainly, one term
// after the other in the accumulate dtype, finished and rounded to the output dtype as the case
// says, and compared with float64. The tolerance is twice the largest of these errors, and at least
// 4 units in the last place of the output dtype at the scale of the output. As many as 2^18
// elements, or 2^27 terms, are taken, so that the largest error among them is near the largest of
// all of C; where C has fewer than 4096, the same sums are taken again from other starting points
// in k, so that one lucky sum does not make a tolerance that nobody meets. Integers have no
// tolerance.
#pragma once

#include "kernels/gemm/problem.h"

namespace ergon {

struct Calibration {
  double tolerance = 0;  // of |got - expected|
  /// Largest of the root mean squares of C, of alpha A B as independent terms would have it, and of
  /// beta C.
  double scale = 0;
};

Calibration calibrate(const Problem& problem, const Inputs& inputs);

}  // namespace ergon
