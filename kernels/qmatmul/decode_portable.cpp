#include "kernels/qmatmul/decode_loop.h"

namespace ergon {

constinit const DecodeLoops decode_portable = decode_loops();

}  // namespace ergon
