// Grouped products by our own kernels: qmatmul's panels and tiles (docs/kernels.md), expert by
// expert.
//
//   pack     once: the weights of all experts into panels
//   route    rows of Y sorted by expert, and their tokens gathered into tiles, quantized where the
//            format does so in the call
//   matmul   for experts, for panels, for tiles of rows: a tile over all of k
//
// Rows of an expert lie anywhere in Y: a tile is written aside, then row by row where it belongs.
#include <cstring>
#include <utility>

#include "kernels/devices/cpu.h"
#include "kernels/devices/memory.h"
#include "kernels/moe/native_shares.h"
#include "kernels/moe/routing.h"
#include "kernels/qmatmul/native_left.h"
#include "kernels/registry.h"

namespace ergon {
namespace {

// As for qmatmul's tiles.
constexpr std::int64_t elements_worth_a_thread = 16384;

class NativePlan final : public Plan {
 public:
  NativePlan(const Moe& workload, const Inputs& inputs, const Placement& placement,
             const simd::QTileSet& set)
      : moe_(workload),
        routed_(workload.routed()),
        inputs_(inputs),
        set_(set),
        threads_(placement.threads),
        shape_(moe_.tokens, set),
        places_(routed_, set),
        table_(decoding_table(moe_.tokens)),
        order_(moe_.experts, moe_.rows()),
        output_(routed_, *placement.device, placement.slots, own_arithmetic) {
    const double unpacked = static_cast<double>(moe_.experts) * moe_.tokens.layout.bytes();
    stages_.push_back(
        {"pack", false, {0, unpacked + static_cast<double>(panel_bytes(moe_, shape_))}});
    const double x = static_cast<double>(moe_.rows()) * static_cast<double>(routed_.k) *
                     static_cast<double>(size_of(routed_.x_dtype()));
    stages_.push_back({"route", true, {0, x + static_cast<double>(places_.bytes())}});
    stages_.push_back({"matmul", true, moe_.work()});
    {
      const PagePolicyScope pages(policy_for_packed_weights());
      panels_ = placement.device->allocate(panel_bytes(moe_, shape_) * placement.slots);
    }
    left_ = placement.device->allocate(places_.bytes());
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0)
      pack(slot);
    else if (stage == 1)
      gather(slot);
    else
      multiply(slot);
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return output_.tensors(slot); }

  std::string detail() const override {
    return std::string(simd::name(set_.isa)) + ": " + std::string(set_.instruction) + ", tile " +
           std::to_string(set_.most_rows) + "x" + std::to_string(set_.lanes);
  }

  /// Of a slot.
  static std::size_t panel_bytes(const Moe& moe, const PanelShape& shape) {
    return static_cast<std::size_t>((moe.experts * shape.panels * shape.bytes + 4095) / 4096 *
                                    4096);
  }

 private:
  std::byte* panels(std::size_t slot, std::int64_t expert) const {
    return panels_->host() + slot * panel_bytes(moe_, shape_) +
           expert * shape_.panels * shape_.bytes;
  }

  void pack(std::size_t slot) const {
    const std::int64_t all = moe_.experts * shape_.panels;
    on_team(threads_, [&](int thread, int team) {
      for (std::int64_t i = all * thread / team; i < all * (thread + 1) / team; ++i) {
        const std::int64_t expert = i / shape_.panels, panel = i % shape_.panels;
        pack_panels(moe_.tokens, set_, weights_of(moe_, inputs_, slot, expert), panel, panel + 1,
                    panels(slot, expert));
      }
    });
  }

  void gather(std::size_t slot) {
    order_.sort(inputs_.as<std::int32_t>("expert", slot));
    const std::int64_t all = moe_.rows();
    const auto threads = static_cast<int>(
        std::min<std::int64_t>({threads_, all, all * routed_.k / elements_worth_a_thread + 1}));
    on_team(threads, [&](int thread, int team) {
      for (std::int64_t e = 0; e < moe_.experts; ++e) {
        const TileCut cut(static_cast<std::int64_t>(order_.of(e).size()), set_.most_rows);
        for (std::int64_t tile = 0; tile < cut.tiles; ++tile) {
          const std::int64_t place = order_.first(e) + cut.first(tile);
          if (place >= all * thread / team && place < all * (thread + 1) / team)
            gather_tile(slot, place, order_.of(e).subspan(cut.first(tile), cut.size(tile)));
        }
      }
    });
  }

