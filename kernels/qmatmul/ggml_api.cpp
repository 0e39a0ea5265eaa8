#include "kernels/qmatmul/ggml_api.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string_view>
#include <vector>

#include "kernels/fill.h"

namespace ergon::ggml {
namespace {

constexpr std::int64_t values_in_all = 2048;

/// Blocks of values half way between codes, as it quantizes them.
std::vector<std::byte> quantized(const std::vector<float>& x, ggml_type type) {
  const ggml_context_ptr context(ggml_init({1 << 20, nullptr, false}));
  ggml_tensor* from = ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, values_in_all);
  ggml_tensor* to = ggml_new_tensor_1d(context.get(), type, values_in_all);
  std::memcpy(from->data, x.data(), ggml_nbytes(from));
  ggml_cgraph* graph = ggml_new_graph(context.get());
  ggml_build_forward_expand(graph, ggml_cpy(context.get(), from, to));
  compute(backend_of(1).get(), graph);
  const auto* bytes = static_cast<const std::byte*>(to->data);
  return {bytes, bytes + ggml_nbytes(to)};
}

/// On Arm it multiplies by the reciprocal of the scale instead of 127 / largest, and without
/// vectors it rounds ties away from 0 too; of superblocks it may do so before a product is rounded,
/// where it was built for fused multiply-adds. Values half way between codes tell. `ours` quantizes
/// a block into its codes, behind the scale, which it returns.
template <std::int64_t block, class Ours>
bool quantizes_as(ggml_type type, Ours ours) {
  std::vector<float> x(values_in_all);
  for (std::int64_t at = 0; at < values_in_all; at += block) {
    float* values = x.data() + at;
    values[0] = at == 0 ? 127.0F : 1 + normal_value(1, 1, static_cast<std::uint64_t>(at / block));
    for (std::int64_t i = 1; i < block; ++i)
      values[i] = (static_cast<float>(4 * i % 126) + 0.5F) * values[0] / 127;
  }
  const std::vector<std::byte> blocks = quantized(x, type);
  const std::byte* got = blocks.data();
  for (std::int64_t at = 0; at < values_in_all; at += block, got += ggml_row_size(type, block)) {
    std::array<std::int8_t, block> codes;
    const auto scale = ours(x.data() + at, codes.data());
    const auto bits = std::bit_cast<std::array<std::byte, sizeof scale>>(scale);
    if (!std::equal(bits.begin(), bits.end(), got) ||
        std::memcmp(got + bits.size(), codes.data(), sizeof codes) != 0)
      return false;
  }
  return true;
}

bool quantizes_blocks_as_we_do() {
  return quantizes_as<32>(GGML_TYPE_Q8_0, [](const float* x, std::int8_t* codes) {
    return to_f16(quantize_activations(x, 32, true, codes));
  });
}

}  // namespace

std::optional<std::string> refuse_products() {
  if (auto reason = refuse()) return reason;
  static const bool the_same = quantizes_blocks_as_we_do();
  if (!the_same) return this_library() + " rounds activations otherwise than llama.cpp does on AVX";
  return std::nullopt;
}

ggml_backend_buffer_type_t repacking_buffers() {
  if (processor() == nullptr) return nullptr;
  const auto list =
      function<ggml_backend_dev_get_extra_bufts_t>("ggml_backend_dev_get_extra_bufts");
  if (list == nullptr) return nullptr;
  for (ggml_backend_buffer_type_t* each = list(processor()); *each != nullptr; ++each)
    if (std::string_view(ggml_backend_buft_name(*each)) == "CPU_REPACK") return *each;
  return nullptr;
}

std::optional<ggml_type> type_of(const Format& format) noexcept {
  if (format.name == "q4_0") return GGML_TYPE_Q4_0;
  if (format.name == "q8_0") return GGML_TYPE_Q8_0;
  if (format.name == "q4_K") return GGML_TYPE_Q4_K;
  return std::nullopt;
}

bool quantizes_as_we_do(Activations activations) {
  static const bool superblocks = quantizes_as<superblock>(GGML_TYPE_Q8_K, quantize_superblock);
  return activations != Activations::s8_in_superblocks || superblocks;
}

ggml_type activation_type_of(const Format& format) noexcept {
  return format.activations == Activations::s8_in_superblocks ? GGML_TYPE_Q8_K : GGML_TYPE_Q8_0;
}

bool multiplies(ggml_backend_buffer_type_t buffers, ggml_type type, std::int64_t n,
                std::int64_t k) {
  // As llama.cpp asks: with a buffer of no bytes.
  const ggml_backend_buffer_ptr buffer(ggml_backend_buft_alloc_buffer(buffers, 0));
  const ggml_context_ptr context = metadata(8 * ggml_tensor_overhead());
  ggml_tensor* w = ggml_new_tensor_2d(context.get(), type, k, n);
  ggml_tensor* x = ggml_new_tensor_2d(context.get(), GGML_TYPE_F32, k, 1);
  w->buffer = buffer.get();
  return ggml_backend_dev_supports_op(processor(), ggml_mul_mat(context.get(), w, x));
}

}  // namespace ergon::ggml
