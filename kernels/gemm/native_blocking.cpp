#include "kernels/gemm/native_blocking.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::int64_t line = 64;
// A page of 4 KiB holds 64 lines, and L1 has as many sets: it is indexed by the offset in a page.
constexpr std::int64_t l1_sets = 64;

// Bytes of one part: sums between blocks of k, and right words packed in the call.
constexpr std::int64_t sums_limit = 16 << 20, right_limit = 4 << 20;

// Lines of right words in place that tiles walk along together: as many streams of memory.
constexpr std::int64_t lines_in_place = 16;

// Panels of a block whose right words few rows pass.
constexpr std::int64_t wide_panels = 32;

// Multiply-adds of one vector; a team begins and ends in about a microsecond.
constexpr double worth_a_team = 4096;

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

/// The most rows of a tile whose words at one k share a set of L1.
std::int64_t crowd(std::int64_t row_stride, int rows) {
  std::array<std::int64_t, l1_sets> in_set{};
  for (int r = 0; r < rows; ++r)
    ++in_set[static_cast<std::size_t>(r * row_stride / line % l1_sets)];
  return *std::max_element(in_set.begin(), in_set.end());
}

/// Whether tiles do well to read left words where they lie. Rows along k: each row is a stream, and
/// those of a tile must not push each other out of L1, of whose ways (8 at least) they may take all
/// but one: 7 rows a set are 3 % faster in place than packed, 14 rows 20 % slower. Rows side by
/// side: every k is another line, and what a tile reads must fit L1.
bool left_reads_in_place(const NativeShape& shape, const simd::TileSet& set,
                         const NativeCaches& caches, int rows) {
  const auto element = static_cast<std::int64_t>(simd::element_bytes(shape.product));
  const int group = simd::group(shape.product);
  if (shape.left.k_stride == element)
    return shape.k % group == 0 && crowd(shape.left.row_stride, std::min(rows, set.most_rows)) <= 7;
  return group == 1 && shape.k * 2 * line <= caches.l1 &&
         crowd(shape.left.k_stride, static_cast<int>(std::min(shape.k, l1_sets))) <= 4;
}

/// Whether tiles read right words where they lie: in the call, where all rows are one tile, so that
/// each word is used once and a copy of it would be all cost.
bool right_reads_in_place(const NativeShape& shape, const simd::TileSet& set, bool packs_right) {
  const auto word = static_cast<std::int64_t>(simd::word_bytes(shape.product));
  return packs_right && simd::group(shape.product) == 1 && shape.right.row_stride == word &&
         shape.left.extent <= set.most_rows;
}

}  // namespace

NativeCaches native_caches() {
  NativeCaches caches;
  for (const CpuCache& cache : cpu_info().caches) {
    if (cache.level == 1) caches.l1 = static_cast<std::int64_t>(cache.bytes);
    if (cache.level == 2)
      caches.l2 = static_cast<std::int64_t>(cache.bytes) / std::max(1, cache.shared_by);
  }
  return caches;
}

NativeBlocking::NativeBlocking(const NativeShape& shape, const simd::TileSet& set,
                               NativePacking packing, int threads, const NativeCaches& caches)
    : rows(shape.left.extent),
      columns(shape.right.extent),
      groups(ceil_div(shape.k, simd::group(shape.product))),
      panel_columns(set.panel()),
      lanes(set.lanes),
      row_panels(ceil_div(rows, set.most_rows)),
      column_panels(ceil_div(columns, panel_columns)),
      padded_columns(ceil_div(columns, lanes) * lanes),
      left_in_place(left_reads_in_place(
          shape, set, caches, static_cast<int>(std::min<std::int64_t>(rows, set.most_rows)))) {
  const auto word = static_cast<std::int64_t>(simd::word_bytes(shape.product));
  const bool packs_right = packing == NativePacking::per_call || shape.weights_left;
  const bool packs_left =
      !left_in_place && (packing == NativePacking::per_call || !shape.weights_left);

  right_in_place = right_reads_in_place(shape, set, packs_right);
  choose_parts(shape, set, threads, packs_left, packs_right && !right_in_place);
  // As many panels for each part.
  row_panels = std::min(rows, ceil_div(row_panels, row_parts) * row_parts);
  panel_rows = rows / row_panels;
  taller_panels = rows % row_panels;
  choose_blocks(set, word, packs_right, caches);
}

