#include <algorithm>
#include <cstring>

#include "kernels/attention/native_cache_tiles.h"
#include "kernels/devices/cpu.h"
#include "kernels/simd/half_tiles.h"

namespace ergon {
namespace {

constexpr std::int64_t half = 2;  // bytes

class HalfCache final : public TiledCache {
 public:
  HalfCache(const Attention& a, const simd::HalfTileSet& set)
      : TiledCache(a,
                   {set.tiles + std::int64_t{set.most_vectors - 1} * set.most_rows, set.most_rows,
                    set.lanes, set.most_vectors},
                   1, half),
        set_(set) {}

  std::string instruction() const override { return std::string(set_.instruction); }
  std::int64_t most_rows() const override { return any_rows; }
  DType weights() const override { return DType::f32; }

  void put(const KvRows& keys, const KvRows& values, std::int64_t sequence, std::int64_t head,
           std::int64_t first, std::int64_t count, std::int64_t at,
           std::byte* block) const override {
    for (std::int64_t i = 0; i < count; ++i) {
      const auto* key = reinterpret_cast<const std::uint16_t*>(keys.row(sequence, first + i, head));
      auto* to = reinterpret_cast<std::uint16_t*>(key_panel(block, at + i)) + (at + i) % panel_;
      for (std::int64_t d = 0; d < head_dim_; ++d) to[d * panel_] = key[d];
      const std::byte* value = values.row(sequence, first + i, head);
      for (std::int64_t c = 0; c < v_head_dim_; c += panel_)
        std::memcpy(value_panel(block, c) + (at + i) * panel_ * half, value + c * half,
                    static_cast<std::size_t>(std::min(panel_, v_head_dim_ - c) * half));
    }
  }

 private:
  const simd::HalfTileSet& set_;
};

}  // namespace

std::unique_ptr<KeyCache> make_half_cache(const Attention& workload, simd::Isa isa) {
  return std::make_unique<HalfCache>(
      workload, simd::best_half_tile_set(workload.kv_dtype == DType::bf16, isa, cpu_info()));
}

}  // namespace ergon
