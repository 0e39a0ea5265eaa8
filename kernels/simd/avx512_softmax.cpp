#include "kernels/simd/avx512_softmax.h"

#include "kernels/simd/softmax_sets.h"

namespace ergon::simd {
namespace {

using Loop = SoftmaxLoop<Avx512Softmax>;

}  // namespace

constinit const SoftmaxSet avx512_softmax_f32 = {
    Isa::avx512, false,          "",         Loop::columns<false>, Loop::row<false>,
    Loop::scale, Loop::positive, Loop::weave};
constinit const SoftmaxSet avx512_softmax_bf16 = {
    Isa::avx512, true,           "",         Loop::columns<true>, Loop::row<true>,
    Loop::scale, Loop::positive, Loop::weave};

}  // namespace ergon::simd
