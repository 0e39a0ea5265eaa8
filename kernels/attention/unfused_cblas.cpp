// Unfused attention by any CBLAS opened at run time: cblas_sgemm for both products, the softmax by
// our own loops (unfused_softmax.h), the scale as alpha.
//
// A product is one call for each head of queries, or where a group has more heads than there are
// queries, for each query and head of keys. Where there are at least as many as threads, threads
// share them and the library is told to use one thread; otherwise they follow each other on the
// library's own threads.
#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

#include "kernels/attention/outputs.h"
#include "kernels/attention/unfused.h"
#include "kernels/attention/unfused_softmax.h"
#include "kernels/devices/cpu.h"
#include "kernels/gemm/cblas_find.h"

namespace ergon {
namespace {

constexpr int row_major = 101, not_transposed = 111, transposed = 112;
constexpr std::int64_t largest = std::numeric_limits<int>::max();

using LibraryPointer = std::shared_ptr<const CblasLibrary>;

std::int64_t calls_of_a_product(const Attention& a) {
  return a.batch * a.kv_heads * ProductRows(a).others;
}

class UnfusedCblasPlan final : public Plan {
 public:
  UnfusedCblasPlan(const Attention& workload, const Inputs& inputs, const Placement& placement,
                   LibraryPointer library, simd::Isa isa)
      : workload_(workload),
        inputs_(inputs),
        library_(std::move(library)),
        isa_(isa),
        threads_(placement.threads),
        threads_share_calls_(calls_of_a_product(workload) >= placement.threads),
        rows_(workload),
        layout_(workload),
        cache_(workload, inputs, *placement.device),
        outputs_(workload, *placement.device, placement.slots),
        scores_(placement.device->allocate(score_bytes(layout_))),
        stages_(unfused_stages(workload, cache_, DType::f32)) {}

  static std::size_t score_bytes(const ScoreLayout& layout) {
    return static_cast<std::size_t>(layout.elements()) * sizeof(float);
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void activate() override { library_->use_threads(threads_share_calls_ ? 1 : threads_); }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    switch (cache_.gathers() ? stage : stage + 1) {
      case 0:
        return cache_.gather(slot, threads_);
      case 1:
        return over_calls([&](const Call& call) { qk(call, slot); });
      case 2:
        return softmax(slot);
      default:
        return over_calls([&](const Call& call) { pv(call, slot); });
    }
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    std::string text = library_->about.kernel;
    if (!text.empty()) text += ", ";
    text += std::to_string(calls_of_a_product(workload_)) + " sgemm a product";
    if (threads_ > 1)
      text += threads_share_calls_ ? " shared among threads" : " on the library's threads";
    return text + "; softmax our own, " + std::string(simd::name(isa_));
  }

 private:
  struct Call {
    std::int64_t sequence, kv_head, other;
    std::int64_t token_row;  // of q and o
    std::int64_t score;
    KeyRange keys;
  };

  template <class Body>
  void over_calls(Body body) const {
    const std::int64_t calls = calls_of_a_product(workload_);
    on_team(threads_share_calls_ ? threads_ : 1, [&](int thread, int team) {
      for (std::int64_t i = calls * thread / team; i < calls * (thread + 1) / team; ++i)
        body(call_at(i));
    });
  }

  Call call_at(std::int64_t index) const {
    Call call{};
    call.other = index % rows_.others;
    call.kv_head = index / rows_.others % workload_.kv_heads;
    call.sequence = index / rows_.others / workload_.kv_heads;
    const std::int64_t head = call.kv_head * workload_.group();
    call.keys = layout_.block_of(call.sequence).keys;
    call.token_row = call.sequence * workload_.q_len * workload_.q_heads + head +
                     call.other * rows_.of_tokens.other;
    call.score = layout_.first(call.sequence, head, 0) +
                 call.other * rows_.of_scores.other * call.keys.size();
    return call;
  }

  const float* kv(const Call& call, std::size_t slot, bool values) const {
    return reinterpret_cast<const float*>(cache_.first(call.sequence, slot, values)) +
           call.kv_head * (values ? workload_.v_head_dim : workload_.head_dim);
  }
  float* scores() const { return reinterpret_cast<float*>(scores_->host()); }

  void qk(const Call& call, std::size_t slot) const {
    const Attention& a = workload_;
    library_->f32.single(row_major, not_transposed, transposed, integer(rows_.rows),
                         integer(call.keys.size()), integer(a.head_dim),
                         static_cast<float>(a.scale),
                         inputs_.as<float>("q", slot) + call.token_row * a.head_dim,
                         integer(rows_.of_tokens.row * a.head_dim), kv(call, slot, false),
                         integer(a.kv_heads * a.head_dim), 0, scores() + call.score,
                         integer(rows_.of_scores.row * call.keys.size()));
  }

