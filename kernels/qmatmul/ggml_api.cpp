#include "kernels/qmatmul/ggml_api.h"

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string_view>

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

/// On Arm it multiplies by the reciprocal of the scale instead of 127 / largest, and without
/// vectors it rounds ties away from 0 too. Values half way between codes tell.
bool quantizes_as_we_do() {
  constexpr std::int64_t block = 32, blocks = 64, block_bytes = 34;
  std::array<float, block * blocks> x;
  for (std::int64_t b = 0; b < blocks; ++b) {
    float* values = x.data() + b * block;
    values[0] = b == 0 ? 127.0F : 1 + normal_value(1, 1, static_cast<std::uint64_t>(b));
    for (std::int64_t i = 1; i < block; ++i)
      values[i] = (static_cast<float>(4 * i) + 0.5F) * values[0] / 127;
  }
  const ggml_context_ptr context(ggml_init({1 << 20, nullptr, false}));
  ggml_tensor* from = ggml_new_tensor_1d(context.get(), GGML_TYPE_F32, block * blocks);
  ggml_tensor* to = ggml_new_tensor_1d(context.get(), GGML_TYPE_Q8_0, block * blocks);
  std::memcpy(from->data, x.data(), sizeof x);
  ggml_cgraph* graph = ggml_new_graph(context.get());
  ggml_build_forward_expand(graph, ggml_cpy(context.get(), from, to));
  compute(backend_of(1).get(), graph);
  for (std::int64_t b = 0; b < blocks; ++b) {
    std::array<std::int8_t, block> codes;
    const std::uint16_t scale =
        to_f16(quantize_activations(x.data() + b * block, block, true, codes.data()));
    const auto* got = static_cast<const std::byte*>(to->data) + b * block_bytes;
    if (std::memcmp(got, &scale, sizeof scale) != 0 ||
        std::memcmp(got + sizeof scale, codes.data(), sizeof codes) != 0)
      return false;
  }
  return true;
}

std::optional<std::string> refuse_now() {
  const std::string library = std::string("this ggml (") + ggml_version() + ")";
  if (processor() == nullptr) return library + " has no backend for the processor";
  if (!has("OPENMP"))
    return library + " has threads of its own: it needs to be built with GGML_OPENMP";
  if (!quantizes_as_we_do())
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
  return std::nullopt;
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
