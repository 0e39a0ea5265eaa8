#include "kernels/attention/whole_cache.h"

#include <algorithm>
#include <cstring>

#include "kernels/attention/kv.h"
#include "kernels/devices/cpu.h"

namespace ergon {
namespace {

/// Elements of a key, or value, of all heads.
std::int64_t width_of(const Attention& a, bool values) {
  return a.kv_heads * (values ? a.v_head_dim : a.head_dim);
}

std::int64_t bytes_of(const Attention& a, bool values) {
  std::int64_t keys = 0;
  for (std::int64_t b = 0; b < a.batch; ++b) keys += a.keys(b).size();
  return keys * width_of(a, values) * static_cast<std::int64_t>(size_of(a.kv_dtype));
}

}  // namespace

std::vector<SequenceBlock> blocks_of_equal_keys(const Attention& a) {
  std::vector<SequenceBlock> blocks;
  for (std::int64_t b = 0; b < a.batch; ++b) {
    const KeyRange keys = a.keys(b);
    if (!blocks.empty() && blocks.back().keys == keys)
      ++blocks.back().sequences;
    else
      blocks.push_back({b, 1, keys});
  }
  return blocks;
}

WholeCache::WholeCache(const Attention& workload, const Inputs& inputs, Device& device)
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

std::size_t WholeCache::bytes(const Attention& workload) {
  if (!workload.paged()) return 0;
  return static_cast<std::size_t>(bytes_of(workload, false) + bytes_of(workload, true));
}

double WholeCache::seen_bytes(const Attention& workload, bool values) {
  return static_cast<double>(bytes_of(workload, values));
}

void WholeCache::gather(std::size_t slot, int threads) {
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

Stage WholeCache::gather_stage() const {
  const double table = 4 * static_cast<double>(workload_.batch * pages_of_a_sequence(workload_));
  return {"gather", true, {0, table + 2 * static_cast<double>(bytes(workload_))}};
}

const std::byte* WholeCache::first(std::int64_t sequence, std::size_t slot, bool values) const {
  const std::int64_t of_a_key =
      width_of(workload_, values) * static_cast<std::int64_t>(size_of(workload_.kv_dtype));
  if (gathers())
    return copies_[values]->host() + places_[static_cast<std::size_t>(sequence)] * of_a_key;
  return inputs_.data(values ? "v" : "k", slot) +
         (sequence * workload_.kv_len + workload_.keys(sequence).first) * of_a_key;
}

std::int64_t WholeCache::sequence_step(const Attention& a, const SequenceBlock& block,
                                       bool values) {
  return (a.paged() ? block.keys.size() : a.kv_len) * width_of(a, values);
}

}  // namespace ergon
