// Values of operands, a function of the seed: normal(0, 1) times a deviation, rounded; s8 as
// qmatmul quantizes activations. They go to slot 0.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "kernels/attention/attention.h"

namespace ergon {

void draw_dense(Inputs& inputs, const std::string& operand, std::uint64_t seed,
                double deviation = 1);
/// "sink": each about as heavy as all keys of a query together: of a lighter one among many keys
/// nobody could tell in bf16 whether it was taken.
void draw_sinks(const Attention& workload, Inputs& inputs, std::uint64_t seed);
/// Places of the pages, in an order of the seed; before any row is drawn.
void draw_table(const Attention& workload, Inputs& inputs, std::uint64_t seed);
/// Changes a row before it is rounded; of several threads.
using ChangeRow = std::function<void(std::int64_t sequence, std::int64_t token, std::int64_t head,
                                     std::span<float> row)>;
/// Rows of tokens (kv.h), and NaN (s8: codes and scales) where no token is.
void draw_rows(const Attention& workload, Inputs& inputs, std::uint64_t seed,
               const std::string& operand, std::int64_t heads, std::int64_t width,
               const ChangeRow& change = {});

/// The query that stands at a token's position; negative where none does.
std::int64_t query_at(const Attention& workload, std::int64_t sequence,
                      std::int64_t token) noexcept;
/// Makes a key, that of a query's own position, about as heavy to it as all the `keys` that it
/// meets together, for one of the heads that meet the key, whose query is `q`: of one key among
/// many nobody could tell in bf16 whether it was there, and the newest is the one that is
/// forgotten.
void weigh_key(const Attention& workload, std::int64_t keys, std::span<const double> q,
               std::span<float> key);
/// Which head that is where all of them meet one row of a token: for the last query the last, whose
/// row of o every oracle looks at.
std::int64_t own_head(const Attention& workload, std::int64_t query) noexcept;

}  // namespace ergon
