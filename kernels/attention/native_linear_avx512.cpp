#include "kernels/attention/native_linear_loop.h"

namespace ergon {

constinit const LinearLoops linear_avx512 = loops();

}  // namespace ergon
