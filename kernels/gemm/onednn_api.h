// oneDNN 2.6 and 3.x behind one interface: everything that differs between them, and the library's
// own names for things as text. Nothing here knows GEMM layouts, slots or plans.
//
// Method: primitives with the scratchpad owned by the caller; a matmul's alpha is a scale on the
// product (output scale in 2.x, a scale of the source given at execution in 3.x), beta the factor
// of a sum post-op, which reads the destination. Sources: oneDNN developer guide, "Matrix
// Multiplication", "Quantization", and "Primitive Attributes: Post-ops", of both major versions.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/dtype.h"
#include "kernels/kernel.h"

namespace ergon::onednn {

/// The processor, made once.
const dnnl::engine& cpu();

/// Nothing where this version has no such type.
std::optional<dnnl::memory::data_type> data_type(DType dtype) noexcept;

struct Matmul {
  dnnl::matmul::primitive_desc desc;
  /// What execution takes beyond operands and scratchpad.
  std::vector<std::pair<int, dnnl::memory>> arguments;
};

/// dst = alpha * src * weights, then `after` in its order. Throws dnnl::error where the library has
/// none.
Matmul make_matmul(const dnnl::memory::desc& src, const dnnl::memory::desc& weights,
                   const dnnl::memory::desc& dst, float alpha, const dnnl::post_ops& after = {});

/// + beta * dst; nothing where beta is 0.
dnnl::post_ops sum(float beta);
void append_eltwise(dnnl::post_ops& list, dnnl::algorithm algorithm, float alpha, float beta);

struct Softmax {
  dnnl::primitive primitive;
  dnnl::memory::desc scratchpad;
  std::string implementation;
};

/// Of the last dimension; src and dst may be the same memory where they are the same description.
/// Throws dnnl::error.
Softmax make_softmax(const dnnl::memory::desc& src, const dnnl::memory::desc& dst);

/// "oneDNN: unimplemented (could not create a primitive descriptor ...)"
std::string describe(const dnnl::error& error);

/// Version with commit, file, and the instruction set it uses here ("avx512_core_amx").
Library library();

/// Why its 8-bit products are not those of this suite on this processor; nothing where they are.
/// Without VNNI it adds pairs of products in 16 bits, and they saturate. Source: oneDNN developer
/// guide, "Nuances of int8 Computations".
std::optional<std::string> refuse_integers();

/// Why a oneDNN whose processor runtime is `cpu_runtime` (DNNL_RUNTIME_*) cannot be told its number
/// of threads; nothing for OpenMP, and for the sequential one, which has one thread.
std::optional<std::string> refuse_runtime(unsigned cpu_runtime);

}  // namespace ergon::onednn