// Packing counts in multiply-adds of one vector: about one for a left word, four for a vector of
// right words, which the parts of the same columns share.
void NativeBlocking::choose_parts(const NativeShape& shape, const simd::TileSet& set, int threads,
                                  bool packs_left, bool packs_right) {
  const double work = static_cast<double>(shape.batch) * static_cast<double>(rows) *
                      static_cast<double>(column_panels * set.most_vectors) *
                      static_cast<double>(groups);
  if (work <= worth_a_team) return;
  double best = std::numeric_limits<double>::infinity();
  // As many parts of columns as threads are left for; some may be left over.
  for (auto b = static_cast<int>(std::min<std::int64_t>(threads, shape.batch)); b >= 1; --b)
    for (int r = 1; b * r <= threads && r <= row_panels; ++r) {
      const auto c = static_cast<int>(std::min<std::int64_t>(threads / (b * r), column_panels));
      const auto batches = static_cast<double>(ceil_div(shape.batch, b));
      const auto own_rows = static_cast<double>(ceil_div(rows, r));
      const auto own_vectors = static_cast<double>(ceil_div(column_panels, c) * set.most_vectors);
      const double cost = batches * (own_rows * own_vectors + (packs_left ? own_rows : 0) +
                                     (packs_right ? own_vectors * 4 / r : 0));
      if (cost >= best) continue;
      best = cost;
      batch_parts = b;
      row_parts = r;
      column_parts = c;
    }
}

// A panel of right words takes an eighth of L2: longer sums visit memory less often. The left block
// takes half. Right words that are packed in the call stay in L3 until all rows have passed; where
// few rows pass they stay in L2, and are many columns of few lines, so that memory is read in long
// pieces. Columns end where the sums between blocks of k would fill L3.
void NativeBlocking::choose_blocks(const simd::TileSet& set, std::int64_t word, bool packs_right,
                                   const NativeCaches& caches) {
  const std::int64_t own_rows = ceil_div(rows, row_parts);
  const bool few_pass = packs_right && rows <= std::int64_t{4} * set.most_rows;
  const std::int64_t share_of_l2 = few_pass ? caches.l2 / 2 / wide_panels : caches.l2 / 8;
  const std::int64_t deepest = std::max<std::int64_t>(share_of_l2 / (panel_columns * word), 64);
  k_blocks = std::max<std::int64_t>(1, ceil_div(groups, deepest + deepest / 8));
  k_block = std::max<std::int64_t>(1, ceil_div(groups, k_blocks));
  k_blocks = std::max<std::int64_t>(1, ceil_div(groups, k_block));
  const std::int64_t tile_rows = std::min<std::int64_t>(rows, set.most_rows);
  block_row_panels = std::max<std::int64_t>(1, caches.l2 / 2 / (k_block * tile_rows * word));
  // Even blocks: a last one of few rows would stream all right words for little work.
  const std::int64_t own_panels = ceil_div(row_panels, row_parts);
  const std::int64_t row_blocks =
      std::max<std::int64_t>(1, (own_panels + block_row_panels / 2) / block_row_panels);
  block_row_panels = ceil_div(own_panels, row_blocks);
  block_column_panels = std::max<std::int64_t>(
      1, k_blocks == 1 ? column_panels : sums_limit / (own_rows * panel_columns * word));
  if (right_in_place) {
    k_block = std::min(lines_in_place, std::max<std::int64_t>(groups, 1));
    k_blocks = std::max<std::int64_t>(1, ceil_div(groups, k_block));
    block_column_panels = column_panels;
  } else if (packs_right) {
    block_column_panels = std::clamp<std::int64_t>(
        few_pass ? wide_panels : right_limit / (k_block * panel_columns * word), 1,
        block_column_panels);
  }
}

std::int64_t NativeBlocking::row_of(std::int64_t panel) const noexcept {
  return panel * panel_rows + std::min(panel, taller_panels);
}

int NativeBlocking::columns_in(std::int64_t panel) const noexcept {
  return static_cast<int>(std::min<std::int64_t>(panel_columns, columns - panel * panel_columns));
}

int NativeBlocking::width_of(std::int64_t panel) const noexcept {
  return static_cast<int>(ceil_div(columns_in(panel), lanes)) * lanes;
}

std::int64_t NativeBlocking::groups_in(std::int64_t k_block_index) const noexcept {
  return std::min(k_block, groups - k_block_index * k_block);
}

}  // namespace ergon
