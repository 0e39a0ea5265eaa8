#include "kernels/attention/native_linear.h"

#include <algorithm>
#include <numeric>

#include "kernels/attention/native_linear_chunks.h"
#include "kernels/attention/native_linear_recurrence.h"
#include "kernels/attention/outputs.h"
#include "kernels/devices/cpu.h"

namespace ergon {

const LinearLoops& linear_loops(simd::Isa isa) noexcept {
#if defined(__x86_64__)
  if (isa == simd::Isa::avx512)
    return cpu_info().has("avx512_bf16") ? linear_avx512_bf16 : linear_avx512;
  if (isa == simd::Isa::avx2) return linear_avx2;
#endif
  static_cast<void>(isa);
  return linear_portable;
}

namespace {

bool recurs(const Attention& a) {
  return a.phase == Phase::decode || a.q_len <= most_recurrent_tokens;
}

/// Bytes of a thread's workspace, in pages of its own.
std::size_t workspace_bytes(const Attention& a, simd::Isa isa) {
  const std::size_t bytes = recurs(a) ? LinearRecurrence(a, isa).workspace_bytes()
                                      : LinearChunks(a, isa).workspace_bytes();
  return (bytes + 4095) / 4096 * 4096;
}

/// Heads of all sequences, each in `parts` of its columns.
struct Slices {
  /// From here on a head more or less for a thread is no matter.
  static constexpr std::int64_t many_heads = 8;
  /// What a part at least has, so that rows of the state are whole cache lines.
  static constexpr std::int64_t least_columns = 32;

  Slices(const Attention& a, int threads) : heads(a.batch * a.q_heads), columns(a.v_head_dim) {
    if (heads >= many_heads * threads) return;
    parts = std::min<std::int64_t>(threads / std::gcd<std::int64_t>(heads, threads),
                                   std::max<std::int64_t>(1, columns / least_columns));
  }
  std::int64_t count() const { return heads * parts; }
  /// Where a part's columns begin.
  std::int64_t column(std::int64_t part) const {
    const std::int64_t lines = (columns + recurrent_columns - 1) / recurrent_columns;
    return std::min(columns, lines * part / parts * recurrent_columns);
  }
  std::int64_t heads, columns, parts = 1;
};

class NativeLinearPlan final : public Plan {
 public:
  NativeLinearPlan(const Attention& workload, const Inputs& inputs, const Placement& placement,
                   simd::Isa isa)
      : a_(workload),
        inputs_(inputs),
        isa_(isa),
        slices_(workload, placement.threads),
        threads_(static_cast<int>(std::min<std::int64_t>(placement.threads, slices_.count()))),
        recurrence_(workload, isa),
        chunks_(workload, isa),
        outputs_(workload, *placement.device, placement.slots),
        workspace_bytes_(workspace_bytes(workload, isa)),
        workspace_(placement.device->allocate(workspace_bytes_ *
                                              static_cast<std::size_t>(placement.threads))),
        stages_{{"attend", true, workload.work()}} {}

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t /*stage*/, Stream& /*runs_at_once*/, std::size_t slot) override {
    on_team(threads_, [&](int thread, int team) {
      std::byte* workspace =
          workspace_->host() + static_cast<std::size_t>(thread) * workspace_bytes_;
      const std::int64_t all = slices_.count();
      for (std::int64_t i = all * thread / team; i < all * (thread + 1) / team; ++i) {
        const LinearSlice slice = slice_of(slot, i / slices_.parts, i % slices_.parts);
        if (recurs(a_))
          recurrence_.run(slice, workspace);
        else
          chunks_.run(slice, workspace);
      }
    });
  }
  void reset(std::size_t slot) override { outputs_.reset(inputs_, slot); }
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return std::string(simd::name(isa_)) + ": " + (recurs(a_) ? "recurrence" : chunks_.detail());
  }

 private:
  LinearSlice slice_of(std::size_t slot, std::int64_t head, std::int64_t part) {
    const auto element = static_cast<std::int64_t>(size_of(a_.dtype));
    const std::int64_t first = slices_.column(part);
    const std::int64_t row = head / a_.q_heads * a_.q_len * a_.q_heads + head % a_.q_heads;
    const std::int64_t qk = row * a_.head_dim * element,
                       vo = (row * a_.v_head_dim + first) * element;
    LinearSlice slice;
    slice.tokens = a_.q_len;
    slice.columns = slices_.column(part + 1) - first;
    slice.slope = inputs_.as<float>("slope", slot)[head % a_.q_heads];
    slice.q = inputs_.data("q", slot) + qk;
    slice.k = inputs_.data("k", slot) + qk;
    slice.v = inputs_.data("v", slot) + vo;
    slice.o = outputs_.data(0, slot) + vo;
    slice.qk_row = a_.q_heads * a_.head_dim * element;
    slice.v_row = a_.q_heads * a_.v_head_dim * element;
    slice.state = reinterpret_cast<float*>(outputs_.data(1, slot)) +
                  head * a_.head_dim * a_.v_head_dim + first;
    slice.state_row = a_.v_head_dim;
    return slice;
  }

  const Attention a_;
  const Inputs& inputs_;
  simd::Isa isa_;
  const Slices slices_;
  int threads_;
  const LinearRecurrence recurrence_;
  const LinearChunks chunks_;
  AttentionOutputs outputs_;
  std::size_t workspace_bytes_;
  std::unique_ptr<Buffer> workspace_;
  std::vector<Stage> stages_;
};

}  // namespace

std::unique_ptr<Plan> make_native_linear_plan(const Attention& workload, const Inputs& inputs,
                                              const Placement& placement, simd::Isa isa) {
  return std::make_unique<NativeLinearPlan>(workload, inputs, placement, isa);
}

Footprint native_linear_footprint(const Attention& workload, const Placement& placement,
                                  simd::Isa isa) {
  return {workspace_bytes(workload, isa) * static_cast<std::size_t>(placement.threads),
          AttentionOutputs::bytes_per_slot(workload)};
}

}  // namespace ergon
