// How the blocks of keys of many items are cut among threads.
#include "kernels/attention/native_split.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace ergon {
namespace {

using Items = std::vector<Split::Item>;

std::int64_t weight(std::int64_t first, std::int64_t end) {
  return std::max<std::int64_t>(1, end - first);
}

/// Chunks of all shares, in their order, cover all blocks of all items in theirs.
void expect_every_block_once(const Items& items, const Split& split, int shares) {
  std::size_t item = 0;
  std::int64_t at = items.empty() ? 0 : items[0].first;
  for (int s = 0; s < shares; ++s)
    for (const Chunk& chunk : split.share(static_cast<std::size_t>(s))) {
      ASSERT_LT(item, items.size());
      ASSERT_EQ(chunk.item, static_cast<std::int64_t>(item));
      ASSERT_EQ(chunk.first, at);
      ASSERT_TRUE(chunk.end > chunk.first || items[item].end <= items[item].first);
      ASSERT_LE(chunk.end, std::max(items[item].first, items[item].end));
      at = chunk.end;
      if (at >= items[item].end && ++item < items.size()) at = items[item].first;
    }
  ASSERT_EQ(item, items.size());
}

void expect_even_shares(const Items& items, const Split& split, int shares) {
  std::int64_t all = 0;
  for (const Split::Item& one : items) all += weight(one.first, one.end);
  for (int s = 0; s < shares; ++s) {
    std::int64_t share = 0;
    for (const Chunk& chunk : split.share(static_cast<std::size_t>(s)))
      share += weight(chunk.first, chunk.end);
    ASSERT_TRUE(share == all / shares || share == (all + shares - 1) / shares)
        << share << " of " << all;
  }
}

void expect_complete_merges(const Items& items, const Split& split, int shares) {
  std::vector<std::int64_t> item_of(split.partials(), -1);
  std::vector<int> chunks(items.size()), cut(items.size());
  for (int s = 0; s < shares; ++s)
    for (const Chunk& chunk : split.share(static_cast<std::size_t>(s))) {
      ++chunks[static_cast<std::size_t>(chunk.item)];
      if (chunk.partial < 0) continue;
      ++cut[static_cast<std::size_t>(chunk.item)];
      ASSERT_LT(chunk.partial, static_cast<std::int64_t>(split.partials()));
      std::int64_t& owner = item_of[static_cast<std::size_t>(chunk.partial)];
      ASSERT_EQ(owner, -1) << "two results in one place";
      owner = chunk.item;
    }
  for (std::size_t i = 0; i < items.size(); ++i)
    ASSERT_EQ(cut[i], chunks[i] == 1 ? 0 : chunks[i]) << "item " << i;
  std::size_t next = 0;
  for (const Split::Merge& merge : split.merges()) {
    ASSERT_EQ(merge.first, next);
    ASSERT_EQ(static_cast<int>(merge.end - merge.first), cut[static_cast<std::size_t>(merge.item)]);
    for (; next < merge.end; ++next) ASSERT_EQ(item_of[next], merge.item);
  }
  ASSERT_EQ(next, split.partials());
  // What footprints are made of.
  ASSERT_LE(split.partials(), 2 * static_cast<std::size_t>(shares - 1));
}

void expect_sound(const Items& items, int shares) {
  const Split split(items, shares);
  expect_every_block_once(items, split, shares);
  expect_even_shares(items, split, shares);
  expect_complete_merges(items, split, shares);
}

std::string text(const Items& items, int shares) {
  std::string all = std::to_string(shares) + " shares:";
  for (const Split::Item& one : items)
    all += " " + std::to_string(one.first) + "-" + std::to_string(one.end);
  return all;
}

TEST(NativeSplit, TakesEveryBlockOnceInEvenSharesWhoseResultsAreMerged) {
  std::mt19937 draw(11);
  const auto below = [&](int limit) {
    return static_cast<int>(draw() % static_cast<unsigned>(limit));
  };
  for (int round = 0; round < 20000 && !testing::Test::HasFailure(); ++round) {
    Items items(static_cast<std::size_t>(below(12)));
    const int longest = 1 + below(round % 2 == 0 ? 5 : 60);
    for (Split::Item& one : items) {
      one.first = below(4) == 0 ? below(50) : 0;
      one.end = one.first + below(longest + 1);
    }
    const int shares = 1 + below(round % 3 == 0 ? 70 : 5);
    SCOPED_TRACE(text(items, shares));
    expect_sound(items, shares);
  }
}

TEST(NativeSplit, CutsNothingForOneShare) {
  const Split split({{0, 7}, {3, 3}, {2, 9}}, 1);
  EXPECT_EQ(split.partials(), 0U);
  EXPECT_TRUE(split.merges().empty());
  EXPECT_EQ(split.share(0).size(), 3U);
}

TEST(NativeSplit, CutsOneLongItemAmongAll) {
  const Split split({{0, 12}}, 3);
  for (std::size_t s = 0; s < 3; ++s) {
    ASSERT_EQ(split.share(s).size(), 1U);
    EXPECT_EQ(split.share(s)[0].first, static_cast<std::int64_t>(4 * s));
    EXPECT_EQ(split.share(s)[0].end, static_cast<std::int64_t>(4 * s + 4));
  }
  ASSERT_EQ(split.merges().size(), 1U);
  EXPECT_EQ(split.merges()[0].end, 3U);
}

}  // namespace
}  // namespace ergon
