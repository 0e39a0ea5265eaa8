// What this tree asks of ggml: its processor backend, found through the registry alone, so that it
// may be linked or (as distributions have it) be loaded at run time.
#pragma once

#include <ggml-cpp.h>

#include <optional>
#include <string>

#include "kernels/kernel.h"
#include "kernels/qmatmul/format.h"

namespace ergon::ggml {

/// The processor; nullptr where this ggml has no backend for it.
ggml_backend_dev_t processor();

/// Why nothing of it can be used here; nothing where it can. It must run on OpenMP, whose threads
/// all implementations share (its own would spin beside the others), and quantize blocks of
/// activations to the bit as format.h says.
std::optional<std::string> refuse();

Library library();

/// Ordinary memory.
ggml_backend_buffer_type_t plain_buffers();
/// Buffers that rearrange the weights they are given; nullptr where it was built without.
ggml_backend_buffer_type_t repacking_buffers();

std::optional<ggml_type> type_of(const Format& format) noexcept;
/// Whether it quantizes activations to the bit as format.h says; refuse() asks only for blocks.
bool quantizes_as_we_do(Activations activations);
/// What it makes of activations for a format that it has.
ggml_type activation_type_of(const Format& format) noexcept;

/// Whether it multiplies f32 by weights [n, k] that lie in such buffers.
bool multiplies(ggml_backend_buffer_type_t buffers, ggml_type type, std::int64_t n, std::int64_t k);

/// A backend that computes with that many threads.
ggml_backend_ptr backend_of(int threads);

/// Metadata of tensors and graphs, whose data lie elsewhere.
ggml_context_ptr metadata(std::size_t bytes);

/// Throws std::runtime_error where it failed.
void compute(ggml_backend_t backend, ggml_cgraph* graph);

}  // namespace ergon::ggml
