// The widen sets by name; which of them a build holds depends on its processor architecture.
#pragma once

#include "kernels/simd/widen.h"

namespace ergon::simd {

extern const WidenSet portable_widen, avx2_widen, avx512_widen;

}  // namespace ergon::simd
