#include "kernels/attention/unfused_softmax_loop.h"

namespace ergon {

void softmax_row_avx2(const SoftmaxRowCall& call) { softmax_row(call); }

}  // namespace ergon
