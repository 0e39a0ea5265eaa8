#include "kernels/attention/unfused_scores.h"

#include <algorithm>

namespace ergon {

ScoreLayout::ScoreLayout(const Attention& a) : q_heads_(a.q_heads), q_len_(a.q_len) {
  for (const SequenceBlock& block : blocks_of_equal_keys(a)) {
    blocks_.push_back({block, elements_});
    elements_ += block.sequences * q_heads_ * q_len_ * block.keys.size();
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

std::vector<Stage> unfused_stages(const Attention& a, const WholeCache& cache, DType weights) {
  const auto bytes = [](DType type, std::int64_t elements) {
    return static_cast<double>(size_of(type)) * static_cast<double>(elements);
  };
  const std::int64_t scores = ScoreLayout(a).elements(), tokens = a.batch * a.q_len * a.q_heads;
  const double of_q = bytes(a.dtype, tokens * a.head_dim), of_scores = bytes(DType::f32, scores),
               of_weights = bytes(weights, scores), of_o = bytes(a.dtype, tokens * a.v_head_dim),
               sinks = a.sinks ? bytes(DType::f32, a.q_heads) : 0;
  const double qk = 2 * a.pairs() * static_cast<double>(a.q_heads * a.head_dim);
  std::vector<Stage> stages;
  if (cache.gathers()) stages.push_back(cache.gather_stage());
  stages.push_back({"qk", true, {qk, of_q + WholeCache::seen_bytes(a, false) + of_scores}});
  stages.push_back({"softmax", true, {0, of_scores + sinks + of_weights}});
  stages.push_back(
      {"pv", true, {a.work().flops - qk, of_weights + WholeCache::seen_bytes(a, true) + of_o}});
  return stages;
}

}  // namespace ergon
