#include "kernels/gemm/native_loop.h"

#include <algorithm>
#include <cstring>

#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

constexpr std::size_t line = 64;
constexpr std::size_t page = 4096;
/// How far ahead lines of right words are asked for: some 200 ns at the speed of one core's memory.
constexpr std::int64_t ahead = 2048;

std::size_t rounded(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

template <class Number>
std::size_t bytes_of(Number count, std::size_t each) {
  return static_cast<std::size_t>(count) * each;
}

struct Range {
  std::int64_t begin, end;
  std::int64_t size() const noexcept { return end - begin; }
};
Range share(std::int64_t count, int part, int parts) {
  return {count * part / parts, count * (part + 1) / parts};
}

// -127 is 1 once 128 is added to it, and so is 129 once 128 is taken from it.
constexpr std::uint32_t ones_before_shift = 0x81818181U;

}  // namespace

/// What a thread does, and the memory it does it in.
struct NativeLoop::Part {
  Range batches, row_panels, column_panels;
  std::byte *left_block, *right_block, *column_sums, *sums;
};

/// Panels of rows times panels of columns over one block of k.
struct NativeLoop::Block {
  const Part& part;
  std::int64_t k_block;
  Range row_panels, column_panels;  // of the whole
  const std::byte* left;            // matrix, or packed words of the block
  bool left_packed;
  const std::byte* right;           // packed words of column_panels.begin
  const std::byte* column_sums;     // of column_panels.begin; nullptr: none are added
  std::byte* c;                     // matrix
  std::int64_t first_column_panel;  // of the sums
};

NativeLoop::NativeLoop(const NativeShape& shape, const simd::TileSet& set, NativePacking packing,
                       int threads)
    : shape_(shape),
      set_(set),
      packing_(packing),
      blocking_(shape, set, packing, threads, native_caches()) {
  if (packing == NativePacking::once && shape.weights_left) blocking_.left_in_place = false;
}

std::size_t NativeLoop::words_bytes() const noexcept {
  const auto& b = blocking_;
  return rounded(bytes_of((shape_.weights_left ? b.rows : b.padded_columns) * b.groups,
                          simd::word_bytes(shape_.product)),
                 line);
}

std::size_t NativeLoop::packed_bytes() const noexcept {
  if (packing_ == NativePacking::per_call) return 0;
  const auto& b = blocking_;
  const std::size_t sums = !shape_.weights_left && set_.left_shift != 0
                               ? rounded(bytes_of(b.k_blocks * b.padded_columns, 4), line)
                               : 0;
  return bytes_of(shape_.batch, words_bytes() + sums);
}

NativePacked NativeLoop::packed_at(std::byte* memory, std::int64_t batch) const noexcept {
  std::byte* words =
      memory + batch * static_cast<std::int64_t>(packed_bytes() / bytes_of(shape_.batch, 1));
  const bool sums = !shape_.weights_left && set_.left_shift != 0;
  return {words, sums ? words + words_bytes() : nullptr};
}

std::size_t NativeLoop::left_block_bytes() const noexcept {
  const auto& b = blocking_;
  if (b.left_in_place || (packing_ == NativePacking::once && shape_.weights_left)) return 0;
  return rounded(bytes_of(std::min(b.block_row_panels, b.row_panels) * set_.most_rows * b.k_block,
                          simd::word_bytes(shape_.product)),
                 page);
}

std::size_t NativeLoop::right_block_bytes() const noexcept {
  const auto& b = blocking_;
  if (packing_ == NativePacking::once && !shape_.weights_left) return 0;
  return rounded(
      bytes_of(std::min(b.block_column_panels, b.column_panels) * b.panel_columns * b.k_block,
               simd::word_bytes(shape_.product)),
      page);
}

std::size_t NativeLoop::sums_bytes() const noexcept {
  const auto& b = blocking_;
  const std::size_t tile =
      bytes_of(set_.most_rows * b.panel_columns, simd::sum_bytes(shape_.product));
  if (b.k_blocks == 1) return rounded(tile, page);
  const std::int64_t own_rows = b.row_panels / b.row_parts + 1;
  return rounded(bytes_of(own_rows * std::min(b.block_column_panels, b.column_panels), tile), page);
}

std::size_t NativeLoop::part_bytes() const noexcept {
  const std::size_t column_sums =
      rounded(bytes_of(std::min(blocking_.block_column_panels, blocking_.column_panels) *
                           blocking_.panel_columns,
                       4),
              page);
  return left_block_bytes() + right_block_bytes() + column_sums + sums_bytes();
}

std::size_t NativeLoop::workspace_bytes() const noexcept {
  return bytes_of(blocking_.parts(), part_bytes());
}

