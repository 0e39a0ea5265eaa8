// The layouts that native decoding reads: tokens may come at once or one by one.
#include "kernels/attention/native_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "kernels/attention/native_source.h"
#include "tests/unit/attention/native_isas.h"
#include "tests/unit/attention/outputs_of.h"
#include "tests/unit/simd/guarded.h"

namespace ergon {
namespace {

using std::string;
using Bytes = simd::Guarded<std::byte>;

struct Sizes {
  std::int64_t head_dim, v_head_dim, page;
};
constexpr Sizes all_sizes[] = {{64, 64, 0}, {33, 17, 0}, {80, 96, 7}, {1, 1, 3}, {33, 48, 128}};

Attention workload(const Types& types, const Sizes& sizes, std::int64_t kv_len) {
  return attention_of(with(attention_fields("softmax", "decode",
                                            {{"q_heads", 2},
                                             {"batch", 2},
                                             {"kv_len", kv_len},
                                             {"head_dim", sizes.head_dim},
                                             {"v_head_dim", sizes.v_head_dim},
                                             {"page", sizes.page}}),
                           types));
}

/// Puts tokens in parts of at most `most` at a time.
template <class Put>
void in_parts(std::int64_t tokens, std::int64_t most, std::mt19937& draw, Put put) {
  for (std::int64_t at = 0; at < tokens;) {
    const auto count = std::min<std::int64_t>(
        tokens - at, 1 + static_cast<std::int64_t>(draw() % static_cast<unsigned>(most)));
    put(at, count);
    at += count;
  }
}

class NativeCache : public testing::TestWithParam<Types> {
 protected:
  template <class Body>
  static void over_layouts(Body body) {
    for (const simd::Isa isa : usable_isas())
      for (const Sizes& sizes : all_sizes) {
        SCOPED_TRACE(string(simd::name(isa)) + ", " + std::to_string(sizes.head_dim) + "/" +
                     std::to_string(sizes.v_head_dim) + ", page " + std::to_string(sizes.page));
        body(isa, sizes);
      }
  }
};

// Of the second sequence's second head, tokens 3, 4, ...
TEST_P(NativeCache, OfKeysInLanesIsTheSameTokenByToken) {
  std::mt19937 draw(1);
  over_layouts([&](simd::Isa isa, const Sizes& sizes) {
    const auto cache = make_key_cache(workload(GetParam(), sizes, 1), isa);
    if (cache == nullptr) return;
    const Attention a = workload(GetParam(), sizes, cache->block() + 5);
    const auto inputs = attention_family().inputs(a, 7, 1);
    const KvRows keys(a, *inputs, 0, false), values(a, *inputs, 0, true);
    const auto bytes = static_cast<int>(cache->bytes());
    for (const std::int64_t tokens : {std::int64_t{1}, std::int64_t{21}, cache->block()}) {
      const auto put = [&](Bytes& to, std::int64_t at, std::int64_t count) {
        cache->put(keys, values, 1, 1, 3 + at, count, at, to.data());
      };
      Bytes at_once(bytes, std::byte{0});
      put(at_once, 0, tokens);
      for (const std::int64_t most : {1, 2, 40}) {
        Bytes parts(bytes, std::byte{0});
        in_parts(tokens, most, draw,
                 [&](std::int64_t at, std::int64_t count) { put(parts, at, count); });
        ASSERT_TRUE(parts.values() == at_once.values()) << tokens << " tokens, up to " << most;
        ASSERT_TRUE(parts.guards_hold() && at_once.guards_hold());
      }
      // The last ones once more, as `append` does after `pack`.
      Bytes again = at_once;
      put(again, std::max<std::int64_t>(0, tokens - 3), std::min<std::int64_t>(3, tokens));
      ASSERT_TRUE(again.values() == at_once.values()) << tokens << " tokens, some again";
    }
  });
}

// What it holds is seen through what it gives: o and logits of unit vectors.
TEST_P(NativeCache, OfKeysInLanesHoldsEveryKeyAndValue) {
  over_layouts([&](simd::Isa isa, const Sizes& sizes) {
    const auto cache = make_key_cache(workload(GetParam(), sizes, 1), isa);
    if (cache == nullptr) return;
    const std::int64_t tokens = cache->block() - 3, stride = rounded_up(cache->block(), 16);
    const Attention a = workload(GetParam(), sizes, tokens);
    const auto inputs = attention_family().inputs(a, 7, 1);
    const KvRows keys(a, *inputs, 0, false), values(a, *inputs, 0, true);
    HostMemory block(static_cast<std::size_t>(cache->bytes()));
    cache->put(keys, values, 1, 0, 0, tokens, 0, block.data());
    const auto element = static_cast<std::int64_t>(size_of(a.product_dtype()));
    const std::int64_t q_row = rounded_up(a.head_dim * element, 4);
    // One query; as many as a tile takes and more.
    for (const std::int64_t rows : {1, 3, 40}) {
      HostMemory queries(static_cast<std::size_t>(rows * q_row)),
          arranged(static_cast<std::size_t>(cache->query_bytes(rows))),
          logits(static_cast<std::size_t>(rows * stride * 4)),
          weights(static_cast<std::size_t>(rows * stride * 4)),
          o(static_cast<std::size_t>(rows * cache->columns() * 4)),
          scratch(static_cast<std::size_t>(cache->scratch_bytes(rows) + 1));
      std::vector<double> row(static_cast<std::size_t>(std::max(a.head_dim, a.v_head_dim)));
      const auto scale = [&](const float* scales, std::int64_t key) {
        return scales == nullptr ? 1.0 : double{scales[key]};
      };
      for (const std::int64_t d : {std::int64_t{0}, a.head_dim / 2, a.head_dim - 1}) {
        std::memset(queries.data(), 0, queries.bytes());
        for (std::int64_t r = 0; r < rows; ++r)
          store(a.product_dtype(), queries.data() + r * q_row, (d + r) % a.head_dim, 1);
        cache->arrange({queries.data(), q_row}, rows, arranged.data());
        cache->logits(block.data(), arranged.data(), rows, tokens,
                      reinterpret_cast<float*>(logits.data()), stride, scratch.data());
        for (std::int64_t key = 0; key < tokens; ++key) {
          keys.widened(1, key, 0, row.data());
          for (std::int64_t r = 0; r < rows; ++r)
            ASSERT_FLOAT_EQ(static_cast<float>(load(DType::f32, logits.data(), r * stride + key) *
                                               scale(cache->key_scale(block.data()), key)),
                            static_cast<float>(row[static_cast<std::size_t>((d + r) % a.head_dim)]))
                << "key " << key << " element " << d << " row " << r << " of " << rows;
        }
      }
      // Row r looks at key + r.
      for (std::int64_t key = 0; key < tokens; ++key) {
        std::memset(weights.data(), 0, weights.bytes());
        const auto row_bytes = stride * static_cast<std::int64_t>(size_of(cache->weights()));
        for (std::int64_t r = 0; r < rows; ++r) {
          store(cache->weights(), weights.data() + r * row_bytes, (key + r) % tokens, 2);
          for (std::int64_t c = 0; c < a.v_head_dim; ++c)
            store(DType::f32, o.data(), r * cache->columns() + c, 0.5);
        }
        cache->add_values(block.data(), weights.data(), row_bytes, rows, tokens,
                          reinterpret_cast<float*>(o.data()), scratch.data());
        for (std::int64_t r = 0; r < rows; r += 13) {
          const std::int64_t seen = (key + r) % tokens;
          values.widened(1, seen, 0, row.data());
          const double factor = scale(cache->value_scale(block.data()), seen);
          for (std::int64_t c = 0; c < a.v_head_dim; ++c)
            ASSERT_NEAR((load(DType::f32, o.data(), r * cache->columns() + c) - 0.5) / 2 * factor,
                        row[static_cast<std::size_t>(c)], 1e-6 * (1 + factor))
                << "key " << seen << " column " << c << " row " << r << " of " << rows;
        }
      }
    }
  });
}

TEST_P(NativeCache, OfQueriesInLanesIsTheSameTokenByToken) {
  over_layouts([&](simd::Isa isa, const Sizes& sizes) {
    const Attention one = workload(GetParam(), sizes, 1);
    for (const std::int64_t q_rows : {40, 300}) {
      const NativeShape shape(one.product_dtype(), q_rows, 4096, sizes.head_dim, sizes.v_head_dim,
                              isa);
      const KvBlocks layout(shape, one.kv_dtype == DType::s8);
      const Attention a = workload(GetParam(), sizes, shape.block + 5);
      const auto inputs = attention_family().inputs(a, 7, 1);
      const OperandKv source(a, *inputs, 0, isa);
      Bytes scratch(static_cast<int>(layout.scratch_bytes()), std::byte{0x77});
      for (const std::int64_t tokens : {std::int64_t{1}, std::int64_t{21}, shape.block}) {
        Bytes at_once(static_cast<int>(layout.bytes()), std::byte{0}), steps = at_once;
        layout.pack(source, 1, 1, 3, tokens, scratch.data(), at_once.data());
        for (std::int64_t key = 0; key < tokens; ++key)
          layout.put(source, 1, 1, 3 + key, key, scratch.data(), steps.data());
        ASSERT_TRUE(steps.values() == at_once.values()) << tokens << " tokens";
        ASSERT_TRUE(steps.guards_hold() && at_once.guards_hold() && scratch.guards_hold());
      }
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Every, NativeCache, testing::ValuesIn(all_types),
                         [](const auto& param) { return label(param.param); });

}  // namespace
}  // namespace ergon
