// Which tiles of a grouped product each thread computes.
//
// They are ordered by expert, then panel of outputs, then tile of rows, so that a panel stays in
// the nearest caches while all rows of its expert pass over it, and threads read different weights.
// A thread's share is a run of that order; shares are alike in cost, which is counted in rows.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/moe/routing.h"
#include "kernels/qmatmul/native_left.h"

namespace ergon {

/// What a panel costs that is read from memory, in rows that are multiplied with it: at 20 GB/s and
/// one multiply-add of 512 bits a cycle 4 (codes of 4 bits) to 12 (bf16).
inline constexpr std::int64_t rows_worth_a_panel = 8;

/// Calls body(expert, panel, cut, tile) for the tiles, of up to `most_rows` rows, into which an
/// expert's rows are cut: those that belong to `thread` of `team`.
template <class Body>
void over_share(const RowsByExpert& order, std::int64_t panels, int most_rows, int thread, int team,
                Body&& body) {
  const auto cost_of_panel = [&](std::int64_t expert) {
    const auto rows = static_cast<std::int64_t>(order.of(expert).size());
    return rows == 0 ? 0 : rows + rows_worth_a_panel;
  };
  std::int64_t all = 0;
  for (std::int64_t e = 0; e < order.experts(); ++e) all += panels * cost_of_panel(e);
  const std::int64_t begin = all * thread / team, end = all * (thread + 1) / team;
  std::int64_t at = 0;
  for (std::int64_t e = 0; e < order.experts() && at < end; ++e) {
    const std::int64_t cost = cost_of_panel(e);
    const TileCut cut(static_cast<std::int64_t>(order.of(e).size()), most_rows);
    const std::int64_t skipped =
        cost == 0 ? panels : std::clamp<std::int64_t>((begin - at) / cost, 0, panels);
    for (std::int64_t panel = skipped; panel < panels; ++panel)
      for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
        const std::int64_t before = tile == 0 ? 0 : rows_worth_a_panel + cut.first(tile);
        const std::int64_t start = at + panel * cost + before;
        if (start >= begin && start < end) body(e, panel, cut, tile);
      }
    at += panels * cost;
  }
}

}  // namespace ergon
