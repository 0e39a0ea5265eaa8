// Quantized products by our own kernels (docs/kernels.md): weights are packed once into panels that
// lie in the order of their use, and decoded in registers.
//
//   pack       once: weights into panels
//   quantize   where the format quantizes activations in the call; else
//   arrange    activations into tiles, where they cannot be read in place
//   matmul     for blocks of rows, for panels, for tiles of the block: a tile over all of k
//
// The activations of a block stay in the L2 cache while the panels pass over them (of a long k: in
// that behind it), and a panel while the tiles of the block do. Threads share the meetings of
// blocks and panels in their order: with one block each streams a part of the weights of its own.
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/qmatmul/native_left.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

// A thread more costs a microsecond or two, what so many elements take to quantize.
constexpr std::int64_t elements_worth_a_thread = 16384;

std::size_t page_rounded(std::int64_t bytes) {
  return static_cast<std::size_t>((bytes + 4095) / 4096 * 4096);
}

/// Blocks of rows whose activations take half of the L2 cache, or four times what a panel does: a
/// panel comes anew for each block. More blocks where there would be too few meetings with panels
/// for all threads.
std::int64_t row_blocks(const LeftTiles& left, const PanelShape& shape, int threads) {
  std::int64_t cache = std::int64_t{1} << 20;
  for (const CpuCache& level : cpu_info().caches)
    if (level.level == 2 && level.bytes > 0) cache = static_cast<std::int64_t>(level.bytes);
  const std::int64_t block_bytes = std::max(cache / 2, 4 * shape.bytes);
  const std::int64_t by_cache = static_cast<std::int64_t>(left.bytes()) / block_bytes + 1;
  constexpr std::int64_t meetings_a_thread = 8;
  const std::int64_t by_threads = meetings_a_thread * threads / shape.panels;
  return std::clamp<std::int64_t>(std::max(by_cache, by_threads), 1, left.tiles());
}

