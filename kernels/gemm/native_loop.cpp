#include "kernels/gemm/native_loop.h"

#include <algorithm>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::size_t page = 4096;
/// How far ahead right words are asked for: some 200 ns at the speed of one core's memory.
constexpr std::int64_t ahead = 2048;
/// The same along each of many lines in place.
constexpr std::int64_t ahead_in_place = 512;

/// From here on a tile takes long enough, and its problem is large enough, that what it will write
/// is asked for before it begins.
constexpr std::int64_t groups_of_a_far_tile = 128;

void ask_for(const std::byte* to, std::int64_t row, int rows) {
  for (int r = 0; r < rows; ++r) {
    __builtin_prefetch(to + r * row, 1);
    __builtin_prefetch(to + r * row + 64, 1);
  }
}

/// Half of the pages that the first TLB holds.
constexpr std::int64_t lines_in_turn = 32;

std::size_t in_pages(std::size_t bytes) { return (bytes + page - 1) / page * page; }
std::size_t in_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

std::size_t bytes_of(std::int64_t count, std::size_t each) {
  return static_cast<std::size_t>(count) * each;
}

struct Range {
  std::int64_t begin = 0, end = 0;
  std::int64_t size() const noexcept { return end - begin; }
  /// Step `index` of `step` each; empty past the end.
  Range step(std::int64_t index, std::int64_t step) const noexcept {
    return {std::min(begin + index * step, end), std::min(begin + (index + 1) * step, end)};
  }
};
Range share(std::int64_t count, std::int64_t part, std::int64_t parts) {
  if (parts == 1) return {0, count};  // a division costs as much as a row of a tile
  return {count * part / parts, count * (part + 1) / parts};
}

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

// -127 is 1 once 128 is added to it, and so is 129 once 128 is taken from it.
constexpr std::uint32_t ones_before_shift = 0x81818181U;

}  // namespace

/// What a part does in a round.
struct NativeLoop::Block {
  std::int64_t k_block = 0, groups = 0;
  Range columns, rows;        // panels of the round and the part
  std::int64_t row_part = 0;  // among the parts of the same columns
  const std::byte *left_matrix = nullptr, *right_matrix = nullptr;
  std::byte* c_matrix = nullptr;
  const std::byte* left_whole = nullptr;  // this block of k, where packed once
  std::byte* left_block = nullptr;        // where packed in the call
  std::byte* right = nullptr;             // words of columns.begin
  std::byte* column_sums = nullptr;       // of columns.begin; nullptr: nothing to add
  std::byte* sums = nullptr;              // of rows.begin and columns.begin
  Range row_block;                        // of rows, those whose left words are at hand
  const std::byte* left = nullptr;        // words of row_block.begin; nullptr: in place
};

NativeLoop::NativeLoop(const NativeShape& shape, const simd::TileSet& set, NativePacking packing,
                       int threads)
    : shape_(shape),
      set_(set),
      packing_(packing),
      blocking_(shape, set, packing, threads, native_caches()),
      whole_(plan_whole()),
      memory_(plan_memory()) {}

bool NativeLoop::packs_right() const noexcept {
  return packing_ == NativePacking::per_call || shape_.weights_left;
}

bool NativeLoop::packs_left() const noexcept {
  return !blocking_.left_in_place && (packing_ == NativePacking::per_call || !shape_.weights_left);
}

/// Whether the last sums are C as they stand.
bool NativeLoop::writes_c() const noexcept {
  return shape_.alpha == 1 && shape_.beta == 0 &&
         (shape_.output != DType::bf16 || set_.writes_bf16) &&
         shape_.c_column == static_cast<std::int64_t>(size_of(shape_.output));
}

std::int64_t NativeLoop::word() const noexcept {
  return static_cast<std::int64_t>(simd::word_bytes(shape_.product));
}

NativeLoop::Whole NativeLoop::plan_whole() const noexcept {
  if (packing_ == NativePacking::per_call) return {};
  const auto& b = blocking_;
  Whole whole;
  const std::int64_t width = shape_.weights_left ? b.rows : b.padded_columns;
  whole.words = in_lines(bytes_of(width * b.groups, simd::word_bytes(shape_.product)));
  const bool sums = !shape_.weights_left && set_.left_shift != 0;
  whole.batch = whole.words + (sums ? in_lines(bytes_of(b.k_blocks * b.padded_columns, 4)) : 0);
  whole.bytes = in_pages(bytes_of(shape_.batch, whole.batch));
  return whole;
}

