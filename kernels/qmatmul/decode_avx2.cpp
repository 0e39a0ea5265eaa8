#include "kernels/qmatmul/decode_loop.h"

namespace ergon {

constinit const DecodeLoops decode_avx2 = decode_loops();

}  // namespace ergon
