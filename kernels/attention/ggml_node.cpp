#include "kernels/attention/ggml_node.h"

#include <array>
#include <cmath>

namespace ergon::ggml {
namespace {

/// Newer versions have another name for it.
template <class Tensor>
void sum_in_f32(Tensor* node) {
  if constexpr (requires { ggml_prec_set_acc(node, GGML_PREC_F32); })
    ggml_prec_set_acc(node, GGML_PREC_F32);
  else
    ggml_flash_attn_ext_set_prec(node, GGML_PREC_F32);
}

using Three = std::array<double, 3>;

/// One head, three keys; queries, keys and values are 0 but for their first elements.
struct Trial {
  bool gives(double expected, double query, const Three& keys, const Three& values) const {
    const std::size_t bytes =
        8 * ggml_tensor_overhead() + ggml_graph_overhead() + 4096 +
        sizeof(float) * static_cast<std::size_t>((queries + 3) * (head_dim + v_head_dim));
    const ggml_context_ptr memory(ggml_init({bytes, nullptr, false}));
    ggml_context* context = memory.get();
    const auto filled = [&](DType dtype, std::int64_t width, std::int64_t rows, auto first_of) {
      ggml_tensor* tensor = ggml_new_tensor_4d(context, *cache_type(dtype), width, rows, 1, 1);
      ggml_set_zero(tensor);
      for (std::int64_t row = 0; row < rows; ++row)
        store(dtype, tensor->data, row * width, first_of(static_cast<std::size_t>(row)));
      return tensor;
    };
    AttentionOperands operands;
    operands.q = filled(DType::f32, head_dim, queries, [&](std::size_t) { return query; });
    operands.k = filled(cache, head_dim, 3, [&](std::size_t key) { return keys[key]; });
    operands.v = filled(cache, v_head_dim, 3, [&](std::size_t key) { return values[key]; });
    ggml_tensor* o = attention(context, operands);
    ggml_cgraph* graph = ggml_new_graph(context);
    ggml_build_forward_expand(graph, o);
    compute(backend_of(1).get(), graph);
    const auto* got = static_cast<const float*>(o->data);
    for (std::int64_t i = 0; i < queries; ++i)
      if (!(std::fabs(got[i * v_head_dim] - expected) <= 1e-6 * expected)) return false;
    return true;
  }

  DType cache;
  std::int64_t head_dim, v_head_dim, queries;
};

}  // namespace

ggml_tensor* attention(ggml_context* context, const AttentionOperands& operands) {
  ggml_tensor* node = ggml_flash_attn_ext(context, operands.q, operands.k, operands.v,
                                          operands.mask, static_cast<float>(operands.scale), 0.0F,
                                          static_cast<float>(operands.soft_cap));
  sum_in_f32(node);
  if (operands.sinks != nullptr) ggml_flash_attn_ext_add_sinks(node, operands.sinks);
  return node;
}

std::int64_t mask_rows(std::int64_t queries) noexcept {
#ifdef GGML_KQ_MASK_PAD
  return GGML_PAD(queries, GGML_KQ_MASK_PAD);
#else
  return queries;
#endif
}

std::optional<ggml_type> cache_type(DType dtype) noexcept {
  switch (dtype) {
    case DType::f32:
      return GGML_TYPE_F32;
    case DType::f16:
      return GGML_TYPE_F16;
    case DType::bf16:
      return GGML_TYPE_BF16;
    default:
      return std::nullopt;
  }
}

AttentionArithmetic attention_arithmetic(DType cache, std::int64_t head_dim,
                                         std::int64_t v_head_dim, std::int64_t queries) {
  const Trial trial{cache, head_dim, v_head_dim, queries};
  // Neither f16 nor bf16 holds the query, nor f16 the sum of 2048 and 1.
  constexpr double query = 1 + 0x1p-12;
  return {trial.gives(1 / (1 + 2 * std::exp(-2 * query)), query, {1, -1, -1}, {1, 0, 0}),
          trial.gives(2050.0 / 3, 0, {0, 0, 0}, {2048, 1, 1})};
}

}  // namespace ergon::ggml
