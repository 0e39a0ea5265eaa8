// The operands of attention: what is drawn, where it lies, and what belongs to no key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "kernels/attention/kv.h"
#include "kernels/fill.h"
#include "tests/unit/attention/workload.h"

namespace ergon {
namespace {

using std::string;

/// Three sequences of 40, 30 and 20 keys; two heads of keys.
FieldMap three(FieldMap more = {}) {
  more.insert({{"batch", whole(3)},
               {"lengths", word("spread")},
               {"kv_heads", whole(2)},
               {"head_dim", whole(8)},
               {"v_head_dim", whole(6)}});
  return decode_of(4, 40, more);
}

std::unique_ptr<Inputs> drawn(const Attention& a, std::uint64_t seed = 3, std::size_t slots = 1) {
  return attention_family().inputs(a, seed, slots);
}

/// Rows of "k" or "v" in memory that hold a key, as sequence * kv_len + token behind each.
std::vector<std::int64_t> owners(const Attention& a, const Inputs& inputs) {
  const TensorDesc& k = inputs.desc("k");
  std::vector<std::int64_t> owner(static_cast<std::size_t>(k.sizes[0] * k.sizes[1]), -1);
  for (std::int64_t b = 0; b < a.batch; ++b)
    for (std::int64_t t = 0; t < a.length(b); ++t) {
      std::int64_t place = b * a.kv_len + t;
      if (a.paged()) {
        const std::int64_t pages = inputs.desc("block_table").sizes[1];
        const auto* table = inputs.as<std::int32_t>("block_table", 0);
        place = table[b * pages + t / a.page] * a.page + t % a.page;
      }
      std::int64_t& whose = owner.at(static_cast<std::size_t>(place));
      EXPECT_EQ(whose, -1) << "two keys in one place";
      whose = b * a.kv_len + t;
    }
  return owner;
}

void expect_poison_elsewhere(const Attention& a) {
  const auto inputs = drawn(a);
  const std::vector<std::int64_t> owner = owners(a, *inputs);
  for (const char* name : {"k", "v"}) {
    const TensorDesc& desc = inputs->desc(name);
    const std::size_t row = static_cast<std::size_t>(desc.sizes[2] * desc.sizes[3]);
    const std::vector<std::byte> poison(row * size_of(desc.dtype), poison_byte(desc.dtype));
    for (std::size_t place = 0; place < owner.size(); ++place) {
      const std::byte* data = inputs->data(name, 0) + place * poison.size();
      if (owner[place] < 0) {
        EXPECT_EQ(std::memcmp(data, poison.data(), poison.size()), 0) << name << " row " << place;
        continue;
      }
      for (std::size_t i = 0; i < row; ++i)
        EXPECT_TRUE(std::isfinite(load(desc.dtype, data, static_cast<std::int64_t>(i))));
    }
    if (a.kv_dtype != DType::s8) continue;
    const auto* scale = inputs->as<float>(name + string("_scale"), 0);
    for (std::size_t place = 0; place < owner.size(); ++place)
      for (std::int64_t h = 0; h < a.kv_heads; ++h)
        EXPECT_EQ(std::isnan(scale[static_cast<std::int64_t>(place) * a.kv_heads + h]),
                  owner[place] < 0)
            << name << " scale of row " << place;
  }
}

TEST(AttentionInputs, AreNotANumberWhereNoKeyIs) {
  for (const std::int64_t page : {0, 1, 7, 16, 64})
    for (const char* kv_dtype : {"same", "f16", "s8"})
      for (const char* dtype : {"bf16", "f32"})
        expect_poison_elsewhere(attention_of(
            three({{"page", page}, {"kv_dtype", word(kv_dtype)}, {"dtype", word(dtype)}})));
}

TEST(AttentionInputs, LieInPagesOfTheirOwn) {
  const Attention a = attention_of(three({{"page", whole(7)}}));
  const auto inputs = drawn(a);
  ASSERT_EQ(pages_of_a_sequence(a), 6);
  ASSERT_EQ(pages_of_all(a), 6 + 5 + 3 + 2);
  const auto* table = inputs->as<std::int32_t>("block_table", 0);
  std::set<std::int32_t> used;
  for (std::int64_t b = 0; b < 3; ++b)
    for (std::int64_t p = 0; p < 6; ++p) {
      const std::int32_t page = table[b * 6 + p];
      if (p * 7 >= a.length(b)) {
        EXPECT_EQ(page, 0) << "past the end";
        continue;
      }
      EXPECT_TRUE(page >= 1 && page < pages_of_all(a)) << page;
      EXPECT_TRUE(used.insert(page).second) << page << " is named twice";
    }
  EXPECT_EQ(used.size(), 6u + 5 + 3);
  EXPECT_FALSE(std::is_sorted(table, table + 6)) << "pages of a sequence are scattered";
}

TEST(AttentionInputs, AreTheSameInPagesAndInOnePiece) {
  for (const char* kv_dtype : {"same", "s8"}) {
    const Attention whole_a = attention_of(three({{"kv_dtype", word(kv_dtype)}}));
    const Attention paged_a =
        attention_of(three({{"kv_dtype", word(kv_dtype)}, {"page", whole(7)}}));
    const auto in_one = drawn(whole_a), in_pages = drawn(paged_a);
    for (const bool values : {false, true}) {
      const KvRows one(whole_a, *in_one, 0, values), pages(paged_a, *in_pages, 0, values);
      std::vector<double> x(static_cast<std::size_t>(one.width())), y(x.size());
      for (std::int64_t b = 0; b < 3; ++b)
        for (std::int64_t t = 0; t < whole_a.length(b); ++t)
          for (std::int64_t h = 0; h < 2; ++h) {
            one.widened(b, t, h, x.data());
            pages.widened(b, t, h, y.data());
            EXPECT_EQ(x, y) << b << " " << t << " " << h;
          }
    }
  }
}

TEST(AttentionInputs, FollowTheSeedAndNotTheSlots) {
  const Attention a = attention_of(three({{"sinks", true}, {"page", whole(7)}}));
  const auto one = drawn(a, 3, 1), three_slots = drawn(a, 3, 3), other = drawn(a, 4, 1);
  for (const NamedDesc& operand : one->operands()) {
    const std::size_t bytes = operand.desc.span_bytes();
    for (std::size_t slot = 0; slot < 3; ++slot)
      EXPECT_EQ(
          std::memcmp(one->data(operand.name, 0), three_slots->data(operand.name, slot), bytes), 0)
          << operand.name << " slot " << slot;
    EXPECT_NE(std::memcmp(one->data(operand.name, 0), other->data(operand.name, 0), bytes), 0)
        << operand.name;
  }
}

}  // namespace
}  // namespace ergon