class NativePlan final : public Plan {
 public:
  NativePlan(const QMatmul& workload, const Inputs& inputs, const Placement& placement,
             const simd::QTileSet& set)
      : q_(workload),
        inputs_(inputs),
        set_(set),
        threads_(placement.threads),
        shape_(q_, set),
        left_tiles_(q_, set),
        table_(decoding_table(q_)),
        row_blocks_(row_blocks(left_tiles_, shape_, threads_)),
        output_(q_, *placement.device, placement.slots, own_arithmetic) {
    const double packed = static_cast<double>(shape_.bytes) * static_cast<double>(shape_.panels);
    stages_.push_back({"pack", false, {0, q_.layout.bytes() + packed}});
    const double x = static_cast<double>(q_.m) * static_cast<double>(q_.k) *
                     static_cast<double>(size_of(q_.x_dtype()));
    if (!left_tiles_.in_place())
      stages_.push_back({q_.activation_group() != 0 ? "quantize" : "arrange",
                         true,
                         {0, x + static_cast<double>(left_tiles_.bytes())}});
    stages_.push_back({"matmul", true, q_.work()});
    {
      const PagePolicyScope pages(policy_for_packed_weights());
      panels_ = placement.device->allocate(slot_bytes(shape_) * placement.slots);
    }
    left_ = placement.device->allocate(std::max<std::size_t>(left_tiles_.bytes(), 1));
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0)
      pack(slot);
    else if (stage + 1 < stages_.size())
      fill_left(slot);
    else
      multiply(slot);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }

  std::string detail() const override {
    return std::string(simd::name(set_.isa)) + ": " + std::string(set_.instruction) + ", tile " +
           std::to_string(set_.most_rows) + "x" + std::to_string(set_.lanes);
  }

  static std::size_t slot_bytes(const PanelShape& shape) {
    return page_rounded(shape.bytes * shape.panels);
  }

 private:
  std::byte* panel(std::size_t slot, std::int64_t index) const {
    return panels_->host() + slot * slot_bytes(shape_) + index * shape_.bytes;
  }

  void pack(std::size_t slot) const {
    const Weights weights = weights_of(inputs_, slot);
    on_team(threads_, [&](int thread, int team) {
      pack_panels(q_, set_, weights, shape_.panels * thread / team,
                  shape_.panels * (thread + 1) / team, panel(slot, 0));
    });
  }

  void fill_left(std::size_t slot) const {
    const std::int64_t tiles = left_tiles_.tiles();
    const auto threads = static_cast<int>(
        std::min<std::int64_t>({threads_, tiles, q_.m * q_.k / elements_worth_a_thread + 1}));
    on_team(threads, [&](int thread, int team) {
      left_tiles_.fill(inputs_, slot, tiles * thread / team, tiles * (thread + 1) / team,
                       left_->host());
    });
  }

  void multiply(std::size_t slot) {
    const std::int64_t tiles = left_tiles_.tiles(), meetings = shape_.panels * row_blocks_;
    on_team(threads_, [&](int thread, int team) {
      const std::int64_t end = meetings * (thread + 1) / team;
      for (std::int64_t i = meetings * thread / team; i < end; ++i) {
        const std::int64_t block = i / shape_.panels;
        const std::int64_t first = tiles * block / row_blocks_,
                           count = tiles * (block + 1) / row_blocks_ - first;
        const std::byte* panel = this->panel(slot, i % shape_.panels);
        const std::byte* next = i + 1 < end ? this->panel(slot, (i + 1) % shape_.panels) : nullptr;
        for (std::int64_t t = 0; t < count; ++t)
          tile(slot, i % shape_.panels, first + t, fetch_for(shape_, panel, next, t, count));
      }
    });
  }

  void tile(std::size_t slot, std::int64_t panel, std::int64_t tile, const simd::QFetch& fetch) {
    const std::int64_t first = panel * set_.lanes;
    const auto size = static_cast<std::int64_t>(size_of(q_.output));
    simd::QTileCall call;
    call.groups = shape_.groups;
    call.lines = shape_.lines;
    call.last_lines = shape_.last_lines;
    call.panel = this->panel(slot, panel);
    call.left =
        left_tiles_.in_place() ? inputs_.data("x", slot) : left_tiles_.words(left_->host(), tile);
    call.left_groups = left_tiles_.groups(left_->host(), tile);
    call.table = table_.data();
    call.to = output_.data(slot) + (left_tiles_.first_row(tile) * q_.n + first) * size;
    call.to_row = q_.n * size;
    call.columns = static_cast<int>(std::min<std::int64_t>(set_.lanes, q_.n - first));
    call.to_bf16 = q_.output == DType::bf16;
    call.fetch = fetch;
    set_.tiles[left_tiles_.rows(tile) - 1](call);
  }

  const QMatmul q_;
  const Inputs& inputs_;
  const simd::QTileSet& set_;
  int threads_;
  const PanelShape shape_;
  const LeftTiles left_tiles_;
  const std::vector<std::byte> table_;
  const std::int64_t row_blocks_;
  QMatmulOutput output_;
  std::unique_ptr<Buffer> panels_, left_;
  std::vector<Stage> stages_;
};

class NativeQMatmul final : public Implementation {
 public:
  explicit NativeQMatmul(simd::Isa isa) : isa_(isa) {
    info_.kernel = "qmatmul";
    info_.backend = info_.name = "native";
    info_.device_kind = "cpu";
    info_.about = "our own kernels up to " + std::string(simd::name(isa)) +
                  "; weights packed once into panels, decoded in registers";
  }

  const ImplementationInfo& info() const noexcept override { return info_; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* q = dynamic_cast<const QMatmul*>(&workload);
    if (q == nullptr) return "computes qmatmul only";
    if (q->format->minima)
      return "has no tile that subtracts the minima of " + std::string(q->format->name);
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& /*placement*/) const override {
    const auto& q = dynamic_cast<const QMatmul&>(workload);
    const simd::QTileSet& set = set_of(q);
    return {LeftTiles(q, set).bytes(),
            QMatmulOutput::bytes_per_slot(q) + NativePlan::slot_bytes(PanelShape(q, set))};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& q = dynamic_cast<const QMatmul&>(workload);
    return std::make_unique<NativePlan>(q, inputs, placement, set_of(q));
  }

 private:
  const simd::QTileSet& set_of(const QMatmul& q) const {
    return simd::best_qtile_set(native_product(q), isa_, cpu_info());
  }

  simd::Isa isa_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_qmatmul_native(const RegistryOptions& options) {
  Implementations all;
  all.push_back(std::make_unique<NativeQMatmul>(options.isa.value_or(simd::best_isa(cpu_info()))));
  return all;
}

}  // namespace ergon