NativeLoop::Memory NativeLoop::plan_memory() const noexcept {
  const auto& b = blocking_;
  const std::size_t word_bytes = simd::word_bytes(shape_.product);
  const std::int64_t own_columns = ceil_div(b.column_panels, b.column_parts);
  const std::int64_t own_rows = ceil_div(b.row_panels, b.row_parts);
  const std::int64_t columns = std::min(b.block_column_panels, own_columns) * b.panel_columns;
  Memory memory;
  if (packs_right()) {
    const std::int64_t packed = b.right_in_place ? b.panel_columns : columns;
    memory.right = in_pages(bytes_of(packed * b.k_block, word_bytes));
    if (set_.left_shift != 0) memory.column_sums = in_pages(bytes_of(columns, 4));
  }
  memory.group = memory.right + memory.column_sums;
  if (packs_left())
    memory.left = in_pages(
        bytes_of(std::min(b.block_row_panels, own_rows) * set_.most_rows * b.k_block, word_bytes));
  const std::size_t tile =
      bytes_of(std::int64_t{set_.most_rows} * b.panel_columns, simd::sum_bytes(shape_.product));
  memory.sums_row = static_cast<std::int64_t>(bytes_of(columns / b.panel_columns, tile));
  memory.sums =
      in_pages(b.k_blocks == 1 ? tile : static_cast<std::size_t>(own_rows * memory.sums_row));
  memory.part = memory.left + memory.sums;
  memory.bytes = bytes_of(b.groups_of_parts(), memory.group) + bytes_of(b.parts(), memory.part);
  return memory;
}

void NativeLoop::pack_rows(const std::byte* from, std::int64_t panel, std::int64_t k_block,
                           std::byte* to) const {
  const auto& b = blocking_;
  const int group = simd::group(shape_.product);
  const std::int64_t row = b.row_of(panel), k = k_block * b.k_block * group;
  const int rows = static_cast<int>(b.row_of(panel + 1) - row);
  set_.pack({from + row * shape_.left.row_stride + k * shape_.left.k_stride, shape_.left.row_stride,
             shape_.left.k_stride, rows, rows,
             std::min<std::int64_t>(b.groups_in(k_block) * group, shape_.k - k), to});
}

void NativeLoop::pack_columns(const std::byte* from, std::int64_t first, std::int64_t end,
                              std::int64_t k_block, std::byte* to, std::byte* column_sums) const {
  const auto& b = blocking_;
  const auto& right = shape_.right;
  const std::int64_t group = simd::group(shape_.product), groups = b.groups_in(k_block);
  const std::int64_t k = k_block * b.k_block * group;
  const std::int64_t depth = std::min(groups * group, shape_.k - k);
  // Where columns lie side by side, panels take turns every few lines of memory, so that what one
  // leaves of a line, and of a page, the next still finds in the cache.
  const bool side_by_side =
      right.k_stride != static_cast<std::int64_t>(simd::element_bytes(shape_.product));
  const std::int64_t turn = side_by_side ? lines_in_turn : std::max<std::int64_t>(depth, 1);
  for (std::int64_t line = 0; line < depth; line += turn)
    for (std::int64_t panel = first; panel < end; ++panel) {
      const std::int64_t column = panel * b.panel_columns;
      const int width = b.width_of(panel);
      std::byte* words =
          to + ((column - first * b.panel_columns) * groups + line / group * width) * word();
      set_.pack({from + column * right.row_stride + (k + line) * right.k_stride, right.row_stride,
                 right.k_stride, b.columns_in(panel), width, std::min(turn, depth - line), words});
    }
  if (column_sums == nullptr) return;
  for (std::int64_t panel = first; panel < end; ++panel) {
    const std::int64_t at = (panel - first) * b.panel_columns;
    sum_columns(to + at * groups * word(), b.width_of(panel), groups, column_sums + at * 4);
  }
}

/// What the left shift adds to each column of a packed panel.
void NativeLoop::sum_columns(const std::byte* words, int width, std::int64_t groups,
                             std::byte* to) const {
  simd::TileCall call;
  call.groups = groups;
  call.left = reinterpret_cast<const std::byte*>(&ones_before_shift);
  call.right = words;
  call.right_group = width * word();
  call.to = to;
  call.columns = set_.lanes;
  set_.tile(1, width / set_.lanes)(call);
  auto* sum = reinterpret_cast<std::uint32_t*>(to);
  for (int j = 0; j < width; ++j) sum[j] *= static_cast<std::uint32_t>(-set_.left_shift);
}

