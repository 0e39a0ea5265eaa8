#include "kernels/simd/avx512_softmax.h"
#include "kernels/simd/softmax_sets.h"

namespace ergon::simd {
namespace {

/// Rounds by vcvtne2ps2bf16 and vcvtneps2bf16, which take denormals as zero.
struct Pairs : Avx512Softmax {
  static void store_pairs(std::byte* to, F a, F b) {
    const auto halves = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(b, a));
    const __m512i woven =
        _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                         21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(woven, halves));
  }
  static void store_bf16(std::byte* to, F a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(a)));
  }
};

using Loop = SoftmaxLoop<Pairs>;

}  // namespace

constinit const SoftmaxSet avx512_softmax_bf16_pairs = {
    Isa::avx512,     true,        "avx512_bf16",  Loop::columns<true>,
    Loop::row<true>, Loop::scale, Loop::positive, Loop::weave};

}  // namespace ergon::simd
