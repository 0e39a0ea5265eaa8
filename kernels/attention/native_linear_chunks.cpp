#include "kernels/attention/native_linear_chunks.h"

#include <algorithm>
#include <cstring>

#include "kernels/attention/linear.h"
#include "kernels/attention/native_shape.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// How far ahead right words are asked for: they lie in the caches.
constexpr std::int64_t ahead = 1024;

simd::Product product_of(DType dtype) {
  return dtype == DType::bf16 ? simd::Product::bf16 : simd::Product::f32;
}

}  // namespace

/// Some tokens of a slice, and the workspace by parts.
struct LinearChunks::Block {
  const LinearSlice* slice;
  std::int64_t first, count;   // tokens
  std::byte* queries;          // [count, head_dim]
  std::byte* left;             // [count, head_dim and tokens]: Q', P
  std::byte* keys;             // right words of K^T, `tokens` a group
  std::byte* faded;            // K', [count, head_dim]
  std::byte* transposed;       // left words of K'^T, head_dim a group
  std::byte* right;            // right words of a panel of S, then of V
  float* scores;               // [count, tokens]
  std::byte* sums;             // of a tile that cannot write the output's type
  const float *grows, *fades;  // decay^1, decay^2, ...; decay^(tokens - 1), ..., decay^0
};

LinearChunks::LinearChunks(const Attention& a, simd::Isa isa)
    : dtype_(a.dtype),
      head_dim_(a.head_dim),
      set_(simd::best_tile_set(product_of(a.dtype), isa, cpu_info())),
      loops_(a.dtype == DType::bf16 ? linear_loops(isa).bf16 : linear_loops(isa).f32),
      element_(static_cast<std::int64_t>(simd::element_bytes(set_.product))),
      group_(simd::group(set_.product)),
      word_(element_ * group_),
      head_dim_padded_(rounded_up(a.head_dim, group_)),
      memory_(plan_memory()) {}

LinearChunks::Memory LinearChunks::plan_memory() const noexcept {
  Memory memory{};
  const auto part = [&](std::size_t& at, std::int64_t bytes) {
    at = memory.bytes;
    memory.bytes += static_cast<std::size_t>(rounded_up(bytes, 64));
  };
  part(memory.queries, tokens * head_dim_padded_ * element_);
  part(memory.left, tokens * left_row());
  part(memory.keys, head_dim_padded_ * tokens * element_);
  part(memory.faded, tokens * head_dim_padded_ * element_);
  part(memory.transposed, tokens * head_dim_ * element_);
  part(memory.right, (head_dim_padded_ + tokens) * set_.panel() * element_);
  part(memory.scores, tokens * tokens * static_cast<std::int64_t>(sizeof(float)));
  part(memory.sums, std::int64_t{4} * set_.most_rows * set_.panel());
  part(memory.factors, 2 * tokens * static_cast<std::int64_t>(sizeof(float)));
  return memory;
}

std::string LinearChunks::detail() const {
  return std::string(set_.instruction) + ", tile " + std::to_string(set_.most_rows) + "x" +
         std::to_string(set_.panel()) + ", blocks of " + std::to_string(tokens) + " tokens";
}

void LinearChunks::run(const LinearSlice& slice, std::byte* workspace) const {
  auto* factors = reinterpret_cast<float*>(workspace + memory_.factors);
  for (std::int64_t i = 0; i < tokens; ++i) {
    factors[i] = static_cast<float>(decay(slice.slope, i + 1));
    factors[tokens + i] = static_cast<float>(decay(slice.slope, tokens - 1 - i));
  }
  Block block{&slice,
              0,
              0,
              workspace + memory_.queries,
              workspace + memory_.left,
              workspace + memory_.keys,
              workspace + memory_.faded,
              workspace + memory_.transposed,
              workspace + memory_.right,
              reinterpret_cast<float*>(workspace + memory_.scores),
              workspace + memory_.sums,
              factors,
              factors + tokens};
  for (; block.first < slice.tokens; block.first += block.count) {
    block.count = std::min(tokens, slice.tokens - block.first);
    take_queries_and_keys(block);
    weigh(block);
    for (std::int64_t at = 0; at < slice.columns; at += set_.panel())
      panel(block, at, static_cast<int>(std::min<std::int64_t>(set_.panel(), slice.columns - at)));
  }
}

void LinearChunks::take_queries_and_keys(const Block& block) const {
  const LinearSlice& slice = *block.slice;
  const std::byte* q = slice.q + block.first * slice.qk_row;
  const std::byte* k = slice.k + block.first * slice.qk_row;
  const std::int64_t row = head_dim_padded_ * element_;
  // Queries are copied because heads lie so far apart that their rows would share few cache sets.
  for (std::int64_t i = 0; i < block.count; ++i) {
    std::byte* to = block.queries + i * row;
    std::memcpy(to, q + i * slice.qk_row, static_cast<std::size_t>(head_dim_ * element_));
    std::memset(to + head_dim_ * element_, 0,
                static_cast<std::size_t>((head_dim_padded_ - head_dim_) * element_));
  }
  loops_.fade_rows({block.count, head_dim_, head_dim_padded_, block.queries, row, block.grows,
                    block.left, left_row()});
  loops_.fade_rows({block.count, head_dim_, head_dim_padded_, k, slice.qk_row,
                    block.fades + tokens - block.count, block.faded, row});
  set_.pack({k, slice.qk_row, element_, static_cast<int>(block.count), static_cast<int>(tokens),
             head_dim_, block.keys});
  set_.pack({block.faded, element_, row, static_cast<int>(head_dim_), static_cast<int>(head_dim_),
             block.count, block.transposed});
}