void NativeLoop::pack_once(const std::byte* from, std::byte* to) const {
  const auto& b = blocking_;
  on_team(b.parts(), [&](int thread, int threads) {
    const Range own = share(shape_.weights_left ? b.row_panels : b.column_panels, thread, threads);
    for (std::int64_t i = 0; i < shape_.batch * b.k_blocks; ++i) {
      const std::int64_t batch = i / b.k_blocks, k_block = i % b.k_blocks;
      const std::int64_t groups = b.groups_in(k_block), before = k_block * b.k_block;
      std::byte* words = to + batch * static_cast<std::int64_t>(whole_.batch);
      if (shape_.weights_left) {
        for (std::int64_t panel = own.begin; panel < own.end; ++panel)
          pack_rows(from + batch * shape_.left.batch_stride, panel, k_block,
                    words + (before * b.rows + groups * b.row_of(panel)) * word());
        continue;
      }
      const std::int64_t column = own.begin * b.panel_columns;
      std::byte* sums = words + whole_.words + (k_block * b.padded_columns + column) * 4;
      pack_columns(from + batch * shape_.right.batch_stride, own.begin, own.end, k_block,
                   words + (before * b.padded_columns + groups * column) * word(),
                   set_.left_shift == 0 ? nullptr : sums);
    }
  });
}

void NativeLoop::run(const std::byte* left, const std::byte* right, const std::byte* packed,
                     std::byte* c, std::byte* workspace) const {
  const auto& b = blocking_;
  const Call call{left, right, packed, c, workspace};
  const std::int64_t batches = ceil_div(shape_.batch, b.batch_parts);
  const std::int64_t blocks =
      ceil_div(ceil_div(b.column_panels, b.column_parts), b.block_column_panels);
  const bool shares = packs_right() && b.row_parts > 1;
  on_team(b.parts(), [&](int thread, int threads) {
    const auto each_part = [&](const Round& round, auto&& work) {
      Block block;
      for (int part = thread; part < b.parts(); part += threads)
        if (block_of(call, part, round, block)) work(block);
    };
    for (Round round{}; round.batch < batches; ++round.batch)
      for (round.columns = 0; round.columns < blocks; ++round.columns)
        for (round.k_block = 0; round.k_block < b.k_blocks; ++round.k_block) {
          if (shares) {
            each_part(round, [&](Block& block) { pack_right(block); });
            team_barrier();
          }
          each_part(round, [&](Block& block) {
            if (!shares) pack_right(block);
            run_rows(block);
          });
          if (shares) team_barrier();
        }
  });
}

/// False where the part has nothing to do in the round.
bool NativeLoop::block_of(const Call& call, int part, const Round& round, Block& block) const {
  const auto& b = blocking_;
  const std::int64_t row_part = part % b.row_parts, group = part / b.row_parts;
  const Range batches = share(shape_.batch, group / b.column_parts, b.batch_parts);
  const Range columns = share(b.column_panels, group % b.column_parts, b.column_parts);
  const std::int64_t batch = batches.begin + round.batch;
  block = {};
  block.columns = columns.step(round.columns, b.block_column_panels);
  block.rows = share(b.row_panels, row_part, b.row_parts);
  block.row_part = row_part;
  if (batch >= batches.end || block.columns.size() == 0) return false;

  block.k_block = round.k_block;
  block.groups = b.groups_in(round.k_block);
  block.left_matrix = call.left + batch * shape_.left.batch_stride;
  block.right_matrix = call.right + batch * shape_.right.batch_stride;
  block.c_matrix = call.c + batch * shape_.c_batch;

  std::byte* groups = call.workspace;
  std::byte* parts = groups + bytes_of(b.groups_of_parts(), memory_.group);
  block.left_block = parts + bytes_of(part, memory_.part);
  block.sums = block.left_block + memory_.left;
  const std::int64_t before = round.k_block * b.k_block;
  // Packed words are written by pack_once alone.
  std::byte* whole = const_cast<std::byte*>(call.packed) + bytes_of(batch, whole_.batch);
  if (packs_right()) {
    block.right = groups + bytes_of(group, memory_.group);
    block.column_sums = block.right + memory_.right;
  } else {
    const std::int64_t column = block.columns.begin * b.panel_columns;
    block.right = whole + (before * b.padded_columns + block.groups * column) * word();
    block.column_sums = whole + whole_.words + (round.k_block * b.padded_columns + column) * 4;
  }
  if (set_.left_shift == 0) block.column_sums = nullptr;
  if (packing_ == NativePacking::once && shape_.weights_left)
    block.left_whole = whole + before * b.rows * word();
  return true;
}