  void softmax(std::size_t slot) const {
    UnfusedSoftmax softmax{workload_, layout_};
    softmax.sinks = workload_.sinks ? inputs_.as<float>("sink", slot) : nullptr;
    softmax.scores = scores();
    softmax.soft_cap = static_cast<float>(workload_.soft_cap);
    softmax.threads = threads_;
    make_weights(softmax, isa_);
  }

  void pv(const Call& call, std::size_t slot) {
    const Attention& a = workload_;
    library_->f32.single(
        row_major, not_transposed, not_transposed, integer(rows_.rows), integer(a.v_head_dim),
        integer(call.keys.size()), 1, scores() + call.score,
        integer(rows_.of_scores.row * call.keys.size()), kv(call, slot, true),
        integer(a.kv_heads * a.v_head_dim), 0,
        reinterpret_cast<float*>(outputs_.data(0, slot)) + call.token_row * a.v_head_dim,
        integer(rows_.of_tokens.row * a.v_head_dim));
  }

  static int integer(std::int64_t value) { return static_cast<int>(value); }

  const Attention workload_;
  const Inputs& inputs_;
  const LibraryPointer library_;
  const simd::Isa isa_;
  const int threads_;
  const bool threads_share_calls_;
  const ProductRows rows_;
  const ScoreLayout layout_;
  WholeCache cache_;
  AttentionOutputs outputs_;
  std::unique_ptr<Buffer> scores_;
  std::vector<Stage> stages_;
};

class UnfusedCblas final : public Implementation {
 public:
  UnfusedCblas(FoundCblas found, simd::Isa isa) : found_(std::move(found)), isa_(isa) {
    info_.kernel = "attention";
    info_.backend = "unfused";
    info_.name = found_.name;
    info_.device_kind = "cpu";
    info_.about =
        "cblas_sgemm for Q K^T and P V, all scores kept; mask, soft cap, sinks and softmax in one "
        "pass of our own";
    if (found_.library) info_.library = found_.library->about;
  }

  const ImplementationInfo& info() const noexcept override { return info_; }
  std::optional<std::string> unavailable() const override {
    return found_.library ? std::nullopt : std::optional(found_.reason);
  }
  int max_threads() const override { return found_.library ? found_.library->max_threads : 1; }

  std::optional<std::string> unsupported(const Workload& workload) const override {
    const auto* a = dynamic_cast<const Attention*>(&workload);
    if (a == nullptr) return "computes attention only";
    if (a->structure != Structure::softmax) return "computes the softmax structure only";
    if (!found_.library) return found_.reason;
    if (a->dtype != DType::f32)
      return "products of " + std::string(name(a->dtype)) + " by CBLAS are not used: f32 only";
    if (auto reason = refuse_mixed(*a, info_.name)) return reason;
    if (!found_.library->f32.single) return info_.name + " exports no cblas_sgemm";
    const std::int64_t keys = a->kv_len, width = std::max(a->head_dim, a->v_head_dim);
    for (const auto& [what, value] : {std::pair{"q_heads times its width", a->q_heads * width},
                                      {"q_len times kv_len", a->q_len * keys}})
      if (value > largest)
        return std::string(what) + " = " + std::to_string(value) +
               " does not fit the 32-bit integers of CBLAS";
    return std::nullopt;
  }

  Footprint footprint(const Workload& workload, const Placement& /*placement*/) const override {
    const auto& a = dynamic_cast<const Attention&>(workload);
    return {UnfusedCblasPlan::score_bytes(ScoreLayout(a)) + WholeCache::bytes(a),
            AttentionOutputs::bytes_per_slot(a)};
  }

  std::unique_ptr<Plan> prepare(const Workload& workload, const Inputs& inputs,
                                const Placement& placement) const override {
    if (const auto why = unsupported(workload)) throw std::runtime_error(*why);
    if (placement.threads > max_threads())
      throw std::runtime_error(info_.name + " runs at most " + std::to_string(max_threads()) +
                               " thread(s) (" + found_.library->threading + ")");
    return std::make_unique<UnfusedCblasPlan>(dynamic_cast<const Attention&>(workload), inputs,
                                              placement, found_.library, isa_);
  }

 private:
  FoundCblas found_;
  simd::Isa isa_;
  ImplementationInfo info_;
};

}  // namespace

Implementations make_unfused_cblas(const RegistryOptions& options) {
  Implementations all;
  for (FoundCblas& found : find_cblas(options.blas))
    all.push_back(std::make_unique<UnfusedCblas>(std::move(found),
                                                 options.isa.value_or(simd::best_isa(cpu_info()))));
  return all;
}

}  // namespace ergon
