// Every value of every narrow type, by every set that this processor runs.
#include "kernels/simd/widen.h"

#include "tests/unit/simd/guarded.h"
#include "tests/unit/simd/sets.h"

namespace ergon::simd {
namespace {

class Widening : public testing::TestWithParam<const WidenSet*> {
 protected:
  const WidenSet& set() const { return *GetParam(); }
};

/// All bits of In, `count` at a time, against `one`.
template <class In, class Out, class One>
void expect_every(Widen widen, std::size_t count, One one) {
  constexpr std::size_t all = std::size_t{1} << (8 * sizeof(In));
  std::vector<In> from(all);
  for (std::size_t i = 0; i < all; ++i) from[i] = static_cast<In>(i);
  for (std::size_t first = 0; first < all; first += count) {
    const std::size_t some = std::min(count, all - first);
    Guarded<In> in(std::vector<In>(from.begin() + static_cast<std::ptrdiff_t>(first),
                                   from.begin() + static_cast<std::ptrdiff_t>(first + some)));
    Guarded<Out> out(static_cast<int>(some), Out{77});
    widen(reinterpret_cast<const std::byte*>(in.data()), reinterpret_cast<std::byte*>(out.data()),
          static_cast<std::int64_t>(some));
    for (std::size_t i = 0; i < some; ++i) {
      const Out wanted = one(from[first + i]), got = out.values()[i];
      // A NaN may become quiet.
      if (wanted != wanted) {
        ASSERT_NE(got, got) << first + i;
      } else {
        ASSERT_EQ(got, wanted) << first + i;
        ASSERT_EQ(std::signbit(got), std::signbit(wanted)) << first + i;
      }
    }
    ASSERT_TRUE(out.guards_hold());
  }
}

constexpr std::size_t counts[] = {1, 15, 16, 33, 100, 256};

TEST_P(Widening, OfCodesIsExact) {
  for (const std::size_t count : counts) {
    expect_every<std::int8_t, std::uint16_t>(set().s8_to_bf16, count, [](std::int8_t code) {
      return to_bf16(static_cast<float>(code));
    });
    expect_every<std::int8_t, float>(set().s8_to_f32, count,
                                     [](std::int8_t code) { return static_cast<float>(code); });
  }
}

TEST_P(Widening, OfHalvesIsExact) {
  for (const std::size_t count : counts) {
    expect_every<std::uint16_t, float>(set().f16_to_f32, count, from_f16);
    expect_every<std::uint16_t, float>(set().bf16_to_f32, count, from_bf16);
  }
}

TEST_P(Widening, OfNothingWritesNothing) {
  for (const Widen widen :
       {set().s8_to_bf16, set().s8_to_f32, set().f16_to_f32, set().bf16_to_f32}) {
    Guarded<float> out(1, 77);
    widen(nullptr, reinterpret_cast<std::byte*>(out.data()), 0);
    EXPECT_EQ(out.values()[0], 77);
  }
}

std::vector<const WidenSet*> usable_widen_sets() {
  std::vector<const WidenSet*> list;
  for (const WidenSet* set : widen_sets())
    if (usable(*set, cpu_info())) list.push_back(set);
  return list;
}

INSTANTIATE_TEST_SUITE_P(Every, Widening, testing::ValuesIn(usable_widen_sets()),
                         [](const auto& param) { return std::string(name(param.param->isa)); });

TEST(BestWidenSet, IsOfTheInstructionSetAskedFor) {
  for (const Isa isa : {Isa::portable, Isa::avx2, Isa::avx512})
    if (available(isa, cpu_info())) {
      EXPECT_EQ(best_widen_set(isa, cpu_info()).isa, isa);
    }
  EXPECT_EQ(best_widen_set(Isa::neon, cpu_info()).isa, Isa::portable);
  EXPECT_EQ(best_widen_set(Isa::avx512, CpuInfo{}).isa, Isa::portable);
}

}  // namespace
}  // namespace ergon::simd
