#include "kernels/qmatmul/ggml_api.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "kernels/fill.h"

namespace ergon::ggml {
namespace {

/// Its default prints all, a line for every tensor that is repacked.
void print_warnings(ggml_log_level level, const char* text, void* /*unused*/) {
  if (level == GGML_LOG_LEVEL_WARN || level == GGML_LOG_LEVEL_ERROR) std::fputs(text, stderr);
}

ggml_backend_dev_t find_processor() {
  ggml_log_set(print_warnings, nullptr);
  const auto find = [] { return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_CPU); };
  if (find() == nullptr) ggml_backend_load_all();  // those that are not linked
  return find();
}

/// A function that only the processor's backend has; nullptr where it does not.
template <class Function>
Function function(const char* name) {
  ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(processor());
  return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

/// What its code was compiled for, and with ("AVX2 FMA AVX512_VNNI OPENMP REPACK").
std::string features() {
  const auto list = function<ggml_backend_get_features_t>("ggml_backend_get_features");
  if (list == nullptr) return {};
  std::string all;
  for (const auto* each = list(ggml_backend_dev_backend_reg(processor())); each->name != nullptr;
       ++each) {
    all += all.empty() ? "" : " ";
    all += each->name;
    if (std::string_view(each->value) != "1") all += std::string("=") + each->value;
  }
  return all;
}

bool has(std::string_view feature) {
  return (" " + features() + " ").find(" " + std::string(feature) + " ") != std::string::npos;
}

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

std::optional<std::string> refuse_now() {
  const std::string library = std::string("this ggml (") + ggml_version() + ")";
  if (processor() == nullptr) return library + " has no backend for the processor";
  if (!has("OPENMP"))
    return library + " has threads of its own: it needs to be built with GGML_OPENMP";
  if (!quantizes_blocks_as_we_do())
    return library + " rounds activations otherwise than llama.cpp does on AVX";
  return std::nullopt;
}

}  // namespace

ggml_backend_dev_t processor() {
  static ggml_backend_dev_t device = find_processor();
  return device;
}

std::optional<std::string> refuse() {
  static const std::optional<std::string> reason = refuse_now();
  return reason;
}

Library library() {
  Library library;
  library.name = "ggml";
  library.version = ggml_version();
  const std::string_view commit = ggml_commit();
  if (!commit.empty() && commit != "unknown") library.version += " (" + std::string(commit) + ")";
  if (processor() == nullptr) return library;
  // The processor's registry lies in the library that computes.
  Dl_info file{};
  if (dladdr(ggml_backend_dev_backend_reg(processor()), &file) != 0 && file.dli_fname != nullptr)
    library.path = file.dli_fname;
  library.kernel = features();
  return library;
}

ggml_backend_buffer_type_t plain_buffers() { return ggml_backend_cpu_buffer_type(); }

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

ggml_backend_ptr backend_of(int threads) {
  ggml_backend_ptr backend(ggml_backend_dev_init(processor(), nullptr));
  if (!backend) throw std::bad_alloc();
  function<ggml_backend_set_n_threads_t>("ggml_backend_set_n_threads")(backend.get(), threads);
  return backend;
}

ggml_context_ptr metadata(std::size_t bytes) {
  ggml_context_ptr context(ggml_init({bytes, nullptr, true}));
  if (!context) throw std::bad_alloc();
  return context;
}

void compute(ggml_backend_t backend, ggml_cgraph* graph) {
  const ggml_status status = ggml_backend_graph_compute(backend, graph);
  if (status != GGML_STATUS_SUCCESS)
    throw std::runtime_error(std::string("ggml: ") + ggml_status_to_string(status));
}

}  // namespace ergon::ggml
