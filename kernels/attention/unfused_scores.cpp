#include "kernels/attention/unfused_scores.h"

#include <algorithm>
#include <cstring>

#include "kernels/attention/kv.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

std::int64_t keys_seen(const Attention& a) {
  std::int64_t sum = 0;
  for (std::int64_t b = 0; b < a.batch; ++b) sum += a.keys(b).size();
  return sum;
}

/// Elements of a key, or value, of all heads.
std::int64_t width_of(const Attention& a, bool values) {
  return a.kv_heads * (values ? a.v_head_dim : a.head_dim);
}

std::int64_t bytes_of(const Attention& a, bool values) {
  return keys_seen(a) * width_of(a, values) * static_cast<std::int64_t>(size_of(a.kv_dtype));
}

}  // namespace

ScoreLayout::ScoreLayout(const Attention& a) : q_heads_(a.q_heads), q_len_(a.q_len) {
  for (std::int64_t b = 0; b < a.batch; ++b) {
    const KeyRange keys = a.keys(b);
    if (!blocks_.empty() && blocks_.back().keys == keys)
      ++blocks_.back().sequences;
    else
      blocks_.push_back({b, 1, keys, elements_});
    elements_ += q_heads_ * q_len_ * keys.size();
  }
}

const ScoreBlock& ScoreLayout::block_of(std::int64_t sequence) const {
  const auto after = std::upper_bound(
      blocks_.begin(), blocks_.end(), sequence,
      [](std::int64_t number, const ScoreBlock& block) { return number < block.sequence; });
  return *(after - 1);
}

std::int64_t ScoreLayout::first(std::int64_t sequence, std::int64_t head,
                                std::int64_t query) const {
  const ScoreBlock& block = block_of(sequence);
  const std::int64_t row = ((sequence - block.sequence) * q_heads_ + head) * q_len_ + query;
  return block.first + row * block.keys.size();
}

ProductRows::ProductRows(const Attention& a)
    : rows(std::max(a.q_len, a.group())), others(std::min(a.q_len, a.group())) {
  const bool of_queries = a.q_len >= a.group();
  of_tokens = of_queries ? Steps{a.q_heads, 1} : Steps{1, a.q_heads};
  of_scores = of_queries ? Steps{1, a.q_len} : Steps{a.q_len, 1};
}

UnfusedCache::UnfusedCache(const Attention& workload, const Inputs& inputs, Device& device)
    : workload_(workload), inputs_(inputs) {
  if (!gathers()) return;
  std::int64_t place = 0;
  for (std::int64_t b = 0; b < workload_.batch; ++b) {
    places_.push_back(place);
    place += workload_.keys(b).size();
  }
  for (const bool values : {false, true})
    copies_[values] = device.allocate(static_cast<std::size_t>(bytes_of(workload_, values)));
}

std::size_t UnfusedCache::bytes(const Attention& workload) {
  if (!workload.paged()) return 0;
  return static_cast<std::size_t>(bytes_of(workload, false) + bytes_of(workload, true));
}

void UnfusedCache::gather(std::size_t slot, int threads) {
  for (const bool values : {false, true}) {
    const KvRows rows(workload_, inputs_, slot, values);
    const std::int64_t of_a_key = rows.stride();
    on_team(threads, [&](int thread, int team) {
      for (std::int64_t b = 0; b < workload_.batch; ++b) {
        const KeyRange seen = workload_.keys(b);
        std::int64_t key = seen.first + seen.size() * thread / team;
        const std::int64_t end = seen.first + seen.size() * (thread + 1) / team;
        std::byte* to = copies_[values]->host() +
                        (places_[static_cast<std::size_t>(b)] + key - seen.first) * of_a_key;
        while (key < end) {
          const std::int64_t keys = std::min(rows.together(key), end - key);
          std::memcpy(to, rows.row(b, key, 0), static_cast<std::size_t>(keys * of_a_key));
          to += keys * of_a_key;
          key += keys;
        }
      }
    });
  }
}

Work UnfusedCache::gather_work() const {
  const double table = 4 * static_cast<double>(workload_.batch * pages_of_a_sequence(workload_));
  return {0, table + 2 * static_cast<double>(bytes(workload_))};
}

const std::byte* UnfusedCache::first(std::int64_t sequence, std::size_t slot, bool values) const {
  const std::int64_t of_a_key =
      width_of(workload_, values) * static_cast<std::int64_t>(size_of(workload_.kv_dtype));
  if (gathers())
    return copies_[values]->host() + places_[static_cast<std::size_t>(sequence)] * of_a_key;
  return inputs_.data(values ? "v" : "k", slot) +
         (sequence * workload_.kv_len + workload_.keys(sequence).first) * of_a_key;
}

std::int64_t UnfusedCache::sequence_step(const Attention& a, const ScoreBlock& block, bool values) {
  return (a.paged() ? block.keys.size() : a.kv_len) * width_of(a, values);
}

std::vector<Stage> unfused_stages(const Attention& a, const UnfusedCache& cache, DType weights) {
  const auto bytes = [](DType type, std::int64_t elements) {
    return static_cast<double>(size_of(type)) * static_cast<double>(elements);
  };
  const std::int64_t scores = ScoreLayout(a).elements(), tokens = a.batch * a.q_len * a.q_heads;
  const double of_q = bytes(a.dtype, tokens * a.head_dim), of_scores = bytes(DType::f32, scores),
               of_weights = bytes(weights, scores), of_o = bytes(a.dtype, tokens * a.v_head_dim),
               sinks = a.sinks ? bytes(DType::f32, a.q_heads) : 0;
  const double qk = 2 * a.pairs() * static_cast<double>(a.q_heads * a.head_dim);
  std::vector<Stage> stages;
  if (cache.gathers()) stages.push_back({"gather", true, cache.gather_work()});
  stages.push_back({"qk", true, {qk, of_q + static_cast<double>(bytes_of(a, false)) + of_scores}});
  stages.push_back({"softmax", true, {0, of_scores + sinks + of_weights}});
  stages.push_back(
      {"pv",
       true,
       {a.work().flops - qk, of_weights + static_cast<double>(bytes_of(a, true)) + of_o}});
  return stages;
}

}  // namespace ergon
