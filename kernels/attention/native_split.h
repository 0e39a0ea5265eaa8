// Work cut among threads: every item (queries that meet one head of keys) takes a number of equal
// parts of the keys (blocks, or less); a share is the same number of parts of items that follow
// each other. An item that is cut leaves partial results, which are merged.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/devices/cpu.h"

namespace ergon {

/// Parts first to end - 1 of an item.
struct Chunk {
  std::int64_t item = 0, first = 0, end = 0;
  std::int64_t partial = -1;  // number of its partial result; -1: it is the whole item
};

class Split {
 public:
  struct Item {
    std::int64_t first = 0, end = 0;  // parts; none where end <= first
  };

  Split(const std::vector<Item>& items, int shares) : shares_(static_cast<std::size_t>(shares)) {
    std::int64_t all = 0;
    for (const Item& item : items) all += weight(item);
    std::int64_t done = 0, share = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::size_t before = partials_;
      std::int64_t at = items[i].first;
      do {
        while (share + 1 < shares && done >= all * (share + 1) / shares) ++share;
        const std::int64_t room = share + 1 < shares ? all * (share + 1) / shares - done : all;
        const std::int64_t end = std::min(items[i].end, at + room);
        const bool whole = at == items[i].first && end >= items[i].end;
        shares_[static_cast<std::size_t>(share)].push_back(
            {static_cast<std::int64_t>(i), at, end,
             whole ? -1 : static_cast<std::int64_t>(partials_++)});
        done += std::max<std::int64_t>(1, end - at);
        at = end;
      } while (at < items[i].end);
      if (partials_ > before) merges_.push_back({static_cast<std::int64_t>(i), before, partials_});
    }
  }

  /// Of a list of items and their chunks, while they grow: not more.
  static constexpr std::int64_t bytes(std::int64_t items) {
    return items * std::int64_t{3 * (sizeof(Item) + sizeof(Chunk))};
  }

  struct Merge {
    std::int64_t item;
    std::size_t first, end;  // partial results
  };

  /// Calls attend(chunk, thread) for every chunk, each share on one of `threads` threads; when all
  /// are done, join(merge, thread) for every item that was cut.
  template <class Attend, class Join>
  void run(int threads, Attend attend, Join join) const {
    on_team(threads, [&](int thread, int team) {
      for (std::size_t share = static_cast<std::size_t>(thread); share < shares_.size();
           share += static_cast<std::size_t>(team))
        for (const Chunk& chunk : shares_[share]) attend(chunk, thread);
      if (merges_.empty()) return;
      team_barrier();
      for (std::size_t i = static_cast<std::size_t>(thread); i < merges_.size();
           i += static_cast<std::size_t>(team))
        join(merges_[i], thread);
    });
  }
  const std::vector<Chunk>& share(std::size_t share) const { return shares_[share]; }
  const std::vector<Merge>& merges() const { return merges_; }
  std::size_t partials() const { return partials_; }

 private:
  static std::int64_t weight(const Item& item) {
    return std::max<std::int64_t>(1, item.end - item.first);
  }
  std::vector<std::vector<Chunk>> shares_;
  std::vector<Merge> merges_;
  std::size_t partials_ = 0;
};

}  // namespace ergon