void NativeLoop::pack_right(const Block& block) const {
  if (!packs_right()) return;
  const auto& b = blocking_;
  if (b.right_in_place) {
    const std::int64_t last = block.columns.end - 1;
    if (b.columns_in(last) < b.panel_columns)
      pack_columns(block.right_matrix, last, last + 1, block.k_block, block.right, nullptr);
    return;
  }
  const Range own = share(block.columns.size(), block.row_part, b.row_parts);
  const std::int64_t at = own.begin * b.panel_columns;
  pack_columns(block.right_matrix, block.columns.begin + own.begin, block.columns.begin + own.end,
               block.k_block, block.right + at * block.groups * word(),
               block.column_sums == nullptr ? nullptr : block.column_sums + at * 4);
}

void NativeLoop::run_rows(Block& block) const {
  const auto& b = blocking_;
  for (std::int64_t i = 0;; ++i) {
    block.row_block = block.rows.step(i, b.block_row_panels);
    if (block.row_block.size() == 0) return;
    if (block.left_whole != nullptr)
      block.left = block.left_whole + block.groups * b.row_of(block.row_block.begin) * word();
    if (packs_left()) pack_left(block);
    run_block(block);
  }
}

void NativeLoop::pack_left(Block& block) const {
  const auto& b = blocking_;
  block.left = block.left_block;
  const std::int64_t first = b.row_of(block.row_block.begin);
  for (std::int64_t i = block.row_block.begin; i < block.row_block.end; ++i)
    pack_rows(block.left_matrix, i, block.k_block,
              block.left_block + (b.row_of(i) - first) * block.groups * word());
}

void NativeLoop::run_block(const Block& block) const {
  const auto& b = blocking_;
  const auto sum = static_cast<std::int64_t>(simd::sum_bytes(shape_.product));
  const std::int64_t tile_row = b.panel_columns * sum, tile_bytes = set_.most_rows * tile_row;
  const bool first = block.k_block == 0, last = block.k_block + 1 == b.k_blocks;
  const bool into_c = last && writes_c();
  const std::int64_t first_row = b.row_of(block.row_block.begin);
  const std::int64_t left_step = simd::group(shape_.product) * shape_.left.k_stride;
  const simd::Finish finish = shape_.output == DType::bf16 ? set_.finish_bf16 : set_.finish;

  simd::TileCall call;
  call.groups = block.groups;
  call.start_row = tile_row;
  call.to_bf16 = into_c && shape_.output == DType::bf16;
  for (std::int64_t j = block.columns.begin; j < block.columns.end; ++j) {
    const std::int64_t at = (j - block.columns.begin) * b.panel_columns;
    const int width = b.width_of(j), columns = b.columns_in(j), vectors = width / b.lanes;
    if (b.right_in_place && columns == b.panel_columns) {
      call.right = block.right_matrix + block.k_block * b.k_block * shape_.right.k_stride +
                   j * b.panel_columns * shape_.right.row_stride;
      call.right_group = shape_.right.k_stride;
    } else {
      call.right = block.right + (b.right_in_place ? 0 : at * block.groups * word());
      call.right_group = width * word();
    }
    call.every_row = block.column_sums == nullptr ? nullptr : block.column_sums + at * 4;
    call.columns = (into_c ? columns : width) - (vectors - 1) * b.lanes;
    for (std::int64_t i = block.row_block.begin; i < block.row_block.end; ++i) {
      const std::int64_t row = b.row_of(i);
      const int rows = static_cast<int>(b.row_of(i + 1) - row);
      if (block.left != nullptr) {
        call.left = block.left + (row - first_row) * block.groups * word();
        call.left_row = word();
        call.left_group = rows * word();
      } else {
        call.left = block.left_matrix + row * shape_.left.row_stride +
                    block.k_block * b.k_block * left_step;
        call.left_row = shape_.left.row_stride;
        call.left_group = left_step;
      }
      std::byte* sums = block.sums;
      if (b.k_blocks > 1)
        sums += (i - block.rows.begin) * memory_.sums_row + (j - block.columns.begin) * tile_bytes;
      std::byte* c = block.c_matrix + row * shape_.c_row + j * b.panel_columns * shape_.c_column;
      call.start = first ? nullptr : sums;
      call.to = into_c ? c : sums;
      call.to_row = into_c ? shape_.c_row : tile_row;
      // The last of several tiles of a panel asks for the next panel, which is not in L2 yet.
      const bool panel_ends = i + 1 == block.row_block.end && i > block.row_block.begin;
      call.ahead = panel_ends ? width * block.groups * word() : ahead;
      if (b.right_in_place) call.ahead = ahead_in_place;
      if (block.groups >= groups_of_a_far_tile) ask_for(call.to, call.to_row, rows);
      set_.tile(rows, vectors)(call);
      if (last && !into_c)
        finish({rows, columns, sums, tile_row, shape_.alpha, shape_.beta, c, shape_.c_row,
                shape_.c_column});
    }
  }
}

}  // namespace ergon
