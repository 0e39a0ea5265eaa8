// A consistent record to start from: two kernels and two ceilings measured in shuffled rounds with
// energy on two meters, and a skipped row.
#pragma once

#include "bench/record/document.h"

namespace ergon::record {

inline constexpr std::size_t fast_row = 0, slow_row = 1, peak_row = 2, read_row = 3,
                             skipped_row = 4;

/// Rows that are ok after settle(); `rounds` of the block follow six of the ceilings alone.
Document make_document(int rounds = 12);

/// As make_document(), but the fast row has weights of 4.5 bits, which are multiplied as f32, and
/// rows say which memory ceiling bounds them.
Document make_quantized_document();

/// Values of the ceilings as their rows give them.
void set_ceilings(Document& document);

}  // namespace ergon::record
