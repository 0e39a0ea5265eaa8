#include "kernels/gemm/onednn_api.h"

#include <dlfcn.h>
#include <oneapi/dnnl/dnnl_debug.h>

#include <string_view>

namespace ergon::onednn {
namespace {

dnnl::primitive_attr own_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

dnnl::primitive_attr attributes(const dnnl::post_ops& after) {
  dnnl::primitive_attr attributes = own_scratchpad();
  if (after.len() > 0) attributes.set_post_ops(after);
  return attributes;
}

std::string instruction_set() {
  std::string_view isa = dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa());
  constexpr std::string_view prefix = "cpu_isa_";
  if (isa.starts_with(prefix)) isa.remove_prefix(prefix.size());
  return std::string(isa);
}

}  // namespace

#if DNNL_VERSION_MAJOR >= 3

constexpr std::optional<dnnl::memory::data_type> f64 = dnnl::memory::data_type::f64;

Matmul make_matmul(const dnnl::memory::desc& src, const dnnl::memory::desc& weights,
                   const dnnl::memory::desc& dst, float alpha, const dnnl::post_ops& after) {
  dnnl::primitive_attr attr = attributes(after);
  if (alpha == 1) return {{cpu(), src, weights, dst, attr}, {}};
  attr.set_scales_mask(DNNL_ARG_SRC, 0);
  dnnl::memory scale({{1}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::x}, cpu());
  *static_cast<float*>(scale.get_data_handle()) = alpha;
  return {{cpu(), src, weights, dst, attr}, {{DNNL_ARG_ATTR_SCALES | DNNL_ARG_SRC, scale}}};
}

void append_eltwise(dnnl::post_ops& list, dnnl::algorithm algorithm, float alpha, float beta) {
  list.append_eltwise(algorithm, alpha, beta);
}

Softmax make_softmax(const dnnl::memory::desc& src, const dnnl::memory::desc& dst) {
  const dnnl::softmax_forward::primitive_desc desc(
      cpu(), dnnl::prop_kind::forward_inference, dnnl::algorithm::softmax_accurate, src, dst,
      static_cast<int>(src.get_dims().size()) - 1, own_scratchpad());
  return {dnnl::softmax_forward(desc), desc.scratchpad_desc(), desc.impl_info_str()};
}

#else

constexpr std::optional<dnnl::memory::data_type> f64 = std::nullopt;

Matmul make_matmul(const dnnl::memory::desc& src, const dnnl::memory::desc& weights,
                   const dnnl::memory::desc& dst, float alpha, const dnnl::post_ops& after) {
  dnnl::primitive_attr attr = attributes(after);
  if (alpha != 1) attr.set_output_scales(0, {alpha});
  return {{dnnl::matmul::desc(src, weights, dst), attr, cpu()}, {}};
}

void append_eltwise(dnnl::post_ops& list, dnnl::algorithm algorithm, float alpha, float beta) {
  list.append_eltwise(1, algorithm, alpha, beta);
}

Softmax make_softmax(const dnnl::memory::desc& src, const dnnl::memory::desc& dst) {
  const dnnl::softmax_v2_forward::desc operation(dnnl::prop_kind::forward_inference,
                                                 dnnl::algorithm::softmax_accurate, src, dst,
                                                 static_cast<int>(src.dims().size()) - 1);
  const dnnl::softmax_v2_forward::primitive_desc desc(operation, own_scratchpad(), cpu());
  return {dnnl::softmax_v2_forward(desc), desc.scratchpad_desc(), desc.impl_info_str()};
}

#endif

dnnl::post_ops sum(float beta) {
  dnnl::post_ops list;
  if (beta != 0) list.append_sum(beta);
  return list;
}

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

std::optional<dnnl::memory::data_type> data_type(DType dtype) noexcept {
  using Type = dnnl::memory::data_type;
  switch (dtype) {
    case DType::f64:
      return f64;
    case DType::f32:
      return Type::f32;
    case DType::bf16:
      return Type::bf16;
    case DType::f16:
      return Type::f16;
    case DType::s32:
      return Type::s32;
    case DType::s8:
      return Type::s8;
    case DType::u8:
      return Type::u8;
  }
  return std::nullopt;
}

std::string describe(const dnnl::error& error) {
  return std::string("oneDNN: ") + dnnl_status2str(error.status) + " (" + error.what() + ")";
}

Library library() {
  const dnnl_version_t& version = *dnnl_version();
  Library library;
  library.name = "oneDNN";
  library.version = std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                    std::to_string(version.patch);
  const std::string_view commit = version.hash == nullptr ? "" : version.hash;
  if (!commit.empty() && commit != "N/A") library.version += " (" + std::string(commit) + ")";
  // The structure lies in the library; a function's address may be that of a stub in the program.
  Dl_info file{};
  if (dladdr(&version, &file) != 0 && file.dli_fname != nullptr) library.path = file.dli_fname;
  library.kernel = instruction_set();
  return library;
}

std::optional<std::string> refuse_integers() {
  // Bit masks on x86-64: a set contains those it builds on. Elsewhere there is only 0.
  const unsigned used = dnnl_get_effective_cpu_isa();
  const auto contains = [used](unsigned set) { return (used & set) == set; };
  if (used == 0 || contains(dnnl_cpu_isa_avx512_core_vnni) || contains(dnnl_cpu_isa_avx2_vnni))
    return std::nullopt;
  return "oneDNN's 8-bit kernels for " + instruction_set() +
         " saturate sums of two products at 16 bits; exact ones need VNNI";
}

std::optional<std::string> refuse_runtime(unsigned cpu_runtime) {
  if (cpu_runtime == DNNL_RUNTIME_OMP || cpu_runtime == DNNL_RUNTIME_SEQ) return std::nullopt;
  return std::string("oneDNN runs on ") + dnnl_runtime2str(cpu_runtime) +
         ": its number of threads cannot be set; an OpenMP build is needed";
}

}  // namespace ergon::onednn
