#include "kernels/attention/native_cache.h"

namespace ergon {

std::unique_ptr<KeyCache> make_key_cache(const Attention& workload, simd::Isa isa) {
  if (workload.kv_dtype == DType::s8)
    return workload.dtype == DType::bf16 ? make_code_cache(workload, isa) : nullptr;
  if (workload.kv_dtype == workload.dtype) return make_word_cache(workload, isa);
  return make_half_cache(workload, isa);
}

}  // namespace ergon