void LinearChunks::weigh(const Block& block) const {
  const TileCut tiles(block.count, set_.most_rows);
  simd::TileCall call;
  call.groups = head_dim_padded_ / group_;
  call.left_row = head_dim_padded_ * element_;
  call.left_group = word_;
  call.right_group = tokens * word_;
  call.to_row = tokens * static_cast<std::int64_t>(sizeof(float));
  call.columns = set_.lanes;
  call.ahead = ahead;
  for (std::int64_t tile = 0; tile < tiles.tiles; ++tile) {
    const std::int64_t first = tiles.first(tile), end = tiles.first(tile + 1);
    for (std::int64_t at = 0; at < end; at += set_.panel()) {
      const auto vectors = static_cast<int>(
          std::min<std::int64_t>(set_.most_vectors, (end - at + set_.lanes - 1) / set_.lanes));
      call.left = block.queries + first * call.left_row;
      call.right = block.keys + at * word_;
      call.to = reinterpret_cast<std::byte*>(block.scores + first * tokens + at);
      set_.tile(tiles.size(tile), vectors)(call);
    }
    // A tile's rows are all as long as its last one.
    const std::int64_t padded = rounded_up(end, group_);
    for (std::int64_t i = first; i < end; ++i)
      loops_.weights({i + 1, padded, block.scores + i * tokens, block.fades + tokens - 1 - i,
                      block.left + i * left_row() + head_dim_padded_ * element_});
  }
}

void LinearChunks::panel(const Block& block, std::int64_t first, int columns) const {
  const LinearSlice& slice = *block.slice;
  const auto width = static_cast<int>(rounded_up(columns, set_.lanes));
  loops_.state_words({head_dim_, columns, width, block.grows[block.count - 1], slice.state + first,
                      slice.state_row, block.right});
  set_.pack({slice.v + block.first * slice.v_row + first * element_, element_, slice.v_row, columns,
             width, block.count, block.right + head_dim_padded_ * width * element_});
  output(block, first, columns, width);
  update(block, first, columns, width);
}

void LinearChunks::output(const Block& block, std::int64_t first, int columns, int width) const {
  const LinearSlice& slice = *block.slice;
  const TileCut tiles(block.count, set_.most_rows);
  const int vectors = width / set_.lanes;
  const bool direct = dtype_ == DType::f32 || set_.writes_bf16;
  simd::TileCall call;
  call.left_row = left_row();
  call.left_group = word_;
  call.right = block.right;
  call.right_group = width * word_;
  call.ahead = ahead;
  call.to_bf16 = direct && dtype_ == DType::bf16;
  call.columns = (direct ? columns : width) - (vectors - 1) * set_.lanes;
  for (std::int64_t tile = 0; tile < tiles.tiles; ++tile) {
    const std::int64_t row = tiles.first(tile);
    const int rows = tiles.size(tile);
    std::byte* o = slice.o + (block.first + row) * slice.v_row + first * element_;
    call.groups = (head_dim_padded_ + rounded_up(row + rows, group_)) / group_;
    call.left = block.left + row * left_row();
    call.to = direct ? o : block.sums;
    call.to_row = direct ? slice.v_row : width * static_cast<std::int64_t>(sizeof(float));
    set_.tile(rows, vectors)(call);
    if (!direct)
      set_.finish_bf16({rows, columns, block.sums, call.to_row, 1, 0, o, slice.v_row, element_});
  }
}

void LinearChunks::update(const Block& block, std::int64_t first, int columns, int width) const {
  const LinearSlice& slice = *block.slice;
  const TileCut tiles(head_dim_, set_.most_rows);
  const int vectors = width / set_.lanes;
  simd::TileCall call;
  call.groups = rounded_up(block.count, group_) / group_;
  call.left_row = word_;
  call.left_group = head_dim_ * word_;
  call.right = block.right + head_dim_padded_ * width * element_;
  call.right_group = width * word_;
  call.ahead = ahead;
  call.start_row = call.to_row = slice.state_row * static_cast<std::int64_t>(sizeof(float));
  call.columns = columns - (vectors - 1) * set_.lanes;
  for (std::int64_t tile = 0; tile < tiles.tiles; ++tile) {
    call.left = block.transposed + tiles.first(tile) * word_;
    call.to =
        reinterpret_cast<std::byte*>(slice.state + tiles.first(tile) * slice.state_row + first);
    call.start = call.to;
    set_.tile(tiles.size(tile), vectors)(call);
  }
}

}  // namespace ergon
