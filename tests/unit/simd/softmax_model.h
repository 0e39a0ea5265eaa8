// The softmax step of one query in float64, for tests of softmax.h.
#pragma once

#include <algorithm>
#include <limits>

#include "kernels/simd/softmax.h"
#include "tests/unit/simd/guarded.h"
#include "tests/unit/simd/sets.h"

namespace ergon::simd {

inline std::vector<const SoftmaxSet*> usable_softmax_sets() {
  std::vector<const SoftmaxSet*> list;
  for (const SoftmaxSet* set : softmax_sets())
    if (usable(*set, cpu_info())) list.push_back(set);
  return list;
}

inline std::string label(const SoftmaxSet& set) {
  return std::string(name(set.isa)) + (set.bf16 ? "_bf16" : "_f32") +
         (set.feature.empty() ? "" : "_" + std::string(set.feature));
}

inline void PrintTo(const SoftmaxSet* set, std::ostream* out) { *out << label(*set); }

inline constexpr double infinity = std::numeric_limits<double>::infinity();
inline constexpr double rounding = 0x1p-24;  // of f32, relative

/// What a step is told beside logits, and how logits lie among each other.
struct Problem {
  int keys = 1;
  double scale_log2 = 0.25, soft_cap = 0;
  bool scaled = false;   // keys and values have a scale each
  double deviation = 4;  // of logits
  double mean = 0;
};

inline std::string text(const Problem& p) {
  return std::to_string(p.keys) + " keys, scale " + std::to_string(p.scale_log2) + ", cap " +
         std::to_string(p.soft_cap) + (p.scaled ? ", scaled" : "") + ", logits " +
         std::to_string(p.mean) + " +- " + std::to_string(p.deviation);
}

/// A block of logits, [keys][lanes], and scales that end where the keys do.
struct Block {
  Block(const Problem& p, int lane_count, std::mt19937& draw) : lanes(lane_count) {
    std::normal_distribution<double> normal(p.mean, p.deviation);
    for (int i = 0; i < p.keys * lanes; ++i) logits.push_back(static_cast<float>(normal(draw)));
    std::uniform_real_distribution<float> scale(0.25F, 2);
    for (int i = 0; p.scaled && i < p.keys; ++i) {
      key_scale.push_back(scale(draw));
      value_scale.push_back(scale(draw));
    }
  }
  float logit(int key, int lane) const {
    return logits[static_cast<std::size_t>(key * lanes + lane)];
  }
  void give(SoftmaxCall& call) const {
    if (key_scale.empty()) return;
    call.key_scale = key_scale.data();
    call.value_scale = value_scale.data();
  }
  int lanes;
  std::vector<float> logits, key_scale, value_scale;
};

/// One query, as the header tells: in float64, following the running maximum that the set has
/// chosen where it had the choice.
class Model {
 public:
  Model(const SoftmaxSet& set, const Problem& problem) : set_(set), p_(problem) {}

  struct Got {
    float largest, sum, rescale;
  };
  /// One block, of which the keys first to end - 1 are seen. `weight(key)` is what was written.
  template <class Weight>
  void expect(const Block& block, int lane, int first, int end, const Got& got, Weight weight) {
    double found = -infinity;
    for (int key = std::max(first, 0); key < std::min(end, p_.keys); ++key)
      found = std::max(found, logit(block, key, lane));
    const double before = largest_, off = std::isinf(found) ? 0 : slack(found);
    expect_largest(found, off, got);
    largest_ = double{got.largest};
    const double rescale = before == largest_ ? 1 : std::exp2(before - largest_);
    const double fell = before == largest_ || rescale == 0 ? 0 : largest_ - before;
    EXPECT_NEAR(got.rescale, rescale, (3e-7 + rounding * fell) * rescale + 0x1p-126);
    double sum = sum_ * rescale, unsure = unsure_ * rescale + 1e-6 * sum;
    for (int key = 0; key < p_.keys; ++key) {
      const bool seen = key >= first && key < end;
      const double x = seen ? logit(block, key, lane) : -infinity;
      const double exact = seen ? std::exp2(x - largest_) : 0;
      const double near = seen ? exact * relative(x) + 0x1p-126 : 0;
      const double scale = block.value_scale.empty() ? 1 : double{block.value_scale[at(key)]};
      ASSERT_NEAR(weight(key), exact * scale,
                  (near + (set_.bf16 ? exact * 0x1p-8 : 0)) * scale + 0x1p-126)
          << "key " << key << " lane " << lane << ", " << text(p_);
      sum += exact;
      unsure += near + exact * rounding * 16;
    }
    ASSERT_NEAR(got.sum, sum, unsure) << "lane " << lane << ", " << text(p_);
    sum_ = sum;
    unsure_ = unsure;
  }
  double largest() const { return largest_; }

  double logit(const Block& block, int key, int lane) const {
    double x = double{block.logit(key, lane)};
    if (!block.key_scale.empty()) x *= double{block.key_scale[at(key)]};
    x *= p_.scale_log2;
    if (p_.soft_cap > 0) {
      const double to_e = std::log(2.0);
      x = p_.soft_cap / to_e * std::tanh(x * to_e / p_.soft_cap);
    }
    return x;
  }

 private:
  static std::size_t at(int index) { return static_cast<std::size_t>(index); }
  /// Of a logit in f32.
  double slack(double x) const { return (p_.soft_cap > 0 ? 20 : 6) * rounding * std::fabs(x); }
  /// Of its weight.
  double relative(double x) const {
    return (set_.bf16 ? 7.6e-5 : 3e-7) + slack(x) + rounding * std::fabs(x - largest_);
  }
  void expect_largest(double found, double off, const Got& got) const {
    const double now = double{got.largest};
    ASSERT_FALSE(std::isnan(now)) << text(p_);
    if (now == largest_) {
      EXPECT_TRUE(found <= largest_ + 8 + off) << found << " does not raise " << largest_;
    } else {
      EXPECT_NEAR(now, found, off) << text(p_);
      EXPECT_GT(found, largest_ + 8 - off) << "raises " << largest_;
    }
  }

  const SoftmaxSet& set_;
  const Problem p_;
  double largest_ = -infinity, sum_ = 0, unsure_ = 0;
};

inline std::vector<Problem> softmax_problems() {
  std::vector<Problem> list;
  for (int keys = 1; keys <= 70; ++keys) {
    list.push_back({keys});
    list.push_back({keys, 0.25, 0, true});
  }
  for (const int keys : {1, 2, 17, 33, 64})
    for (const bool scaled : {false, true}) {
      list.push_back({keys, 0.125, 3, scaled, 10});
      list.push_back({keys, 0.125, 50, scaled, 1000});
      list.push_back({keys, 1.4426950408889634, 0, scaled, 1e4});
      list.push_back({keys, 1.4426950408889634, 0, scaled, 1, 1e4});
      list.push_back({keys, 1.4426950408889634, 0, scaled, 1, -1e4});
      list.push_back({keys, 1.4426950408889634, 30, scaled, 1e4});
      list.push_back({keys, 1, 0, scaled, 0});
    }
  return list;
}

}  // namespace ergon::simd
