#include "kernels/qmatmul/decode_loop.h"

namespace ergon {

constinit const DecodeLoops decode_avx512 = decode_loops();

}  // namespace ergon
