#include <algorithm>
#include <cstring>

#include "kernels/attention/native_cache.h"
#include "kernels/devices/cpu.h"
#include "kernels/simd/half_tiles.h"

namespace ergon {
namespace {

constexpr std::int64_t half = 2, word = 4, line = 64;  // bytes

class HalfCache final : public KeyCache {
 public:
  HalfCache(const Attention& a, simd::Isa isa)
      : set_(simd::best_half_tile_set(a.kv_dtype == DType::bf16, isa, cpu_info())),
        head_dim_(a.head_dim),
        v_head_dim_(a.v_head_dim),
        panel_(set_.panel()),
        block_(rounded_up(128, panel_)),
        values_at_(block_ * head_dim_ * half),
        bytes_(rounded_up(values_at_ + block_ * columns() * half, line)) {}

  std::string instruction() const override { return std::string(set_.instruction); }
  int most_rows() const override { return set_.most_rows; }
  std::int64_t block() const override { return block_; }
  std::int64_t bytes() const override { return bytes_; }
  DType weights() const override { return DType::f32; }
  std::int64_t columns() const override { return rounded_up(v_head_dim_, panel_); }
  const float* key_scale(const std::byte* /*block*/) const override { return nullptr; }
  const float* value_scale(const std::byte* /*block*/) const override { return nullptr; }

  void put(const KvRows& keys, const KvRows& values, std::int64_t sequence, std::int64_t head,
           std::int64_t first, std::int64_t count, std::int64_t at,
           std::byte* block) const override {
    auto* k = reinterpret_cast<std::uint16_t*>(block);
    std::byte* v = block + values_at_;
    for (std::int64_t i = 0; i < count; ++i) {
      const auto* key = reinterpret_cast<const std::uint16_t*>(keys.row(sequence, first + i, head));
      std::uint16_t* to = k + (at + i) / panel_ * panel_ * head_dim_ + (at + i) % panel_;
      for (std::int64_t d = 0; d < head_dim_; ++d) to[d * panel_] = key[d];
      const std::byte* value = values.row(sequence, first + i, head);
      for (std::int64_t c = 0; c < v_head_dim_; c += panel_)
        std::memcpy(v + (c * block_ + (at + i) * panel_) * half, value + c * half,
                    static_cast<std::size_t>(std::min(panel_, v_head_dim_ - c) * half));
    }
  }

  std::int64_t query_bytes(std::int64_t rows) const override { return rows * head_dim_ * word; }
  void arrange(const RowsInMemory& queries, std::int64_t rows, std::byte* to) const override {
    for (std::int64_t r = 0; r < rows; ++r)
      std::memcpy(to + r * head_dim_ * word, queries.first + r * queries.stride,
                  static_cast<std::size_t>(head_dim_ * word));
  }

  void logits(const std::byte* block, const std::byte* queries, std::int64_t rows,
              std::int64_t count, float* logits, std::int64_t stride) const override {
    simd::TileCall call = call_of(head_dim_);
    call.left = queries;
    call.left_row = head_dim_ * word;
    call.to_row = stride * word;
    for (std::int64_t key = 0; key < count; key += panel_) {
      call.right = block + key * head_dim_ * half;
      call.to = reinterpret_cast<std::byte*>(logits + key);
      set_.tile(static_cast<int>(rows), set_.most_vectors)(call);
    }
  }

  std::int64_t value_scratch(std::int64_t /*rows*/) const override { return 0; }
  void add_values(const std::byte* block, const std::byte* weights, std::int64_t stride,
                  std::int64_t rows, std::int64_t count, float* o,
                  std::byte* /*scratch*/) const override {
    simd::TileCall call = call_of(count);
    call.left = weights;
    call.left_row = stride;
    call.to_row = call.start_row = columns() * word;
    for (std::int64_t c = 0; c < columns(); c += panel_) {
      call.right = block + values_at_ + c * block_ * half;
      call.to = reinterpret_cast<std::byte*>(o + c);
      call.start = call.to;
      set_.tile(static_cast<int>(rows), set_.most_vectors)(call);
    }
  }

 private:
  simd::TileCall call_of(std::int64_t groups) const {
    simd::TileCall call;
    call.groups = groups;
    call.left_group = word;
    call.right_group = panel_ * half;
    call.columns = set_.lanes;
    call.ahead = cache_ahead;
    return call;
  }

  const simd::HalfTileSet& set_;
  std::int64_t head_dim_, v_head_dim_, panel_, block_, values_at_, bytes_;
};

}  // namespace

std::unique_ptr<KeyCache> make_half_cache(const Attention& workload, simd::Isa isa) {
  return std::make_unique<HalfCache>(workload, isa);
}

}  // namespace ergon
