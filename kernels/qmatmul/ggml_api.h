// What quantized products ask of ggml.
#pragma once

#include <optional>
#include <string>

#include "kernels/ggml/processor.h"
#include "kernels/qmatmul/format.h"

namespace ergon::ggml {

/// Why no product of it can be used here; nothing where they can. Beyond refuse(), it must quantize
/// blocks of activations to the bit as format.h says.
std::optional<std::string> refuse_products();

/// Buffers that rearrange the weights they are given; nullptr where it was built without.
ggml_backend_buffer_type_t repacking_buffers();

std::optional<ggml_type> type_of(const Format& format) noexcept;
/// Whether it quantizes activations to the bit as format.h says; refuse_products() asks only for
/// blocks.
bool quantizes_as_we_do(Activations activations);
/// What it makes of activations for a format that it has.
ggml_type activation_type_of(const Format& format) noexcept;

/// Whether it multiplies f32 by weights [n, k] that lie in such buffers.
bool multiplies(ggml_backend_buffer_type_t buffers, ggml_type type, std::int64_t n, std::int64_t k);

}  // namespace ergon::ggml
