#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "kernels/attention/native_cache.h"
#include "kernels/attention/native_source.h"
#include "kernels/devices/cpu.h"
#include "kernels/simd/qtile.h"
#include "kernels/simd/tile_cut.h"

namespace ergon {
namespace {

using simd::QKind;
using simd::QScale;

constexpr std::int64_t depth = 4, word = 4, line = 64;  // codes of a word; bytes
/// simd/qtile.h, integers: where of a word its codes lie.
constexpr std::array<std::int64_t, depth> byte_of = {0, 2, 1, 3};
constexpr simd::QProduct product = {QKind::integers, QScale::none, false, true};

std::uint8_t sign_and_magnitude(std::int8_t code) {
  return static_cast<std::uint8_t>(code < 0 ? 128 - code : code);
}

/// bf16 by magnitude, the low bytes of 128, then the high bytes.
std::array<std::byte, 256> magnitudes() {
  std::array<std::byte, 256> table{};
  for (std::size_t i = 0; i < 128; ++i) {
    const std::uint16_t bits = to_bf16(static_cast<float>(i));
    table[i] = static_cast<std::byte>(bits & 0xffU);
    table[128 + i] = static_cast<std::byte>(bits >> 8);
  }
  return table;
}

/// Tiles that multiply a panel's words.
const simd::TileSet& tiles_beside(const simd::QTileSet& set, simd::Isa isa) {
  const auto type = set.left_f32 ? simd::Product::f32 : simd::Product::bf16;
  const simd::TileSet& best = simd::best_tile_set(type, isa, cpu_info());
  const bool fits = set.lanes % best.lanes == 0 && set.lanes <= best.panel();
  return fits ? best : simd::best_tile_set(type, set.isa, cpu_info());
}

class CodeCache final : public KeyCache {
 public:
  CodeCache(const Attention& a, simd::Isa isa)
      : set_(simd::best_qtile_set(product, isa, cpu_info())),
        words_(tiles_beside(set_, isa)),
        head_dim_(a.head_dim),
        v_head_dim_(a.v_head_dim),
        left_(set_.left_f32 ? DType::f32 : DType::bf16),
        left_element_(static_cast<std::int64_t>(size_of(left_))),
        lanes_(set_.lanes),
        block_(rounded_up(256, lanes_)),
        key_lines_((head_dim_ + depth - 1) / depth),
        key_panel_(panel_bytes(key_lines_)),
        value_panel_(panel_bytes(block_ / depth)),
        values_at_(block_ / lanes_ * key_panel_),
        scales_at_(rounded_up(values_at_ + columns() / lanes_ * value_panel_, line)),
        bytes_(rounded_up(scales_at_ + 2 * block_ * word, line)),
        table_(magnitudes()) {}

  std::string instruction() const override { return std::string(set_.instruction); }
  std::int64_t most_rows() const override { return any_rows; }
  std::int64_t block() const override { return block_; }
  std::int64_t bytes() const override { return bytes_; }
  DType weights() const override { return left_; }
  std::int64_t columns() const override { return rounded_up(v_head_dim_, lanes_); }
  const float* key_scale(const std::byte* block) const override {
    return reinterpret_cast<const float*>(block + scales_at_);
  }
  const float* value_scale(const std::byte* block) const override {
    return key_scale(block) + block_;
  }

  void put(const KvRows& keys, const KvRows& values, std::int64_t sequence, std::int64_t head,
           std::int64_t first, std::int64_t count, std::int64_t at,
           std::byte* block) const override {
    auto* scales = reinterpret_cast<float*>(block + scales_at_);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t key = at + i;
      scales[key] = keys.scale(sequence, first + i, head);
      scales[block_ + key] = values.scale(sequence, first + i, head);
      put_key(reinterpret_cast<const std::int8_t*>(keys.row(sequence, first + i, head)),
              block + key / lanes_ * key_panel_ + key % lanes_ * word);
      put_value(reinterpret_cast<const std::int8_t*>(values.row(sequence, first + i, head)),
                block + values_at_ + key / depth * lanes_ * word + byte_of[key % depth]);
    }
  }

  std::int64_t query_bytes(std::int64_t rows) const override { return rows * left_row(); }
  void arrange(const RowsInMemory& queries, std::int64_t rows, std::byte* to) const override {
    std::vector<std::byte> few(
        static_cast<std::size_t>(in_registers(rows) ? rows * left_row() : 0));
    std::byte* wide = in_registers(rows) ? few.data() : to;
    const std::int64_t used = head_dim_ * left_element_;
    for (std::int64_t r = 0; r < rows; ++r) {
      std::byte* row = wide + r * left_row();
      widen_elements(DType::bf16, queries.first + r * queries.stride, left_, row, head_dim_,
                     words_.isa);
      std::memset(row + used, 0, static_cast<std::size_t>(left_row() - used));
    }
    if (in_registers(rows)) weave(wide, left_row(), rows, left_row(), to);
  }

  void logits(const std::byte* block, const std::byte* queries, std::int64_t rows,
              std::int64_t count, float* logits, std::int64_t stride,
              std::byte* scratch) const override {
    Product call{key_lines_, queries, left_row(), nullptr, nullptr, stride * word, false, scratch};
    for (std::int64_t key = 0; key < count; key += lanes_) {
      call.panel = block + key / lanes_ * key_panel_;
      call.to = reinterpret_cast<std::byte*>(logits + key);
      multiply(call, rows);
    }
  }

