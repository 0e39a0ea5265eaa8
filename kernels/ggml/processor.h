// ggml's backend for the processor, found through its registry alone, so that it may be linked or
// (as distributions have it) be loaded at run time. What every family asks of ggml.
#pragma once

#include <ggml-cpp.h>

#include <optional>
#include <string>

#include "kernels/kernel.h"

namespace ergon::ggml {

/// The processor; nullptr where this ggml has no backend for it.
ggml_backend_dev_t processor();

/// "this ggml (0.25.3)"
std::string this_library();

/// Why nothing of it can be used here; nothing where it can. It must run on OpenMP, whose threads
/// all implementations share: its own would spin beside the others.
std::optional<std::string> refuse();

Library library();

/// A function that only the processor's backend has; nullptr where it does not.
template <class Function>
Function function(const char* name) {
  ggml_backend_reg_t registry = ggml_backend_dev_backend_reg(processor());
  return reinterpret_cast<Function>(ggml_backend_reg_get_proc_address(registry, name));
}

/// Ordinary memory.
ggml_backend_buffer_type_t plain_buffers();

/// A backend that computes with that many threads.
ggml_backend_ptr backend_of(int threads);

/// Metadata of tensors and graphs, whose data lie elsewhere.
ggml_context_ptr metadata(std::size_t bytes);

/// Throws std::runtime_error where it failed.
void compute(ggml_backend_t backend, ggml_cgraph* graph);

}  // namespace ergon::ggml