  void gather_tile(std::size_t slot, std::int64_t place, std::span<const std::int64_t> rows) {
    std::vector<std::int64_t> tokens;
    for (const std::int64_t row : rows) tokens.push_back(row / moe_.top_k);
    places_.put(inputs_, slot, tokens, left_->host(), place);
  }

  void multiply(std::size_t slot) {
    on_team(threads_, [&](int thread, int team) {
      std::vector<std::byte> aside(static_cast<std::size_t>(set_.most_rows * set_.lanes) *
                                   size_of(routed_.output));
      over_share(order_, shape_.panels, set_.most_rows, thread, team,
                 [&](std::int64_t expert, std::int64_t panel, const TileCut& cut, std::int64_t t) {
                   tile(slot, expert, panel, cut, t, aside.data());
                   scatter(slot, panel, order_.of(expert).subspan(cut.first(t), cut.size(t)),
                           aside.data());
                 });
    });
  }

  std::int64_t columns(std::int64_t panel) const {
    return std::min<std::int64_t>(set_.lanes, routed_.n - panel * set_.lanes);
  }

  void tile(std::size_t slot, std::int64_t expert, std::int64_t panel, const TileCut& cut,
            std::int64_t tile, std::byte* to) const {
    const std::int64_t place = order_.first(expert) + cut.first(tile);
    simd::QTileCall call;
    call.groups = shape_.groups;
    call.lines = shape_.lines;
    call.last_lines = shape_.last_lines;
    call.panel = panels(slot, expert) + panel * shape_.bytes;
    call.left = places_.words(left_->host(), place);
    call.left_groups = places_.groups(left_->host(), place);
    call.table = table_.data();
    call.to = to;
    call.to_row = set_.lanes * static_cast<std::int64_t>(size_of(routed_.output));
    call.columns = static_cast<int>(columns(panel));
    call.to_bf16 = routed_.output == DType::bf16;
    // Panels lie one behind the other.
    call.fetch = fetch_for(shape_, call.panel, call.panel + shape_.bytes, tile, cut.tiles);
    set_.tiles[cut.size(tile) - 1](call);
  }

  void scatter(std::size_t slot, std::int64_t panel, std::span<const std::int64_t> rows,
               const std::byte* from) {
    const auto size = static_cast<std::int64_t>(size_of(routed_.output));
    for (const std::int64_t row : rows) {
      std::memcpy(output_.data(slot) + (row * routed_.n + panel * set_.lanes) * size, from,
                  static_cast<std::size_t>(columns(panel) * size));
      from += set_.lanes * size;
    }
  }

  const Moe moe_;
  const QMatmul routed_;
  const Inputs& inputs_;
  const simd::QTileSet& set_;
  int threads_;
  const PanelShape shape_;
  const LeftRows places_;
  const std::vector<std::byte> table_;
  RowsByExpert order_;
  QMatmulOutput output_;
  std::unique_ptr<Buffer> panels_, left_;
  std::vector<Stage> stages_;
};

class NativeMoe final : public Implementation {
 public:
  explicit NativeMoe(simd::Isa isa) : isa_(isa) {
    info_.kernel = "moe";
    info_.backend = info_.name = "native";
    info_.device_kind = "cpu";
    info_.about = "our own kernels up to " + std::string(simd::name(isa)) +
                  "; experts packed once into panels, tokens sorted by expert in the call";
  }

  const ImplementationInfo& info() const noexcept override { return info_; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    if (dynamic_cast<const Moe*>(&workload) == nullptr) return "computes moe only";
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& /*placement*/) const override {
    const auto& moe = dynamic_cast<const Moe&>(workload);
    const simd::QTileSet& set = set_of(moe);
    const QMatmul routed = moe.routed();
    return {LeftRows(routed, set).bytes() + RowsByExpert::bytes(moe.experts, moe.rows()),
            QMatmulOutput::bytes_per_slot(routed) +
                NativePlan::panel_bytes(moe, PanelShape(routed, set))};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    const auto& moe = dynamic_cast<const Moe&>(workload);
    return std::make_unique<NativePlan>(moe, inputs, placement, set_of(moe));
  }

 private:
  const simd::QTileSet& set_of(const Moe& moe) const {
    return simd::best_qtile_set(native_product(moe.tokens), isa_, cpu_info());
  }

  simd::Isa isa_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_moe_native(const RegistryOptions& options) {
  Implementations all;
  all.push_back(std::make_unique<NativeMoe>(options.isa.value_or(simd::best_isa(cpu_info()))));
  return all;
}

}  // namespace ergon
