// Attention as one has it without a fused kernel: a product, a softmax, a product, whole matrices
// of scores between them.
#pragma once

#include "kernels/attention/attention.h"
#include "kernels/registry.h"

namespace ergon {

/// By each CBLAS; the softmax is ours.
Implementations make_unfused_cblas(const RegistryOptions& options);
/// By oneDNN's primitives.
Implementations make_unfused_onednn(const RegistryOptions& options);

/// Why `library` has no products of these operands; nothing where their types are the same.
std::optional<std::string> refuse_mixed(const Attention& workload, const std::string& library);

}  // namespace ergon
