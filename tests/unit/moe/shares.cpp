// How threads share the tiles of a native grouped product.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "kernels/moe/native_shares.h"

namespace ergon {
namespace {

using testing::Each;
using testing::Eq;

// Experts with 0, 1, 2, 9 and 40 rows, in tiles of up to 8 rows.
TEST(NativeShares, AreEveryTileOnceAndAboutEqual) {
  const std::vector<std::int64_t> counts = {0, 1, 40, 0, 2, 9};
  std::vector<std::int32_t> expert;
  for (std::size_t e = 0; e < counts.size(); ++e)
    expert.insert(expert.end(), static_cast<std::size_t>(counts[e]), static_cast<std::int32_t>(e));
  RowsByExpert rows(6, static_cast<std::int64_t>(expert.size()));
  rows.sort(expert.data());
  constexpr std::int64_t panels = 7;
  for (const int team : {1, 2, 3, 5, 64}) {
    std::vector<int> seen(expert.size() * panels);
    std::int64_t most = 0, all = 0;
    for (int thread = 0; thread < team; ++thread) {
      std::int64_t cost = 0;
      over_share(rows, panels, 8, thread, team,
                 [&](std::int64_t e, std::int64_t panel, const TileCut& cut, std::int64_t tile) {
                   const std::int64_t first = cut.first(tile);
                   const int count = cut.size(tile);
                   EXPECT_LE(count, 8);
                   cost += count + (first == 0 ? rows_worth_a_panel : 0);
                   for (std::int64_t r = first; r < first + count; ++r)
                     ++seen[static_cast<std::size_t>((rows.first(e) + r) * panels + panel)];
                 });
      most = std::max(most, cost);
      all += cost;
    }
    EXPECT_THAT(seen, Each(Eq(1))) << team;
    EXPECT_LE(most, all / team + 2 * (8 + rows_worth_a_panel)) << team;
  }
}

}  // namespace
}  // namespace ergon