  std::int64_t scratch_bytes(std::int64_t rows) const override {
    if (in_registers(rows)) return rows > 1 ? rows * block_ * left_element_ : 0;
    return std::max(key_lines_, block_ / depth) * depth * left_element_ * lanes_;
  }
  void add_values(const std::byte* block, const std::byte* weights, std::int64_t stride,
                  std::int64_t rows, std::int64_t count, float* o,
                  std::byte* scratch) const override {
    const std::int64_t lines = (count + depth - 1) / depth;
    Product call{lines, weights, stride, nullptr, nullptr, columns() * word, true, scratch};
    if (in_registers(rows) && rows > 1) {
      weave(weights, stride, rows, lines * depth * left_element_, scratch);
      call.left = scratch;
    }
    for (std::int64_t c = 0; c < columns(); c += lanes_) {
      call.panel = block + values_at_ + c / lanes_ * value_panel_;
      call.to = reinterpret_cast<std::byte*>(o + c);
      multiply(call, rows);
    }
  }

 private:
  /// As for weights of a matrix (qmatmul/native_panels.cpp).
  static constexpr std::int64_t ahead = 12288;
  /// Less, since the first tile asks for a panel's bytes as often as words are wider than codes.
  static constexpr std::int64_t words_ahead = 6144;

  std::int64_t panel_bytes(std::int64_t lines) const { return lines * lanes_ * word; }

  /// Whether codes become words in a tile, and stay in registers; the rows of more than one tile
  /// read words that are decoded once, into scratch.
  bool in_registers(std::int64_t rows) const { return rows <= set_.most_rows; }
  std::int64_t left_row() const { return key_lines_ * depth * left_element_; }

  /// Rows of `bytes` become words of all rows side by side.
  void weave(const std::byte* from, std::int64_t stride, std::int64_t rows, std::int64_t bytes,
             std::byte* to) const {
    simd::PackCall pack;
    pack.from = from;
    pack.row_stride = stride;
    pack.k_stride = 1;
    pack.rows = pack.width = static_cast<int>(rows);
    pack.k = bytes;
    pack.to = to;
    set_.pack(pack);
  }

  /// Rows times a panel. `left` is woven where codes stay in registers; else rows of it are
  /// `left_row` bytes apart.
  struct Product {
    std::int64_t lines;
    const std::byte* left;
    std::int64_t left_row;
    const std::byte* panel;
    std::byte* to;
    std::int64_t to_row;
    bool add;
    std::byte* scratch;
  };
  void multiply(const Product& p, std::int64_t rows) const {
    simd::QTileCall codes;
    codes.groups = 1;
    codes.lines = codes.last_lines = p.lines;
    codes.panel = p.panel;
    codes.table = table_.data();
    if (in_registers(rows)) {
      codes.fetch = {p.panel + ahead, lanes_ * word, 0};
      codes.left = p.left;
      codes.to = p.to;
      codes.to_row = p.to_row;
      codes.columns = set_.lanes;
      codes.add = p.add;
      return set_.tiles[rows - 1](codes);
    }
    codes.fetch = {p.panel, 0, 0};
    codes.to = p.scratch;
    set_.words(codes);
    simd::TileCall call;
    call.groups = p.lines * depth * left_element_ / word;
    call.left_row = p.left_row;
    call.left_group = word;
    call.right = p.scratch;
    call.right_group = lanes_ * word;
    call.to_row = call.start_row = p.to_row;
    call.columns = words_.lanes;
    const TileCut cut(rows, words_.most_rows);
    for (std::int64_t t = 0; t < cut.tiles; ++t) {
      call.left = p.left + cut.first(t) * p.left_row;
      call.to = p.to + cut.first(t) * p.to_row;
      if (p.add) call.start = call.to;
      // Codes, while the first tile works; as words they are not to be asked for.
      call.ahead = t > 0 ? 0
                         : reinterpret_cast<std::intptr_t>(p.panel + words_ahead) -
                               reinterpret_cast<std::intptr_t>(p.scratch);
      words_.tile(cut.size(t), set_.lanes / words_.lanes)(call);
    }
  }

  void put_key(const std::int8_t* codes, std::byte* lane) const {
    for (std::int64_t d = 0; d < head_dim_; ++d)
      lane[d / depth * lanes_ * word + byte_of[d % depth]] =
          static_cast<std::byte>(sign_and_magnitude(codes[d]));
  }
  void put_value(const std::int8_t* codes, std::byte* first) const {
    for (std::int64_t c = 0; c < v_head_dim_; ++c)
      first[c / lanes_ * value_panel_ + c % lanes_ * word] =
          static_cast<std::byte>(sign_and_magnitude(codes[c]));
  }

  const simd::QTileSet& set_;
  const simd::TileSet& words_;
  std::int64_t head_dim_, v_head_dim_;
  DType left_;
  std::int64_t left_element_, lanes_, block_, key_lines_, key_panel_, value_panel_, values_at_,
      scales_at_, bytes_;
  std::array<std::byte, 256> table_;
};

}  // namespace

std::unique_ptr<KeyCache> make_code_cache(const Attention& workload, simd::Isa isa) {
  return std::make_unique<CodeCache>(workload, isa);
}

}  // namespace ergon