/// Whether the last sums are C as they stand.
bool NativeLoop::writes_c() const noexcept {
  return shape_.alpha == 1 && shape_.beta == 0 && shape_.output != DType::bf16 &&
         shape_.c_column == static_cast<std::int64_t>(simd::sum_bytes(shape_.product));
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

void NativeLoop::pack_columns(const std::byte* from, std::int64_t panel, std::int64_t k_block,
                              std::byte* to, std::byte* sums) const {
  const auto& b = blocking_;
  const int group = simd::group(shape_.product);
  const std::int64_t column = panel * b.panel_columns, k = k_block * b.k_block * group;
  const int columns = b.columns_in(panel), width = b.width_of(panel);
  set_.pack({from + column * shape_.right.row_stride + k * shape_.right.k_stride,
             shape_.right.row_stride, shape_.right.k_stride, columns, width,
             std::min<std::int64_t>(b.groups_in(k_block) * group, shape_.k - k), to});
  if (sums == nullptr) return;
  simd::TileCall call;
  call.groups = b.groups_in(k_block);
  call.left = reinterpret_cast<const std::byte*>(&ones_before_shift);
  call.right = to;
  call.to = sums;
  call.columns = b.lanes;
  set_.tile(1, width / b.lanes)(call);
  auto* sum = reinterpret_cast<std::uint32_t*>(sums);
  for (int j = 0; j < width; ++j) sum[j] *= static_cast<std::uint32_t>(-set_.left_shift);
}

void NativeLoop::pack_once(const std::byte* from, std::byte* to) const {
  const auto& b = blocking_;
  const auto word = static_cast<std::int64_t>(simd::word_bytes(shape_.product));
  const std::int64_t panels = shape_.weights_left ? b.row_panels : b.column_panels;
  const std::int64_t each = b.k_blocks * panels;
  on_team(b.parts(), [&](int thread, int threads) {
    const Range own = share(shape_.batch * each, thread, threads);
    for (std::int64_t i = own.begin; i < own.end; ++i) {
      const std::int64_t batch = i / each, k_block = i % each / panels, panel = i % panels;
      const NativePacked packed = packed_at(to, batch);
      const std::int64_t groups = b.groups_in(k_block), before = k_block * b.k_block;
      if (shape_.weights_left) {
        pack_rows(from + batch * shape_.left.batch_stride, panel, k_block,
                  packed.words + (before * b.rows + groups * b.row_of(panel)) * word);
      } else {
        const std::int64_t column = panel * b.panel_columns;
        pack_columns(from + batch * shape_.right.batch_stride, panel, k_block,
                     packed.words + (before * b.padded_columns + groups * column) * word,
                     packed.column_sums == nullptr
                         ? nullptr
                         : packed.column_sums + (k_block * b.padded_columns + column) * 4);
      }
    }
  });
}

void NativeLoop::run(const std::byte* left, const std::byte* right, const std::byte* packed,
                     std::byte* c, std::byte* workspace) const {
  const int parts = blocking_.parts();
  on_team(parts, [&](int thread, int threads) {
    for (int part = thread; part < parts; part += threads)
      run_part(part, left, right, packed, c, workspace);
  });
}

void NativeLoop::run_part(int index, const std::byte* left, const std::byte* right,
                          const std::byte* packed, std::byte* c, std::byte* workspace) const {
  const auto& b = blocking_;
  const auto word = static_cast<std::int64_t>(simd::word_bytes(shape_.product));
  std::byte* memory = workspace + index * static_cast<std::int64_t>(part_bytes());
  Part part{share(shape_.batch, index / (b.row_parts * b.column_parts), b.batch_parts),
            share(b.row_panels, index / b.column_parts % b.row_parts, b.row_parts),
            share(b.column_panels, index % b.column_parts, b.column_parts),
            memory,
            nullptr,
            nullptr,
            nullptr};
  part.right_block = part.left_block + left_block_bytes();
  part.sums = part.right_block + right_block_bytes();
  part.column_sums = part.sums + sums_bytes();

  const bool right_once = packing_ == NativePacking::once && !shape_.weights_left;
  const bool left_once = packing_ == NativePacking::once && shape_.weights_left;
  for (std::int64_t batch = part.batches.begin; batch < part.batches.end; ++batch) {
    const std::byte* left_matrix = left + batch * shape_.left.batch_stride;
    const std::byte* right_matrix = right + batch * shape_.right.batch_stride;
    const NativePacked whole = packed_at(const_cast<std::byte*>(packed), batch);
    for (std::int64_t j = part.column_panels.begin; j < part.column_panels.end;
         j += b.block_column_panels) {
      const Range columns{j, std::min(j + b.block_column_panels, part.column_panels.end)};
      for (std::int64_t k = 0; k < b.k_blocks; ++k) {
        const std::int64_t groups = b.groups_in(k), before = k * b.k_block;
        const std::int64_t column = j * b.panel_columns;
        Block block{part,
                    k,
                    {},
                    columns,
                    left_matrix,
                    !b.left_in_place,
                    part.right_block,
                    set_.left_shift != 0 ? part.column_sums : nullptr,
                    c + batch * shape_.c_batch,
                    columns.begin};
        if (right_once) {
          block.right = whole.words + (before * b.padded_columns + groups * column) * word;
          if (set_.left_shift != 0)
            block.column_sums = whole.column_sums + (k * b.padded_columns + column) * 4;
        } else {
          for (std::int64_t panel = columns.begin; panel < columns.end; ++panel) {
            const std::int64_t at = (panel - columns.begin) * b.panel_columns;
            pack_columns(right_matrix, panel, k, part.right_block + at * groups * word,
                         set_.left_shift != 0 ? part.column_sums + at * 4 : nullptr);
          }
        }
        for (std::int64_t i = part.row_panels.begin; i < part.row_panels.end;
             i += b.block_row_panels) {
          block.row_panels = {i, std::min(i + b.block_row_panels, part.row_panels.end)};
          if (left_once) {
            block.left = whole.words + (before * b.rows + groups * b.row_of(i)) * word;
          } else if (!b.left_in_place) {
            block.left = part.left_block;
            for (std::int64_t panel = i; panel < block.row_panels.end; ++panel)
              pack_rows(left_matrix, panel, k,
                        part.left_block + (b.row_of(panel) - b.row_of(i)) * groups * word);
          }
          run_block(block);
        }
      }
    }
  }
}

void NativeLoop::run_block(const Block& block) const {
  const auto& b = blocking_;
  const Part& part = block.part;
  const auto word = static_cast<std::int64_t>(simd::word_bytes(shape_.product));
  const auto sum = static_cast<std::int64_t>(simd::sum_bytes(shape_.product));
  const std::int64_t groups = b.groups_in(block.k_block);
  const std::int64_t tile_row = b.panel_columns * sum, tile_bytes = set_.most_rows * tile_row;
  const bool first = block.k_block == 0, last = block.k_block + 1 == b.k_blocks;
  const bool into_c = last && writes_c();
  const std::int64_t first_row = b.row_of(block.row_panels.begin);

  simd::TileCall call;
  call.groups = groups;
  call.start_row = tile_row;
  for (std::int64_t j = block.column_panels.begin; j < block.column_panels.end; ++j) {
    const std::int64_t at = (j - block.column_panels.begin) * b.panel_columns;
    const int width = b.width_of(j), columns = b.columns_in(j), vectors = width / b.lanes;
    call.right = block.right + at * groups * word;
    call.every_row = block.column_sums == nullptr ? nullptr : block.column_sums + at * 4;
    for (std::int64_t i = block.row_panels.begin; i < block.row_panels.end; ++i) {
      const std::int64_t row = b.row_of(i);
      const int rows = static_cast<int>(b.row_of(i + 1) - row);
      if (block.left_packed) {
        call.left = block.left + (row - first_row) * groups * word;
        call.left_row = word;
        call.left_group = rows * word;
      } else {
        const auto& left = shape_.left;
        const std::int64_t step = simd::group(shape_.product) * left.k_stride;
        call.left = block.left + row * left.row_stride + block.k_block * b.k_block * step;
        call.left_row = left.row_stride;
        call.left_group = step;
      }
      std::byte* sums = part.sums;
      if (b.k_blocks > 1)
        sums += ((i - part.row_panels.begin) * std::min(b.block_column_panels, b.column_panels) +
                 (j - block.first_column_panel)) *
                tile_bytes;
      std::byte* c = block.c + row * shape_.c_row + j * b.panel_columns * shape_.c_column;
      call.start = first ? nullptr : sums;
      call.to = into_c ? c : sums;
      call.to_row = into_c ? shape_.c_row : tile_row;
      // The last tile of a panel asks for the next panel, which is not in L2 yet.
      call.ahead = i + 1 < block.row_panels.end || i == block.row_panels.begin
                       ? ahead
                       : width * groups * word;
      call.columns = (into_c ? columns : width) - (vectors - 1) * b.lanes;
      set_.tile(rows, vectors)(call);
      if (!last || into_c) continue;
      const simd::Finish finish = shape_.output == DType::bf16 ? set_.finish_bf16 : set_.finish;
      finish({rows, columns, sums, tile_row, shape_.alpha, shape_.beta, c, shape_.c_row,
              shape_.c_column});
    }
  }
}

}  // namespace ergon
