// Decoding with keys in lanes.
//
//   pack     once: the cache so far, from the layout it is given in to that of native_cache.h
//   append   the keys and values of the call's tokens
//   attend   native_keys.cpp
#include <algorithm>
#include <utility>

#include "kernels/attention/native_softmax.h"
#include "kernels/attention/outputs.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

std::int64_t blocks_of_a_head(const Attention& a, const KeyCache& cache) {
  return (a.kv_len + cache.block() - 1) / cache.block();
}
std::size_t cache_bytes(const Attention& a, const KeyCache& cache) {
  return static_cast<std::size_t>(
      rounded_up(a.batch * a.kv_heads * blocks_of_a_head(a, cache) * cache.bytes(), 4096));
}
/// From one slot's cache to the next.
std::size_t slot_stride(const Attention& a, const KeyCache& cache) {
  return cache_bytes(a, cache) + static_cast<std::size_t>(cache_gap);
}

class KeyPlan final : public Plan {
 public:
  KeyPlan(const Attention& a, const Inputs& inputs, const Placement& placement, simd::Isa isa)
      : a_(a),
        inputs_(inputs),
        threads_(placement.threads),
        floats_(simd::best_tile_set(simd::Product::f32, isa, cpu_info())),
        cache_(make_key_cache(a_, isa)),
        outputs_(a_, *placement.device, placement.slots) {
    flash_ = make_key_flash(flash_problem(a_), *cache_, a.q_len * a.group(),
                            blocks_of_a_head(a_, *cache_),
                            SoftmaxRows(a_, inputs_, 0, floats_, nullptr), isa, threads_);
    {
      const PagePolicyScope pages(policy_for_packed_weights());
      memory_ = placement.device->allocate(slot_stride(a_, *cache_) * placement.slots);
    }
    const double tokens = static_cast<double>(a.batch) * static_cast<double>(a.q_len);
    const double kv =
        static_cast<double>(a.batch) * static_cast<double>(a.kv_len) * *a.kv_bytes_per_token();
    stages_ = {{"pack", false, {0, kv + static_cast<double>(cache_bytes(a_, *cache_))}},
               {"append", true, {0, 2 * tokens * *a.kv_bytes_per_token()}},
               {"attend", true, a.work()}};
  }

  std::span<const Stage> stages() const noexcept override { return stages_; }
  void enqueue(std::size_t stage, Stream& /*runs_at_once*/, std::size_t slot) override {
    if (stage == 0)
      pack(slot);
    else if (stage == 1)
      append(slot);
    else
      flash_->run(SoftmaxRows(a_, inputs_, slot, floats_, outputs_.data(0, slot)), cache(slot));
  }
  void reset(std::size_t /*slot*/) override {}
  std::vector<DeviceTensor> outputs(std::size_t slot) override { return outputs_.tensors(slot); }
  std::string detail() const override {
    return cache_->instruction() + ", lanes are keys, blocks of " +
           std::to_string(cache_->block()) + " keys";
  }

 private:
  std::byte* cache(std::size_t slot) const {
    return memory_->host() + slot * slot_stride(a_, *cache_);
  }

  void put(const KvRows& keys, const KvRows& values, std::int64_t sequence, std::int64_t head,
           std::int64_t first, std::int64_t end, std::byte* to) const {
    const std::int64_t block = cache_->block();
    to += (sequence * a_.kv_heads + head) * blocks_of_a_head(a_, *cache_) * cache_->bytes();
    while (first < end) {
      const std::int64_t at = first % block, count = std::min(block - at, end - first);
      cache_->put(keys, values, sequence, head, first, count, at,
                  to + first / block * cache_->bytes());
      first += count;
    }
  }

  void pack(std::size_t slot) const {
    const KvRows keys(a_, inputs_, slot, false), values(a_, inputs_, slot, true);
    const std::int64_t all = a_.batch * a_.kv_heads, block = cache_->block();
    const std::int64_t blocks = blocks_of_a_head(a_, *cache_);
    on_team(threads_, [&](int thread, int team) {
      for (std::int64_t i = all * blocks * thread / team; i < all * blocks * (thread + 1) / team;
           ++i) {
        // Heads of a token lie side by side.
        const std::int64_t head = i % a_.kv_heads, index = i / a_.kv_heads % blocks;
        const std::int64_t sequence = i / blocks / a_.kv_heads;
        put(keys, values, sequence, head, index * block,
            std::min((index + 1) * block, a_.length(sequence) - a_.q_len), cache(slot));
      }
    });
  }

  void append(std::size_t slot) const {
    const KvRows keys(a_, inputs_, slot, false), values(a_, inputs_, slot, true);
    for (std::int64_t b = 0; b < a_.batch; ++b)
      for (std::int64_t h = 0; h < a_.kv_heads; ++h)
        put(keys, values, b, h, std::max<std::int64_t>(0, a_.length(b) - a_.q_len), a_.length(b),
            cache(slot));
  }

  const Attention a_;
  const Inputs& inputs_;
  int threads_;
  const simd::TileSet& floats_;
  std::unique_ptr<KeyCache> cache_;
  AttentionOutputs outputs_;
  std::unique_ptr<KeyFlash> flash_;
  std::unique_ptr<Buffer> memory_;
  std::vector<Stage> stages_;
};

}  // namespace

bool decodes_by_keys(const Attention& a, simd::Isa isa) {
  if (a.phase != Phase::decode) return false;
  const auto cache = make_key_cache(a, isa);
  return cache != nullptr && a.q_len * a.group() <= cache->most_rows();
}

Footprint key_plan_footprint(const Attention& a, const Placement& placement, simd::Isa isa) {
  const auto cache = make_key_cache(a, isa);
  const std::int64_t rows = a.q_len * a.group();
  // Scratch of all threads, partial results, and the lists of what each does: not more.
  const std::int64_t scratch =
      rows * (8 * cache->block() + 8 * a.head_dim + 64 + 12 * (cache->columns() + 16)) +
      cache->query_bytes(rows) + cache->scratch_bytes(rows) + 65536;
  return {static_cast<std::size_t>(placement.threads) * static_cast<std::size_t>(scratch) +
              static_cast<std::size_t>(Split::bytes(a.batch * a.kv_heads)),
          AttentionOutputs::bytes_per_slot(a) + slot_stride(a, *cache)};
}

std::unique_ptr<Plan> make_key_plan(const Attention& workload, const Inputs& inputs,
                                    const Placement& placement, simd::Isa isa) {
  return std::make_unique<KeyPlan>(workload, inputs, placement, isa);
}

}  // namespace ergon
